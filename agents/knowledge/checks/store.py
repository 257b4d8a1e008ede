"""The last check of every query of the runbooks, in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, Text, delete, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.checks.check import CheckedQuery, QueryStatus
from agents.knowledge.glossary.store import Term
from shared.models import Model

schema = MetaData()
_checks = Table(
    "knowledge_checks",
    schema,
    Column("id", String(32), primary_key=True, comment="the passage's"),
    Column("location", String(1024), nullable=False, index=True),
    Column("status", String(12), nullable=False, index=True),
    Column("content", Text, nullable=False, comment="CheckedQuery as JSON"),
    Column("checked_at", DateTime(timezone=True), nullable=False),
)
_learned = Table(
    "knowledge_learned",
    schema,
    Column("location", String(1024), primary_key=True, comment="a document's"),
    Column("digest", String(16), nullable=False, comment="of what was learned from: the document and the schemas"),
)
_done = Table(
    "knowledge_checked",
    schema,
    Column("number", Integer, primary_key=True, comment="1: there is one row"),
    Column("at", DateTime(timezone=True), nullable=False, comment="when all that had changed was looked at"),
)
_AT_ONCE = 500  # parameters of a statement
_SHOWN: tuple[QueryStatus, ...] = ("broken", "template", "foreign")


class CheckReport(Model):
    """What a check found. queries: those that are broken, templates or foreign, and with `all` the proven ones too;
    counts: of every status; drifted: broken ones that were proven before; stale: accepted terms whose runbook says
    something else now; withheld: those whose runbook has labels now, so that they are in no glossary; problems:
    accepted conditions that the schema no longer has the columns for; checked_at: None before the first check."""

    checked_at: datetime | None = None
    counts: dict[str, int]
    queries: list[CheckedQuery] = []
    drifted: list[str] = []
    stale: list[Term] = []
    withheld: list[Term] = []
    problems: list[str] = []

    @property
    def broken(self) -> bool:
        return bool(self.counts.get("broken") or self.problems)

    def render(self) -> str:
        """A line a count, then each query that needs somebody's eye."""
        counted = ", ".join(f"{count} {status}" for status, count in self.counts.items()) or "no queries"
        lines = [f"queries in runbooks: {counted}", *(one.render() for one in self.queries)]
        lines += [f"changed: {one.in_words}: the runbook no longer says so" for one in self.stale]
        lines += [f"withheld: {one.in_words}: only for {', '.join(one.labels)} now" for one in self.withheld]
        return "\n".join([*lines, *self.problems])


class Checks:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def all(self) -> list[CheckedQuery]:
        """By source and place."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(_checks.c.content))).scalars()
            return _in_order(rows)

    async def of(self, locations: Collection[str]) -> list[CheckedQuery]:
        """Those of the documents at `locations`, by source and place."""
        rows: list[str] = []
        async with self._engine.connect() as connection:
            for some in _parts(locations):
                query = select(_checks.c.content).where(_checks.c.location.in_(some))
                rows += (await connection.execute(query)).scalars()
        return _in_order(rows)

    async def counts(self) -> dict[str, int]:
        """How many have each status; 0 of one that none has."""
        query = select(_checks.c.status, func.count()).group_by(_checks.c.status)
        async with self._engine.connect() as connection:
            found = {str(status): int(count) for status, count in await connection.execute(query)}
        return {status: found.get(status, 0) for status in get_args(QueryStatus)}

    async def checked_at(self) -> datetime | None:
        """When all that had changed was last looked at; None before the first time."""
        async with self._engine.connect() as connection:
            at = await connection.scalar(select(_done.c.at))
        return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)

    async def done(self) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(delete(_done))
            await connection.execute(_done.insert().values(number=1, at=datetime.now(UTC)))

    async def digests(self) -> dict[str, str]:
        """By location: what each document was when it was last learned from."""
        async with self._engine.connect() as connection:
            return {row.location: row.digest for row in await connection.execute(select(_learned))}

    async def note(self, digests: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        async with self._engine.begin() as connection:
            for some in _parts({*digests, *gone}):
                await connection.execute(delete(_learned).where(_learned.c.location.in_(some)))
            if rows := [{"location": location, "digest": digest} for location, digest in digests.items()]:
                await connection.execute(_learned.insert(), rows)

    async def replace(self, checked: Sequence[CheckedQuery], *, gone: Collection[str] = ()) -> None:
        """Keep these, and forget those of the ids in `gone`."""
        now = datetime.now(UTC)
        async with self._engine.begin() as connection:
            for some in _parts({*gone, *(one.id for one in checked)}):
                await connection.execute(delete(_checks).where(_checks.c.id.in_(some)))
            if rows := [_row(one, now) for one in checked]:
                await connection.execute(_checks.insert(), rows)


def report_of(checked: Iterable[CheckedQuery], *, every: bool = False, group: str | None = None) -> CheckReport:
    """every: the proven ones too; group: only what belongs to it."""
    found = [one for one in checked if group is None or group in one.groups]
    counted = Counter(one.status for one in found)
    shown = [one for one in found if every or one.status in _SHOWN]
    return CheckReport(
        counts={status: counted[status] for status in get_args(QueryStatus) if counted[status]},
        queries=sorted(shown, key=lambda one: one.status),
        drifted=[one.place for one in found if one.status == "broken" and one.before],
    )


def _in_order(rows: Iterable[str]) -> list[CheckedQuery]:
    found = [CheckedQuery.model_validate_json(content) for content in rows]
    return sorted(found, key=lambda one: (one.source, one.heading, one.id))


def _parts(keys: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(keys)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))


def _row(one: CheckedQuery, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "location": one.location,
        "status": one.status,
        "content": one.model_dump_json(),
        "checked_at": now,
    }
