"""Whether an Agent Card can be used: what it must have, and what no honest card holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
from a2a.client.card_resolver import parse_agent_card
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard, AgentInterface
from a2a.utils.constants import TransportProtocol
from google.protobuf.json_format import ParseError

from shared.a2a.sizes import is_deeper
from shared.errors import InvalidInput

CARD_LIMIT = 256 * 1024
"""Bytes of the largest card that is read."""
NAME_LIMIT = 64
SKILL_LIMIT = 128
"""Characters of a skill's id, and of a tag."""
SKILLS = 200
"""Most skills of a card, and most tags of a skill."""
INTERFACES = 16
DEPTH = 32
"""Most objects and lists within each other."""
_TAKEN = ("discover", "register", "export", "import")
"""What addresses below /a2a/agents/ mean already: an agent of that name could not be shown there."""
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Controls but for ends of lines and tabs, and what turns the direction of writing: a terminal obeys them, a reader is
shown another text, and NUL can't be kept in PostgreSQL."""


def parse_card(content: bytes, source: str) -> AgentCard:
    """A card that can be used. Raises InvalidInput naming what is wrong with it."""
    if len(content) > CARD_LIMIT:
        raise too_large(source)
    try:
        data = json.loads(content.decode("utf-8"), object_pairs_hook=_object)
        if is_deeper(data, DEPTH):
            raise ValueError(f"its values lie more than {DEPTH} deep within each other")
        card = parse_agent_card(data)
    except RecursionError as error:
        raise InvalidInput(f"the card at {source} is no Agent Card: its values lie too deep") from error
    except (ValueError, TypeError, AttributeError, KeyError, ParseError) as error:
        raise InvalidInput(f"the card at {source} is no Agent Card: {error}") from error
    check_card(card, source)
    return card


def given_card(card: dict[str, Any] | None, source: str) -> AgentCard:
    """The same for a card that came as JSON already."""
    return parse_card(json.dumps(card).encode(), source)


def too_large(source: str) -> InvalidInput:
    return InvalidInput(f"the card at {source} is larger than {CARD_LIMIT // 1024} KiB")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two keys of one name mean one thing to us and another to who signed or checked the card."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object has the key '{next(name for name in names if names.count(name) > 1)[:100]}' twice")
    return found


def check_card(card: AgentCard, source: str) -> None:
    """Raises InvalidInput for a card without a usable name, interface or skill, or with two skills of one id."""
    if not 0 < len(card.name) <= NAME_LIMIT:
        raise InvalidInput(f"the card at {source} has a name of {len(card.name)} characters, not 1 to {NAME_LIMIT}")
    if not card.name.isprintable() or card.name != card.name.strip():
        raise InvalidInput(f"the card at {source} has the name {card.name!r}, with characters that nobody sees")
    _check_name(card.name)
    _check_interfaces(card)
    _check_skills(card)
    for text in _texts(agent_card_to_dict(card)):
        if hidden := _HIDDEN.search(text):
            raise InvalidInput(f"the card of '{card.name}' holds the control character {hidden[0]!r}")


def _check_name(name: str) -> None:
    """Raises InvalidInput for one by which no address, or no command, could name the agent."""
    if name in _TAKEN:
        raise InvalidInput(
            f"no agent can be called '{name}': /a2a/agents/{name} is an address of the registry itself",
            suggestion=f"name it '{name}-agent', say",
        )
    if name.startswith("-") or not {".", ".."}.isdisjoint(name.split("/")):
        raise InvalidInput(
            f"no agent can be called '{name}': commands and addresses would read it otherwise",
            suggestion="give it a name that does not begin with '-', without '.' and '..' between slashes",
        )


def _check_interfaces(card: AgentCard) -> None:
    if not card.supported_interfaces:
        raise InvalidInput(f"the card of '{card.name}' names no interface")
    if len(card.supported_interfaces) > INTERFACES:
        raise InvalidInput(f"the card of '{card.name}' names more than {INTERFACES} interfaces")
    for interface in card.supported_interfaces:
        if not _is_usable(interface):
            shown = f"'{interface.url[:200]}'"
            raise InvalidInput(
                f"the card of '{card.name}' has an interface at {shown}, no http URL with a port of 1 to 65535"
            )


def _is_usable(interface: AgentInterface) -> bool:
    try:
        url = interface_url(interface)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host) and not url.userinfo and has_port(url)


def has_port(url: httpx.URL) -> bool:
    """Whether the URL's port is one, or its scheme's: httpx takes any number."""
    return url.port is None or 0 < url.port < 65536


def interface_url(interface: AgentInterface) -> httpx.URL:
    """Such that its host can be looked up: gRPC's interfaces may be named HOST:PORT alone."""
    bare = interface.protocol_binding == TransportProtocol.GRPC.value and "://" not in interface.url
    return httpx.URL(f"http://{interface.url}" if bare else interface.url)


def _check_skills(card: AgentCard) -> None:
    skills = [skill.id for skill in card.skills]
    if not skills or not all(skills):
        raise InvalidInput(f"the card of '{card.name}' has no skills, or one without an id")
    if len(skills) > SKILLS or any(len(skill.tags) > SKILLS for skill in card.skills):
        raise InvalidInput(f"the card of '{card.name}' has more than {SKILLS} skills, or tags of a skill")
    if long := _too_long((*skills, *(tag for skill in card.skills for tag in skill.tags))):
        raise InvalidInput(f"the card of '{card.name}' has '{long[:40]}…', longer than {SKILL_LIMIT} characters")
    if len(set(skills)) < len(skills):
        twice = next(skill for skill in skills if skills.count(skill) > 1)
        raise InvalidInput(f"the card of '{card.name}' has two skills '{twice}'")


def _too_long(names: Iterable[str]) -> str | None:
    return next((name for name in names if len(name) > SKILL_LIMIT), None)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a card, names of fields too."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
