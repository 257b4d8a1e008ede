"""Whether a card is taken into the registry: whose word counts, and what nobody may pretend to be."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from a2a.types import AgentCard
from a2a.utils.constants import TransportProtocol
from sqlalchemy import Row

from protocol_interface.card_check import interface_url
from protocol_interface.card_fetch import card_url
from protocol_interface.registry.records import Admission
from shared.errors import Conflict, InvalidInput

_RANK = {"own": 2, "static": 1}
"""Whose word counts more: LexiQuery's own, then the operator's static cards, then whoever registers."""
_OURS = ("lexiquery", "core_engine")
"""Names of LexiQuery itself, in the ledger and the logs."""


def admitted(
    admission: Admission, known: Row[Any] | None, urls: Mapping[str, str], *, joining: bool
) -> tuple[Admission, bool]:
    """The admission as it is taken, and whether its URL becomes the agent's only one.

    known, urls: the agent of that name as it is, and its URLs with their cards' digests; joining: the operator adds a
    replica. A stranger keeps the URL it was registered at, and its signer; another replica joins when the same trusted
    key signed both cards. A given card changes nothing of a known agent but by that key. Raises Conflict.
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
    same_signer = known.signer is not None and known.signer == admission.signature.signer
    if admission.given and not same_signer and urls.get(admission.url, admission.digest) != admission.digest:
        unlike = f"agent '{admission.card.name}' has another card at {known.url}"
        raise Conflict(unlike, suggestion="register its URL, where the card is fetched, or remove the agent first")
    if rank < rank_known or (admission.given and admission.url in urls and known.source in ("url", "card")):
        # Whoever names the URL of ours, of the operator's, or gives another's card renews it at most: a lease of his
        # would end it.
        return replace(admission, source="own" if known.trusted else known.source, lease_until=None), False
    if rank == 2:
        return admission, not joining
    if admission.url not in urls and not joining and rank == 0 and not same_signer:
        raise _elsewhere(admission, known)
    return admission, False


def _elsewhere(admission: Admission, known: Row[Any]) -> Conflict:
    return Conflict(
        f"agent '{admission.card.name}' is registered at {known.url}, not {admission.url}",
        suggestion="remove it first, or give the other agent another name; replicas are signed by one trusted key",
    )


def check_likeness(admission: Admission, own: Iterable[str]) -> None:
    """Raises Conflict when a stranger's name reads like that of one of ours, and is not the same; InvalidInput when it
    may read like one in letters of another script, or names a peer in the ledger (`peer:…`)."""
    name = admission.card.name
    if admission.trusted:
        return
    for ours in (*own, *_OURS):
        if (name != ours or ours in _OURS) and _as_read(name) == _as_read(ours):
            unlike = f"the name '{name}' reads like that of LexiQuery's own agent '{ours}'"
            raise Conflict(unlike, suggestion="give the agent another name")
    if admission.source != "static" and not (name.isascii() and name.isprintable() and ":" not in name):
        unlike = f"the name '{name}' holds ':' or another script's letters"
        raise InvalidInput(unlike, suggestion="name it in printable ASCII without ':'")


def check_origin(card: AgentCard, url: str) -> None:
    """Raises InvalidInput when an interface is not at the scheme, host and port of the agent's URL, or gRPC's not at
    its host: who vouches for the one says nothing of the other."""
    home = card_url(url)
    for interface in card.supported_interfaces:
        found = interface_url(interface)
        is_grpc = interface.protocol_binding == TransportProtocol.GRPC.value
        if found.host != home.host or (not is_grpc and (found.scheme, found.port) != (home.scheme, home.port)):
            raise InvalidInput(
                f"the card of '{card.name}' has an interface at {interface.url[:200]}, and the agent is at {url[:200]}",
                suggestion="serve the card where the agent is called; only gRPC may have another port",
            )


def _as_read(name: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFKC", name).casefold() if mark.isalnum())
