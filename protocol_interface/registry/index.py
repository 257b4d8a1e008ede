"""The registry in memory, for discovery: every agent in the order in which it is shown."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Any

from sqlalchemy import Row

from protocol_interface.product import RegisteredAgent
from protocol_interface.registry.records import PLATFORM, Entry, moment, platforms_of, skills_of

Key = tuple[bool, str]
"""What agents are sorted by: LexiQuery's own first, then names."""
_MANY = 500
"""Agents that are sorted at once, and not put in their places one by one."""
_FEW = 300
"""Agents that are looked up one by one, at most; more are met soon enough on the way through all of them."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for. Skill, platform and tag have to be of one skill; each word of q is in the card, as a part of
    a word; healthy: found so when it was last asked, and False is what does not answer."""

    skill: str | None = None
    platform: str | None = None
    q: str | None = None
    tag: str | None = None
    healthy: bool | None = None

    @property
    def tags(self) -> frozenset[str]:
        platform = {f"{PLATFORM}{self.platform}"} if self.platform else set()
        return frozenset(platform | ({self.tag} if self.tag else set()))

    @property
    def words(self) -> list[str]:
        return (self.q or "").lower().split()

    @property
    def marks(self) -> list[str]:
        skill = [f"skill {self.skill}"] if self.skill else []
        health = [] if self.healthy is None else [f"healthy {self.healthy}"]
        return [*skill, *health, *(f"tag {tag}" for tag in self.tags)]


@dataclass
class Known:
    """An agent as it is found.

    words: every word of its card; lease_end: when the first lease of it is over; healths: of its replicas, by URL;
    entries: where to call it, once somebody asked.
    """

    agent: RegisteredAgent
    words: str
    lease_end: float
    healths: dict[str, bool | None]
    key: Key = field(init=False)
    skills: list[tuple[str, frozenset[str]]] = field(init=False)
    entries: list[Entry] | None = None

    def __post_init__(self) -> None:
        self.key = not self.agent.trusted, self.agent.id
        self.skills = [(skill["id"], frozenset(skill["tags"])) for skill in self.agent.skills]

    def offers(self, skill: str | None, tags: frozenset[str]) -> bool:
        return any((not skill or one == skill) and tags <= its for one, its in self.skills)

    @property
    def offered(self) -> Iterator[tuple[str, str]]:
        """Each skill and its platform."""
        return ((skill["id"], platform) for skill in self.agent.skills for platform in platforms_of(skill))


class Index:
    """version: the change up to which it is current."""

    def __init__(self) -> None:
        self.version = -1
        self._known: dict[str, Known] = {}
        self._keys: list[Key] = []
        self._leases: dict[str, float] = {}
        self._having: dict[str, set[str]] = {}
        self._words = Words()
        self._offered: frozenset[tuple[str, str]] = frozenset()

    def get(self, name: str) -> Known | None:
        return self._known.get(name)

    def all(self) -> Iterator[Known]:
        return iter(self._known.values())

    @property
    def names(self) -> list[str]:
        """In the order in which agents are shown."""
        return [name for _, name in self._keys]

    @property
    def own(self) -> list[str]:
        return [name for _, name in takewhile(lambda key: not key[0], self._keys)]

    @property
    def lease_end(self) -> float:
        """When the first lease is over."""
        return min(self._leases.values(), default=math.inf)

    def over(self, now: float) -> list[str]:
        """Who has a lease that seems to be over."""
        return [name for name, end in self._leases.items() if end <= now]

    def put(self, found: Sequence[Known], gone: Iterable[str] = ()) -> None:
        for name in gone:
            self._drop(name)
        for known in found:
            self._drop(known.agent.id)
            self._add(known)
        if len(found) > _MANY:
            self._keys = sorted(known.key for known in self._known.values())
        offered = frozenset(one for name in self.own for one in self._known[name].offered)
        # Whoever is new is compared with ours; when ours have changed, everybody is.
        for known in found if offered == self._offered else self._known.values():
            known.agent = _beside(known, offered)
        self._offered = offered

    def find(self, wanted: Wanted, after: str | None = None) -> Iterator[RegisteredAgent]:
        """Who fits, in order, from behind the agent `after`."""
        few, tags, words = self._candidates(wanted), wanted.tags, wanted.words
        together = len(tags) + bool(wanted.skill) > 1
        for _, name in self._in_order(few, after):
            known = self._known[name]
            if together and not known.offers(wanted.skill, tags):
                continue
            for word in words:
                if word not in known.words:
                    break
            else:
                yield known.agent

    def _in_order(self, few: set[str] | None, after: str | None) -> Iterable[Key]:
        keys, start = self._keys, 0
        if few is not None and len(few) <= _FEW:
            keys, few = sorted(self._known[name].key for name in few), None
        if after is not None:
            known = self._known.get(after)
            # One that was removed since had been a stranger: nobody removes our own.
            start = bisect_right(keys, known.key if known else (True, after))
        rest = islice(keys, start, None)
        return rest if few is None else (key for key in rest if key[1] in few)

    def _candidates(self, wanted: Wanted) -> set[str] | None:
        """Who has the skill, the tags and those words that are rare, if any are wanted; maybe not in one skill."""
        having = [self._having.get(mark, set()) for mark in wanted.marks]
        having += [found for word in wanted.words if (found := self._words.having(word)) is not None]
        return set.intersection(*having) if having else None

    def _add(self, known: Known) -> None:
        name = known.agent.id
        self._known[name] = known
        insort(self._keys, known.key)
        if known.lease_end < math.inf:
            self._leases[name] = known.lease_end
        self._words.add(known.words, name)
        for mark in _marks(known):
            self._having.setdefault(mark, set()).add(name)

    def _drop(self, name: str) -> None:
        if (known := self._known.pop(name, None)) is None:
            return
        del self._keys[bisect_left(self._keys, known.key)]
        self._leases.pop(name, None)
        self._words.drop(known.words, name)
        for mark in _marks(known):
            self._having[mark].discard(name)
            if not self._having[mark]:
                del self._having[mark]


class Words:
    """Which agents have a word, when few words hold it: one look through all different words, and no card."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}
        self._text: str | None = None

    def add(self, words: str, name: str) -> None:
        for word in words.split():
            if word not in self._names:
                self._names[word], self._text = set(), None
            self._names[word].add(name)

    def drop(self, words: str, name: str) -> None:
        for word in words.split():
            self._names[word].discard(name)
            if not self._names[word]:
                del self._names[word]
                self._text = None

    def having(self, part: str) -> set[str] | None:
        """Who has a word that `part` is a part of; None for many agents, of whom some are soon found by their cards."""
        if self._text is None:
            self._text = "\n".join(("", *self._names, ""))
        found: set[str] = set()
        at = self._text.find(part)
        while at >= 0:
            end = self._text.index("\n", at)
            names = self._names[self._text[self._text.rindex("\n", 0, at + 1) + 1 : end]]
            if len(found) + len(names) > _FEW:
                return None
            found |= names
            at = self._text.find(part, end)
        return found


def _marks(known: Known) -> set[str]:
    tags = {f"tag {tag}" for _, tags in known.skills for tag in tags}
    return {f"healthy {known.agent.healthy}", *tags, *(f"skill {skill}" for skill, _ in known.skills)}


def _beside(known: Known, own: frozenset[tuple[str, str]]) -> RegisteredAgent:
    """The agent, with what it claims that one of ours does."""
    if known.agent.trusted:
        return known.agent
    clashes = sorted({f"{skill} on {platform}" for skill, platform in known.offered if (skill, platform) in own})
    return known.agent if clashes == known.agent.clashes else known.agent.model_copy(update={"clashes": clashes})


def known_of(row: Row[Any], replicas: Sequence[Row[Any]]) -> Known:
    """From a row of `a2a_agents`, and its replicas' url, health and lease."""
    leases = [replica.lease_until for replica in replicas if replica.lease_until is not None]
    forever = len(leases) < len(replicas)
    # Not checked again: it was when it was written, and ten thousand are read at once.
    agent = RegisteredAgent.model_construct(
        id=row.id,
        name=row.card["name"],
        description=row.card.get("description", ""),
        url=_first(row.url, [replica.url for replica in replicas]),
        version=row.card.get("version", ""),
        skills=(skills := skills_of(row.card)),
        platform=next((platform for skill in skills for platform in platforms_of(skill)), None),
        healthy=_health([replica.healthy for replica in replicas]),
        trusted=row.trusted,
        source=row.source,
        signature=row.signature,
        signer=row.signer,
        lease_until=None if forever or not leases else moment(max(leases)),
        replicas=len(replicas),
    )
    healths = {replica.url: replica.healthy for replica in replicas}
    return Known(agent, row.words, min(leases, default=math.inf), healths)


def _first(url: str, urls: Sequence[str]) -> str:
    return url if url in urls or not urls else urls[0]


def _health(replicas: Sequence[bool | None]) -> bool | None:
    """Well if one of them is; dead if all are."""
    if True in replicas:
        return True
    return None if None in replicas or not replicas else False
