"""Whether replicas live: each is asked for its card now and then, a dead one less and less often."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import structlog

from protocol_interface.card_fetch import Fetched, NoCard, fetch_changed
from protocol_interface.hosts import HostRule
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry.records import Admission, Replica, digest_of
from protocol_interface.registry.routing import average
from protocol_interface.registry.store import Found, Store
from shared.errors import InvalidInput, LexiQueryError

log = structlog.get_logger(__name__)
QUARANTINE = 3
"""Probes in a row that failed, from which on a replica is asked less often: each time half as often as before."""
LEAST_OFTEN = 20
"""Times the usual wait, at most."""
AT_ONCE = 200
"""Replicas that are asked at a time."""
FORGET_DAYS = 7
"""A stranger that nobody saw alive for so long is removed."""
_NOTE_SECONDS = 300.0
"""How often it is written down that a replica is still well."""
_REASON = 500
"""Characters of a reason that are kept."""

Http = Callable[[str], httpx.AsyncClient]
Readmit = Callable[[Admission], Awaitable[Any]]
Judge = Callable[[Fetched, Replica, RegisteredAgent], Awaitable[Admission]]


class Prober:
    """judge: the changed card of a replica as it may be taken in; readmit: takes it in."""

    def __init__(self, store: Store, hosts: HostRule, judge: Judge, readmit: Readmit) -> None:
        self._store = store
        self._hosts = hosts
        self._judge = judge
        self._readmit = readmit
        self._next: dict[tuple[str, str], float] = {}

    def due(self, places: Iterable[tuple[str, str, bool | None]], every: float) -> list[tuple[str, str]]:
        """Whom to ask now of these (name, URL, health), those that wait longest first; AT_ONCE at most.

        Somebody new is asked at once; those that another process has asked, some time within `every` seconds.
        """
        now, found = time.monotonic(), []
        for name, url, healthy in places:
            wait = 0.0 if healthy is None else every * random.random()  # noqa: S311 -- jitter, not a secret
            at = self._next.setdefault((name, url), now + wait)
            if at <= now:
                found.append((at, name, url))
        return [(name, url) for _, name, url in sorted(found)[:AT_ONCE]]

    async def ask(
        self,
        replicas: Sequence[Replica],
        agents: Mapping[str, RegisteredAgent],
        http: Http,
        *,
        every: float,
    ) -> None:
        """Ask all of them at once, and write down what is new. agents: whose they are, by name."""
        asked = [(replica, agent) for replica in replicas if (agent := agents.get(replica.agent_id))]
        looks = (self._look(one, agent, http(agent.id)) for one, agent in asked)
        ended = await asyncio.gather(*looks, return_exceptions=True)
        found = [_found(one, replica) for one, (replica, _) in zip(ended, asked, strict=True)]
        for one in found:
            again = every * random.uniform(0.5, 1.5) * slower(one.failures)  # noqa: S311 -- jitter, not a secret
            self._next[one.agent_id, one.url] = time.monotonic() + again
        await self._write([(replica, agent, one) for (replica, agent), one in zip(asked, found, strict=True)])

    def forget(self, name: str) -> None:
        for key in [key for key in self._next if key[0] == name]:
            del self._next[key]

    async def _look(self, replica: Replica, agent: RegisteredAgent, client: httpx.AsyncClient) -> Found:
        """A stranger's address is judged each time: its name may have come to mean another."""
        began, problem, etag = time.monotonic(), None, replica.etag
        hosts = None if agent.trusted else self._hosts
        try:
            fetched = await fetch_changed(replica.url, etag, client=client, hosts=hosts)
            await self._compare(fetched, replica, agent)
            etag = fetched.etag
        except LexiQueryError as error:
            # Who gave a card by file need not serve one.
            lives = isinstance(error, NoCard) and agent.source in ("static", "card") and error.status < 500
            problem = None if lives else str(error)[:_REASON]
        took = time.monotonic() - began
        known = took if replica.latency is None else average(replica.latency, took)
        return replace(found_as(replica, problem), etag=etag, seconds=replica.latency if problem else known)

    async def _compare(self, fetched: Fetched, replica: Replica, agent: RegisteredAgent) -> None:
        """Take in a card that has changed. Raises InvalidInput, Conflict for another agent's card, or one that lies."""
        if fetched.card is None:
            return
        if fetched.card.name != agent.id:
            raise InvalidInput(f"the agent at {replica.url} is '{fetched.card.name[:64]}' by now")
        admission = await self._judge(fetched, replica, agent)
        if digest_of(admission.data) != replica.digest:
            await self._readmit(admission)

    async def _write(self, asked: Sequence[tuple[Replica, RegisteredAgent, Found]]) -> None:
        turned = [found for replica, _, found in asked if found.healthy is not replica.healthy]
        for one in turned:
            if not one.healthy:
                log.warning("agent does not answer", name=one.agent_id, url=one.url, problem=one.problem)
            else:
                log.info("agent answers", name=one.agent_id, url=one.url)
        if quiet := [found for replica, _, found in asked if found not in turned and _is_news(replica, found)]:
            await self._store.refresh(quiet)
        lost = [(found.agent_id, found.url) for replica, agent, found in asked if _is_lost(replica, agent, found)]
        if turned or lost:
            async with self._store.writing() as writing:
                await writing.note(turned)
                await writing.forget(lost)


def found_as(replica: Replica, problem: str | None) -> Found:
    """The replica, well or not."""
    failures = replica.failures + 1 if problem else 0
    return Found(replica.agent_id, replica.url, problem, failures, replica.latency, replica.etag)


def _found(ended: Found | BaseException, replica: Replica) -> Found:
    """Whatever went wrong with one replica is a failed probe of it, and of no other."""
    if isinstance(ended, Exception):
        log.error("agent can't be asked", name=replica.agent_id, url=replica.url, exc_info=ended)
        return found_as(replica, f"it can't be asked: {type(ended).__name__}")
    if isinstance(ended, BaseException):
        raise ended
    return ended


def slower(failures: int) -> float:
    """How many times the usual wait a replica is left alone after so many failures in a row."""
    return 1.0 if failures < QUARANTINE else float(min(2 ** min(failures - QUARANTINE + 1, 10), LEAST_OFTEN))


def _is_news(replica: Replica, found: Found) -> bool:
    seen = time.time() - (replica.last_seen or 0.0)
    return found.failures != replica.failures or found.etag != replica.etag or (found.healthy and seen > _NOTE_SECONDS)


def _is_lost(replica: Replica, agent: RegisteredAgent, found: Found) -> bool:
    strange = agent.source in ("url", "card")
    return strange and not found.healthy and time.time() - (replica.last_seen or 0.0) > FORGET_DAYS * 86_400
