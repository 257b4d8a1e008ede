"""Who can do what: Agent Cards in SQL, found by skill, platform, tag, words and health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from itertools import islice

import structlog
from a2a.types import AgentCard
from a2a.utils.constants import TransportProtocol
from sqlalchemy.ext.asyncio import AsyncEngine

from protocol_interface.card_check import check_card, interface_url
from protocol_interface.card_fetch import TIMEOUT, Fetched, card_url, fetch_card, fetch_changed
from protocol_interface.hosts import HostRule
from protocol_interface.product import RegisteredAgent, Source
from protocol_interface.registry.admission import admitted, check_likeness, check_origin
from protocol_interface.registry.current import Current
from protocol_interface.registry.index import Known, Wanted
from protocol_interface.registry.probing import Http, Prober, found_as
from protocol_interface.registry.records import (
    Admission,
    AgentDetails,
    Entry,
    Replica,
    ReplicaState,
    moment,
)
from protocol_interface.registry.routing import Routing
from protocol_interface.registry.signatures import TrustedKeys
from protocol_interface.registry.store import Store, Writing
from shared.errors import AgentUnavailable, Conflict, InvalidInput, NotFound

log = structlog.get_logger(__name__)
SHORTEST_LEASE, LONGEST_LEASE = 5.0, 86_400.0
_LATELY = 1.0
_COMPARED = 1000
"""Names that an unknown one is compared with."""


class Registry:
    """Agents by name, in `a2a_agents` of the process's database. An agent's id is its card's name.

    hosts: where strangers may be; public addresses only, if not said. keys: whose signatures count.
    limit: most agents of strangers.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        hosts: HostRule | None = None,
        keys: TrustedKeys | None = None,
        limit: int = 1000,
    ) -> None:
        self._store = Store(engine)
        self._hosts = hosts or HostRule()
        self._keys = keys or TrustedKeys()
        self._limit = limit
        self._routing = Routing()
        self._prober = Prober(self._store, self._hosts, self._judge, self._readmit)
        self._current = Current(self._store, self._forgotten)

    # Registering

    async def register(self, card: AgentCard, *, url: str) -> RegisteredAgent:
        """Add or renew LexiQuery's own agent at `url`, also one that was known to be elsewhere.

        Raises InvalidInput for a card that can't be used.
        """
        check_card(card, url)
        return await self._admit(self._admission(card, url, "own"))

    async def register_url(self, url: str, *, lease_seconds: float | None = None) -> RegisteredAgent:
        """Fetch the card at `url` that somebody gave and register it, as an agent that nobody vouches for.

        lease_seconds: how long it is registered unless it is registered again before; for good if not given. The URL's
        host and those of the card's interfaces must be where strangers may be.
        Raises InvalidInput, AgentUnavailable, Conflict.
        """
        until = _lease_until(lease_seconds)
        return await self._admit(await self._fetched(url, "url" if until is None else "lease", until))

    async def _fetched(self, url: str, source: Source, lease_until: float | None = None) -> Admission:
        known = await self._store.at(place_of(url))
        fetched = await fetch_changed(url, known.etag if known else None, hosts=self._hosts)
        card = fetched.card or (known.entry(trusted=False).card if known else None)
        assert card is not None, "only who knows the card gets none"
        await self._check_interfaces(card, url, source)
        return self._admission(card, url, source, fetched.etag, lease_until)

    async def register_card(self, card: AgentCard, *, lease_seconds: float | None = None) -> RegisteredAgent:
        """Register a card that somebody gave, as one at where its interfaces are. It changes no agent that is known.

        Raises InvalidInput, AgentUnavailable, Conflict.
        """
        return await self._admit(await self._given(card, home_of(card), _lease_until(lease_seconds)))

    async def register_replicas(self, cards: Sequence[tuple[str, AgentCard]]) -> RegisteredAgent:
        """Register cards of one name that somebody gave, each with its URL, all or none: as the replicas of an agent
        that is new, or of one that has them already.

        Raises InvalidInput, AgentUnavailable, Conflict.
        """
        return await self._admit(*[await self._given(card, url) for url, card in cards])

    async def _given(self, card: AgentCard, url: str, lease_until: float | None = None) -> Admission:
        await self._hosts.address(card_url(url))
        source: Source = "card" if lease_until is None else "lease"
        await self._check_interfaces(card, url, source)
        return replace(self._admission(card, url, source, None, lease_until), given=True)

    async def register_own(self, name: str, url: str) -> RegisteredAgent:
        """Fetch the card of LexiQuery's own agent `name` from where the operator says that it is, and register it
        there: one more replica, if the agent is known.

        Raises AgentUnavailable, and InvalidInput when another agent is there.
        """
        card = await fetch_card(url)
        if card.name != name:
            raise InvalidInput(f"the agent at {url} is '{card.name}', not '{name}'", suggestion="mend LEXIQUERY_AGENTS")
        return await self._admit(self._admission(card, url, "own"), joining=True)

    async def register_static(self, url: str, card: AgentCard | None = None) -> RegisteredAgent:
        """Register an agent that the operator's settings name: no other card takes its name, and nobody removes it.

        card: where it is not fetched. The rest is as with register_url.
        """
        admission = self._admission(card, url, "static") if card else await self._fetched(url, "static")
        return await self._admit(admission, joining=True)

    async def places(self, name: str) -> set[str]:
        """The URLs of the agent's replicas; none of an agent that is unknown."""
        known = (await self._current.index()).get(name)
        return set(known.healths if known else ())

    async def keep_only(self, name: str, urls: Sequence[str]) -> None:
        """Forget where else the agent was, once it is at one of these URLs."""
        there, kept = await self.places(name), {place_of(url) for url in urls}
        if there & kept and there - kept:
            async with self._store.writing() as writing:
                await writing.keep_only(name, sorted(kept))
            await self._current.index()

    async def remove(self, name: str) -> None:
        """Raises NotFound with the nearest name, Conflict for one of LexiQuery's own, or of the operator's."""
        agent = await self.get(name)
        if agent.trusted:
            raise Conflict(
                f"agent '{name}' is LexiQuery's own", suggestion="only agents that were registered by URL go"
            )
        if agent.source == "static":
            raise Conflict(f"agent '{name}' is in LEXIQUERY_AGENT_CARDS", suggestion="take it out there, and restart")
        await self.forget([name])

    async def forget(self, names: Sequence[str]) -> None:
        """Remove agents, whoever registered them."""
        async with self._store.writing() as writing:
            await writing.remove(names)
        await self._current.index()

    # Finding

    async def discover(
        self,
        skill: str | None = None,
        platform: str | None = None,
        q: str | None = None,
        *,
        tag: str | None = None,
        healthy: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[RegisteredAgent]:
        """Agents with a skill of that name, platform and tag, and with every word of q in their card.

        Trusted ones first, then by name: whatever name a stranger takes, it stands in front of none of ours.
        limit: how many at most; after: the last one of the page before.
        """
        index = await self._current.index()
        return list(islice(index.find(Wanted(skill, platform, q, tag, healthy), after), limit))

    async def get(self, name: str) -> RegisteredAgent:
        """Raises NotFound with the nearest name."""
        return (await self._known(name)).agent

    async def details(self, name: str) -> AgentDetails:
        """Raises NotFound with the nearest name."""
        known = await self._known(name)
        card, versions = await self._store.card(name)
        replicas = [self._state(one) for one in await self._store.replicas([name])]
        return AgentDetails(agent=known.agent, card=card, replicas=replicas, versions=versions)

    async def replicas(self, names: Sequence[str]) -> list[Replica]:
        return await self._store.replicas(names)

    async def route(self, name: str, skill: str = "") -> Entry:
        """Where a call of the skill goes now (protocol_interface/registry/routing.py).

        What another process changed counts within _LATELY seconds. Raises NotFound with the nearest name.
        """
        known = (await self._current.lately(_LATELY)).get(name) or await self._known(name)
        dead = {url for url, healthy in known.healths.items() if healthy is False}
        return self._routing.choose(await self._entries(known), dead, skill)

    def using(self, entry: Entry, skill: str = "") -> AbstractAsyncContextManager[None]:
        """Around a call of the entry: how it ends says how its replica is. See Routing.using."""
        return self._routing.using(entry, skill)

    # What changes

    async def version(self) -> int:
        """The number of the last change that discovery can show, by whatever process."""
        return (await self._current.index()).version

    async def mark(self, name: str, healthy: bool) -> None:
        """Write down how an agent was found, wherever it is; last_seen moves only when it was well."""
        replicas = await self._store.replicas([name])
        problem = None if healthy else "it did not answer"
        if found := [found_as(one, problem) for one in replicas]:
            async with self._store.writing() as writing:
                await writing.note(found)
            await self._current.index()

    async def check_due(self, http: Http, *, every: float) -> None:
        """Ask those agents for their cards whom it is time to ask, all at once, and write down how they are.

        http: how to reach one; every: seconds from one look at a replica to the next, give or take a half.
        """
        index = await self._current.index()
        places = ((one.agent.id, url, health) for one in index.all() for url, health in one.healths.items())
        if due := set(self._prober.due(places, every)):
            replicas = await self._store.replicas(sorted({name for name, _ in due}))
            wanted = [one for one in replicas if (one.agent_id, one.url) in due]
            agents = {one.agent_id: known.agent for one in wanted if (known := index.get(one.agent_id))}
            await self._prober.ask(wanted, agents, http, every=every)
            await self._current.index()

    async def _judge(self, fetched: Fetched, replica: Replica, agent: RegisteredAgent) -> Admission:
        assert fetched.card is not None, "a card that is still the same is not judged"
        if not agent.trusted:
            await self._check_interfaces(fetched.card, replica.url, agent.source)
        until = replica.lease_until
        return self._admission(fetched.card, replica.url, agent.source, fetched.etag, until, healthy=True)

    async def _readmit(self, admission: Admission) -> None:
        await self._admit(admission, joining=True)

    def _admission(
        self,
        card: AgentCard,
        url: str,
        source: Source,
        etag: str | None = None,
        lease_until: float | None = None,
        *,
        healthy: bool | None = None,
    ) -> Admission:
        return Admission(card, place_of(url), source, self._keys.judge(card), etag, lease_until, healthy)

    async def _admit(self, *admissions: Admission, joining: bool = False) -> RegisteredAgent:
        """Take in the replicas of one agent, all or none."""
        name = admissions[0].card.name
        index = await self._current.index()
        for admission in admissions:
            check_likeness(admission, index.own)
        if all([await self._is_renewal(one, index.get(name)) for one in admissions]):
            for one in admissions:
                await self._store.renew(name, one.url, one.lease_until, one.etag)
            await self._current.reread([name])
        else:
            async with self._store.writing() as writing:
                await self._put(writing, admissions, joining=joining)
        return await self.get(name)

    async def _put(self, writing: Writing, admissions: Sequence[Admission], *, joining: bool) -> None:
        name = admissions[0].card.name
        is_new = await writing.agent(name) is None
        if is_new and admissions[0].source not in ("own", "static") and await writing.strangers() >= self._limit:
            raise Conflict(
                f"the registry has {self._limit} agents of others already",
                suggestion="remove one, or raise LEXIQUERY_REGISTRY_LIMIT",
            )
        for one in admissions:
            known, urls = await writing.agent(name), await writing.digests(name)
            taken, replacing = admitted(one, known, urls, joining=joining or is_new)
            await writing.put(taken, replacing=replacing)

    async def _is_renewal(self, admission: Admission, known: Known | None) -> bool:
        """Whether it says nothing new, but for the time until which it is registered."""
        if known is None or known.healths.get(admission.url, False) is False:
            return False
        replicas = await self._store.replicas([known.agent.id])
        if admission.trusted and len(replicas) > 1:
            return False
        replica = next((one for one in replicas if one.url == admission.url), None)
        return (
            replica is not None
            and replica.digest == admission.digest
            and (replica.lease_until is None) == (admission.lease_until is None)
            and (known.agent.source, known.agent.signature, known.agent.signer)
            == (admission.source, admission.signature.state, admission.signature.signer)
        )

    async def _check_interfaces(self, card: AgentCard, url: str, source: Source) -> None:
        places = {interface_url(interface).copy_with(path="/", query=None) for interface in card.supported_interfaces}
        try:
            async with asyncio.timeout(TIMEOUT):
                for place in places:
                    await self._hosts.address(place)
        except TimeoutError as error:
            raise AgentUnavailable(f"can't resolve the hosts of the interfaces of '{card.name}'") from error
        if source != "static":
            check_origin(card, url)

    def _forgotten(self, name: str) -> None:
        self._prober.forget(name)
        self._routing.forget(name)

    async def _known(self, name: str) -> Known:
        index = await self._current.index()
        if known := index.get(name):
            return known
        raise NotFound.named("agent", name, index.names[:_COMPARED])

    async def _entries(self, known: Known) -> list[Entry]:
        if known.entries is None:
            replicas = await self._store.replicas([known.agent.id])
            known.entries = [one.entry(trusted=known.agent.trusted) for one in replicas]
        if not known.entries:
            raise NotFound(f"agent '{known.agent.id}' was removed just now")
        return known.entries

    def _state(self, one: Replica) -> ReplicaState:
        load = self._routing.load(one.agent_id, one.url)
        pause = load.paused_until - time.monotonic()
        return ReplicaState(
            url=one.url,
            healthy=one.healthy,
            problem=one.problem,
            failures=one.failures,
            probe_seconds=one.latency,
            last_seen=moment(one.last_seen),
            lease_until=moment(one.lease_until),
            in_flight=load.in_flight,
            calls_failed=load.failed,
            paused_until=moment(time.time() + pause) if pause > 0 else None,
            seconds={skill: round(seconds, 4) for skill, (seconds, _) in load.seconds.items()},
        )


def home_of(card: AgentCard) -> str:
    """Where the agent of a card is: the start of its first interface's URL, of gRPC's only if it has no other."""
    found = card.supported_interfaces
    first = next((one for one in found if one.protocol_binding != TransportProtocol.GRPC.value), found[0])
    return str(interface_url(first).copy_with(path="/", query=None, fragment=None)).rstrip("/")


def place_of(url: str) -> str:
    """How the registry writes an agent's URL."""
    return url.strip().rstrip("/")


def _lease_until(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    if not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
        given = f"a lease of {seconds:g} s"
        raise InvalidInput(given, suggestion=f"give {SHORTEST_LEASE:g} to {LONGEST_LEASE:g} seconds, and renew in time")
    return time.time() + seconds
