"""Whether a card is taken into the registry: whose word counts, and what nobody may pretend to be."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from protocol_interface.registry.records import Admission
from shared.errors import Conflict

_RANK = {"own": 2, "static": 1}
"""Whose word counts more: LexiQuery's own, then the operator's static cards, then whoever registers."""


def admitted(
    admission: Admission, known: Row[Any] | None, urls: Sequence[str], *, joining: bool
) -> tuple[Admission, bool]:
    """The admission as it is taken, and whether its URL becomes the agent's only one.

    known, urls: the agent of that name as it is; joining: the operator adds a replica. A stranger keeps the URL it was
    registered at, and its signer; another replica joins when the same trusted key signed both cards. Raises Conflict.
    """
    if known is None:
        return admission, True
    rank, rank_known = _RANK.get(admission.source, 0), 2 if known.trusted else _RANK.get(known.source, 0)
    if rank > rank_known:
        return admission, True
    if admission.url not in urls and rank < rank_known:
        raise _elsewhere(admission, known)
    if rank < 2 and known.signer and admission.signature.signer != known.signer:
        unlike = f"agent '{admission.card.name}' was signed by '{known.signer}', and this card is not"
        raise Conflict(unlike, suggestion="remove the agent first, if it may change its signer")
    if rank < rank_known:
        # Whoever names the URL of ours, or of the operator's, renews it at most: a lease of his would end it.
        return replace(admission, source="own" if known.trusted else known.source, lease_until=None), False
    if rank == 2:
        return admission, not joining
    same_signer = known.signer is not None and known.signer == admission.signature.signer
    if admission.url not in urls and not joining and rank == 0 and not same_signer:
        raise _elsewhere(admission, known)
    return admission, False


def _elsewhere(admission: Admission, known: Row[Any]) -> Conflict:
    return Conflict(
        f"agent '{admission.card.name}' is registered at {known.url}, not {admission.url}",
        suggestion="remove it first, or give the other agent another name; replicas are signed by one trusted key",
    )


def check_likeness(admission: Admission, own: Iterable[str]) -> None:
    """Raises Conflict when a stranger's name reads like that of one of ours, and is not the same."""
    name = admission.card.name
    if admission.trusted:
        return
    for ours in own:
        if name != ours and _as_read(name) == _as_read(ours):
            unlike = f"the name '{name}' reads like that of LexiQuery's own agent '{ours}'"
            raise Conflict(unlike, suggestion="give the agent another name")


def _as_read(name: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFKC", name).casefold() if mark.isalnum())
