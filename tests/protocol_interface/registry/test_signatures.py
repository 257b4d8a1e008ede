"""Signed cards: signed by the SDK, checked against the operator's keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from a2a.types import AgentCard, AgentCardSignature
from a2a.utils.signing import create_agent_card_signer
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode
from sqlalchemy.ext.asyncio import AsyncEngine

from protocol_interface.hosts import HostRule
from protocol_interface.registry import Registry
from protocol_interface.registry.signatures import TrustedKeys
from shared.errors import Conflict, InvalidInput
from tests.protocol_interface.registry.cards import Place, card, skill

PARTNER, OTHER = (generate_private_key(SECP256R1()) for _ in range(2))


def signed(one: AgentCard, key: EllipticCurvePrivateKey = PARTNER, kid: str = "partner") -> AgentCard:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    header = {"kid": kid, "alg": "ES256", "jku": "http://169.254.169.254/keys", "typ": "JOSE"}
    return create_agent_card_signer(pem, header)(one)  # type: ignore[arg-type]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the partner's public key."""
    pem = PARTNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "partner.pem").write_bytes(pem)
    return tmp_path


@pytest.fixture
def trusting(engine: AsyncEngine, registry: Registry, keys: Path) -> Registry:
    return Registry(engine, hosts=HostRule(loopback=True), keys=TrustedKeys.read(keys))


def guest(url: str = "http://93.184.215.14") -> AgentCard:
    return card("guest", skill("guess"), description="errät, was fehlt", url=url)


async def test_a_card_is_shown_as_signed_by_the_key_that_verifies_it(trusting: Registry, place: Place) -> None:
    place.card = signed(guest(place.url))
    found = await trusting.register_url(place.url)
    assert (found.signature, found.signer, found.trusted) == ("verified", "partner", False)


async def test_cards_without_a_signature_or_by_an_unknown_key_are_shown_as_such(
    trusting: Registry, registry: Registry, place: Place
) -> None:
    place.card = signed(guest(place.url), OTHER, "somebody")
    found = await trusting.register_url(place.url)
    assert (found.signature, found.signer) == ("unverified", None)
    assert (await registry.register(card("plain", skill("guess")), url="http://p.example")).signature == "none"


def _changed(one: AgentCard) -> AgentCard:
    one.description = "another"
    return one


@pytest.mark.parametrize(
    "lie",
    [_changed(signed(guest())), signed(guest(), OTHER, "partner")],
    ids=["changed after it was signed", "signed by another in the partner's name"],
)
async def test_a_card_whose_signature_fails_is_refused(trusting: Registry, lie: AgentCard) -> None:
    with pytest.raises(InvalidInput, match="signature of the card of 'guest' is not by the key 'partner'"):
        await trusting.register_card(lie)
    assert await trusting.discover() == []


NO_SIGNATURES: list[Any] = [
    "%%%",
    "é",
    base64url_encode(b"[]").decode(),
    base64url_encode(b"\xff").decode(),
    base64url_encode(b"[" * 100_000).decode(),
    base64url_encode(b'{"kid": "partner", "alg": "none"}').decode(),
    base64url_encode(b'{"kid": "partner", "alg": "HS256"}').decode(),
    base64url_encode(b'{"kid": ["partner"], "alg": "ES256"}').decode(),
    base64url_encode(b'{"alg": "ES256"}').decode(),
]


@pytest.mark.parametrize("protected", NO_SIGNATURES)
def test_what_is_no_signature_is_refused_with_or_without_keys(keys: Path, protected: str) -> None:
    one = guest()
    one.signatures.append(AgentCardSignature(protected=protected, signature="AAAA"))
    for trusted in (TrustedKeys.read(keys), TrustedKeys()):
        with pytest.raises(InvalidInput, match="has a signature that is none"):
            trusted.judge(one)


@pytest.mark.parametrize("alg", ["RS256", "EdDSA", "PS512", "ES512"])
def test_a_key_of_another_kind_verifies_nothing(keys: Path, alg: str) -> None:
    one = guest()
    header = json.dumps({"kid": "partner", "alg": alg}).encode()
    one.signatures.append(AgentCardSignature(protected=base64url_encode(header).decode(), signature="AAAA"))
    with pytest.raises(InvalidInput, match="is not by the key 'partner'"):
        TrustedKeys.read(keys).judge(one)


async def test_an_agent_that_was_signed_stays_signed_by_the_same(trusting: Registry, place: Place) -> None:
    place.card = signed(guest(place.url))
    await trusting.register_url(place.url)
    place.card = card("guest", skill("guess"), skill("steal"), url=place.url)
    with pytest.raises(Conflict, match="was signed by 'partner', and this card is not"):
        await trusting.register_url(place.url)
    assert [one["id"] for one in (await trusting.get("guest")).skills] == ["guess"]


async def test_replicas_join_when_one_trusted_key_signed_them(trusting: Registry) -> None:
    for url in ("http://93.184.215.14", "http://93.184.215.15"):
        await trusting.register_card(signed(guest(url)))
    assert (await trusting.get("guest")).replicas == 2
    with pytest.raises(Conflict, match=r"signed by 'partner'|is registered at"):
        await trusting.register_card(guest("http://93.184.215.16"))


def test_keys_are_read_as_jwk_jwks_and_pem(tmp_path: Path, keys: Path) -> None:
    jwk = json.loads(ECAlgorithm.to_jwk(PARTNER.public_key())) | {"kid": "partner", "alg": "ES256"}
    (tmp_path / "one.json").write_text(json.dumps(jwk))
    (tmp_path / "set.json").write_text(json.dumps({"keys": [jwk]}))
    for path in (tmp_path / "one.json", tmp_path / "set.json", tmp_path / "partner.pem"):
        assert TrustedKeys.read(path).judge(signed(guest())).signer == "partner"


NO_KEYS = [
    ("{}", "a key has no 'kid'|holds no public key"),
    ('{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}', "it holds a private key"),
    ('{"kty": "EC", "crv": "P-256", "kid": "a", "d": "AAAA"}', "it holds a private key"),
    ("-----BEGIN PRIVATE KEY-----\n", "holds no public key"),
    ("", "holds no public key"),
]


@pytest.mark.parametrize(("text", "says"), NO_KEYS)
def test_a_file_that_holds_no_public_key_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=f"LEXIQUERY_AGENT_KEYS: .*keys.*({says})"):
        TrustedKeys.read(file)
