"""Who signed a card: JWS signatures (A2A 1.0, section 8.4) checked against the keys that the operator trusts.

A card's own `jku` is not followed: whoever writes a card would name the keys that vouch for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a2a.types import AgentCard, AgentCardSignature
from a2a.utils.signing import SignatureVerificationError, create_signature_verifier
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from jwt.utils import base64url_decode

from protocol_interface.product import SignatureState
from shared.errors import InvalidInput

_ALGORITHMS = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"]
"""Of public keys only: a secret shared with every reader would let any of them sign."""
_MOST = 8
"""Signatures of a card that are looked at."""


@dataclass(frozen=True)
class Signature:
    """signer: the id of the trusted key that verified the card."""

    state: SignatureState = "none"
    signer: str | None = None


UNSIGNED = Signature()


class TrustedKeys:
    """Public keys by their ids (`kid`)."""

    def __init__(self, keys: Mapping[str, Any] | None = None) -> None:
        self._keys = keys or {}

    @classmethod
    def read(cls, path: Path | None) -> TrustedKeys:
        """Keys of a file, or of the files in a folder: JWK, JWKS, or PEM, whose id is the file's name without its end.

        Raises InvalidInput naming the file that holds no public key.
        """
        if path is None:
            return cls()
        files = sorted(filter(Path.is_file, path.glob("*"))) if path.is_dir() else [path]
        return cls({kid: key for file in files if not file.name.startswith(".") for kid, key in _keys_of(file)})

    def judge(self, card: AgentCard) -> Signature:
        """Raises InvalidInput for a signature that is none, and for one of a trusted key that is not the card's."""
        if not card.signatures:
            return UNSIGNED
        if len(card.signatures) > _MOST:
            raise InvalidInput(f"the card of '{card.name}' has more than {_MOST} signatures")
        known = [(kid, one) for one in card.signatures if (kid := _key_id(card.name, one)) in self._keys]
        for kid, one in known:
            if self._is_by(kid, one, card):
                return Signature("verified", kid)
        if known:
            raise InvalidInput(
                f"the signature of the card of '{card.name}' is not by the key '{known[0][0]}' that it names",
                suggestion="the card was changed after it was signed, or somebody else signed it",
            )
        return Signature("unverified")

    def _is_by(self, kid: str, signature: AgentCardSignature, card: AgentCard) -> bool:
        signed = AgentCard()
        signed.CopyFrom(card)
        del signed.signatures[:]
        signed.signatures.append(signature)
        try:
            create_signature_verifier(lambda *_: self._keys[kid], _ALGORITHMS)(signed)
        except (SignatureVerificationError, PyJWTError, TypeError, ValueError):  # the last two: a key of another kind
            return False
        return True


def _key_id(name: str, signature: AgentCardSignature) -> str:
    try:
        header = json.loads(base64url_decode(signature.protected.encode("utf-8")))
    except (ValueError, RecursionError):
        header = None
    kid = header.get("kid") if isinstance(header, dict) else None
    if not isinstance(header, dict) or header.get("alg") not in _ALGORITHMS or not isinstance(kid, str) or not kid:
        raise InvalidInput(
            f"the card of '{name}' has a signature that is none",
            suggestion=f"its protected header needs 'kid' and an 'alg' of {', '.join(_ALGORITHMS)}",
        )
    return kid


def _keys_of(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        content = file.read_bytes()
        if content.lstrip().startswith(b"{"):
            yield from _of_json(json.loads(content))
        else:
            yield file.stem, load_pem_public_key(content)
    except (OSError, ValueError, TypeError, PyJWTError, UnsupportedAlgorithm) as error:
        raise InvalidInput(
            f"LEXIQUERY_AGENT_KEYS: {file} holds no public key: {error}",
            suggestion="expected PEM (BEGIN PUBLIC KEY), a JWK or a JWKS",
        ) from error


def _of_json(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for jwk in data.get("keys", [data]):
        if "d" in jwk or jwk.get("kty") == "oct":
            raise ValueError("it holds a private key")
        if not isinstance(jwk.get("kid"), str):
            raise ValueError("a key has no 'kid'")
        yield jwk["kid"], PyJWK(jwk)
