"""The registry in SQL: reading, and writing under a number that grows with every change."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from protocol_interface.registry.records import Admission, CardVersion, Replica, moment, words_of
from protocol_interface.registry.tables import agents, changes, counter, replicas, versions
from shared.database import insert_on

VERSIONS = 20
"""Versions of a card that are kept: an agent that changes its card all the time fills no disk."""
_AT_ONCE = 500
"""Ids in one query: SQLite takes no more than some thousand parameters."""


@dataclass(frozen=True)
class Found:
    """What a probe of a replica found. problem: why it is not well; seconds: on average, None if it isn't known."""

    agent_id: str
    url: str
    problem: str | None
    failures: int
    seconds: float | None
    etag: str | None

    @property
    def healthy(self) -> bool:
        return self.problem is None


class Store:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def version(self) -> int:
        """The number of the last change; 0 before the first."""
        async with self._engine.connect() as connection:
            return int((await connection.execute(select(counter.c.version))).scalar() or 0)

    async def changed(self, since: int) -> list[str]:
        """Ids of the agents that were changed, added or removed after that change."""
        return [row.agent_id for row in await self._rows(select(changes.c.agent_id).where(changes.c.version > since))]

    async def agents(self, ids: Sequence[str] | None = None) -> list[tuple[Row[Any], list[Row[Any]]]]:
        """Each agent that is there, of `ids` or of all, with the url, health and lease of its replicas by URL."""
        wanted = replicas.c["agent_id", "url", "healthy", "lease_until"]
        found = [row async for row in self._among(select(agents), agents.c.id, ids)]
        below: dict[str, list[Row[Any]]] = {row.id: [] for row in found}
        async for row in self._among(select(*wanted).order_by(replicas.c.url), replicas.c.agent_id, ids):
            below.get(row.agent_id, []).append(row)
        return [(row, below[row.id]) for row in found]

    async def replicas(self, names: Sequence[str]) -> list[Replica]:
        """Where these agents are served, each by URL."""
        query = select(replicas).order_by(replicas.c.agent_id, replicas.c.url)
        return [_replica(row) async for row in self._among(query, replicas.c.agent_id, names)]

    async def at(self, url: str) -> Replica | None:
        """Whoever was registered at that URL, if one agent was."""
        found = await self._rows(select(replicas).where(replicas.c.url == url))
        return _replica(found[0]) if len(found) == 1 else None

    async def card(self, name: str) -> tuple[dict[str, Any], list[CardVersion]]:
        """The agent's card, and every version that is kept of it, the newest first. The agent must be there."""
        [row] = await self._rows(select(agents.c.card).where(agents.c.id == name))
        query = select(versions).where(versions.c.agent_id == name).order_by(versions.c.seen_at.desc())
        return row.card, [_version(one) for one in await self._rows(query)]

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """A transaction that is one change. It waits for the one before it, then sees what that one wrote."""
        async with self._engine.begin() as connection:
            yield Writing(connection, await _next_number(connection))

    async def renew(self, name: str, url: str, lease_until: float | None, etag: str | None) -> None:
        """A lease that goes on is no change: others look at it again when it seems to be over."""
        values = {"lease_until": lease_until, "etag": etag, "last_seen": time.time()}
        async with self._engine.begin() as connection:
            await connection.execute(update(replicas).where(_is(name), replicas.c.url == url).values(**values))

    async def refresh(self, found: Sequence[Found]) -> None:
        """Write down probes that changed nothing which discovery shows."""
        async with self._engine.begin() as connection:
            await _note(connection, found)

    async def ended(self, now: float) -> list[str]:
        """Ids of the agents with a lease that is over."""
        return [row.agent_id for row in await self._rows(select(replicas.c.agent_id).where(_is_over(now)).distinct())]

    async def adopt(self) -> None:
        """Agents that an older LexiQuery registered have no replicas: each is one."""
        columns = ("agent_id", "url", "card", "digest", "failures")
        there = select(replicas.c.agent_id)
        old = select(agents.c.id, agents.c.url, agents.c.card, literal(""), literal(0)).where(agents.c.id.not_in(there))
        async with self._engine.begin() as connection:
            await connection.execute(insert(replicas).from_select(columns, old))

    async def _rows(self, query: Select[Any]) -> list[Row[Any]]:
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).all())

    async def _among(self, query: Select[Any], column: Any, ids: Sequence[str] | None) -> AsyncIterator[Row[Any]]:
        for part in [None] if ids is None else _parts(ids):
            for row in await self._rows(query if part is None else query.where(column.in_(part))):
                yield row


class Writing:
    """One change: what is written in its transaction. number: of the change."""

    def __init__(self, connection: AsyncConnection, number: int) -> None:
        self._connection = connection
        self._number = number

    async def agent(self, name: str) -> Row[Any] | None:
        found: Row[Any] | None = (
            await self._connection.execute(select(agents).where(agents.c.id == name))
        ).one_or_none()
        return found

    async def digests(self, name: str) -> dict[str, str]:
        """Of the cards of the agent's replicas, by URL."""
        found = await self._connection.execute(select(replicas.c.url, replicas.c.digest).where(_is(name)))
        return {row.url: row.digest for row in found}

    async def strangers(self) -> int:
        """How many agents nobody vouches for."""
        query = select(func.count()).where(agents.c.trusted.is_(False), agents.c.source != "static")
        return int((await self._connection.execute(query)).scalar_one())

    async def put(self, admission: Admission, *, replacing: bool) -> None:
        """The agent with this card, at this URL too. replacing: at no other."""
        name, known = admission.card.name, await self.agent(admission.card.name)
        if known:
            # The first place stays the first: one more, or one that is renewed, is not the agent's move.
            stays = {} if replacing else {"url": known.url}
            values = {**_agent(admission), "registered_at": known.registered_at, **stays}
            await self._connection.execute(update(agents).where(agents.c.id == name).values(**values))
        else:
            await self._connection.execute(insert(agents).values(**_agent(admission)))
        if replacing:
            await self.keep_only(name, [admission.url])
        await self._put_replica(admission)
        await self._put_version(admission)
        await self.changed([name])

    async def _put_replica(self, admission: Admission) -> None:
        key = {"agent_id": admission.card.name, "url": admission.url}
        values = {
            "card": admission.data,
            "digest": admission.digest,
            "etag": admission.etag,
            "lease_until": admission.lease_until,
            "healthy": admission.healthy,
            "problem": None,
            "failures": 0,
            "last_seen": time.time(),
        }
        statement = insert_on(self._connection.dialect, replicas).values(**key, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))

    async def _put_version(self, admission: Admission) -> None:
        name = admission.card.name
        row = {
            "agent_id": name,
            "digest": admission.digest,
            "version": admission.card.version,
            "card": admission.data,
            "seen_at": time.time(),
        }
        statement = insert_on(self._connection.dialect, versions).values(**row)
        await self._connection.execute(statement.on_conflict_do_nothing())
        newest = select(versions.c.digest).where(versions.c.agent_id == name).order_by(versions.c.seen_at.desc())
        kept = (await self._connection.execute(newest.limit(VERSIONS))).scalars().all()
        await self._connection.execute(
            delete(versions).where(versions.c.agent_id == name, versions.c.digest.not_in(kept))
        )

    async def keep_only(self, name: str, urls: Sequence[str]) -> None:
        """Forget the agent's replicas elsewhere."""
        await self._connection.execute(delete(replicas).where(_is(name), replicas.c.url.not_in(urls)))
        await self.changed([name])

    async def note(self, found: Sequence[Found]) -> None:
        """Probes that found a replica otherwise than it was."""
        await _note(self._connection, found)
        await self.changed({one.agent_id for one in found})

    async def remove(self, names: Sequence[str]) -> None:
        """The agents with all that is kept of them."""
        for part in _parts(names):
            for table in (replicas, versions):
                await self._connection.execute(delete(table).where(table.c.agent_id.in_(part)))
            await self._connection.execute(delete(agents).where(agents.c.id.in_(part)))
        await self.changed(names)

    async def end_leases(self, now: float) -> None:
        """Remove the replicas whose lease is over, and the agents that had no others."""
        over = select(replicas.c.agent_id).where(_is_over(now)).distinct()
        names = (await self._connection.execute(over)).scalars().all()
        await self._connection.execute(delete(replicas).where(_is_over(now)))
        await self._remove_empty(names)

    async def forget(self, places: Sequence[tuple[str, str]]) -> None:
        """Remove replicas by name and URL, and the agents that had no others."""
        for name, url in places:
            await self._connection.execute(delete(replicas).where(_is(name), replicas.c.url == url))
        await self._remove_empty([name for name, _ in places])

    async def _remove_empty(self, names: Sequence[str]) -> None:
        left: set[str] = set()
        for part in _parts(names):
            query = select(replicas.c.agent_id).where(replicas.c.agent_id.in_(part))
            left.update((await self._connection.execute(query)).scalars())
        await self.remove([name for name in names if name not in left])
        await self.changed(left)

    async def changed(self, names: Iterable[str]) -> None:
        rows = [{"agent_id": name, "version": self._number} for name in sorted(set(names))]
        if rows:
            statement = insert_on(self._connection.dialect, changes)
            newer = {"version": statement.excluded.version}
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=["agent_id"], set_=newer), rows
            )


async def _next_number(connection: AsyncConnection) -> int:
    statement = insert_on(connection.dialect, counter).values(id=1, version=1)
    counted = statement.on_conflict_do_update(index_elements=["id"], set_={"version": counter.c.version + 1})
    return int((await connection.execute(counted.returning(counter.c.version))).scalar_one())


async def _note(connection: AsyncConnection, found: Iterable[Found]) -> None:
    for one in found:
        seen = {"last_seen": time.time()} if one.healthy else {}
        values = {
            "healthy": one.healthy,
            "problem": one.problem,
            "failures": one.failures,
            "latency": one.seconds,
            "etag": one.etag,
        }
        where = (_is(one.agent_id), replicas.c.url == one.url)
        await connection.execute(update(replicas).where(*where).values(**values, **seen))


def _is(name: str) -> Any:
    return replicas.c.agent_id == name


def _is_over(now: float) -> Any:
    return replicas.c.lease_until <= now


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _agent(admission: Admission) -> dict[str, Any]:
    return {
        "id": admission.card.name,
        "url": admission.url,
        "card": admission.data,
        "words": words_of(admission.data),
        "trusted": admission.trusted,
        "source": admission.source,
        "signature": admission.signature.state,
        "signer": admission.signature.signer,
        "digest": admission.digest,
        "registered_at": datetime.now(UTC),
    }


def _replica(row: Row[Any]) -> Replica:
    return Replica(**row._mapping)


def _version(row: Row[Any]) -> CardVersion:
    seen_at = moment(row.seen_at)
    assert seen_at is not None
    return CardVersion(digest=row.digest, version=row.version, seen_at=seen_at, card=row.card)
