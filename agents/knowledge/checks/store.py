"""The last check of every query of the runbooks, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, String, Table, Text, delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.checks.check import CheckedQuery
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


class CheckReport(Model):
    """What a check found. queries: those that are broken, templates or foreign, and with `all` the proven ones too;
    counts: of every status; drifted: broken ones that were proven before; stale: accepted terms whose runbook says
    something else now, or whose condition the schema no longer has; withheld: accepted terms whose runbook has labels
    now, so that they are in no glossary."""

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
            found = [CheckedQuery.model_validate_json(content) for content in rows]
        return sorted(found, key=lambda one: (one.source, one.heading, one.id))

    async def digests(self) -> dict[str, str]:
        """By location: what each document was when it was last learned from."""
        async with self._engine.connect() as connection:
            return {row.location: row.digest for row in await connection.execute(select(_learned))}

    async def note(self, digests: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        async with self._engine.begin() as connection:
            for location in {*digests, *gone}:
                await connection.execute(delete(_learned).where(_learned.c.location == location))
            if rows := [{"location": location, "digest": digest} for location, digest in digests.items()]:
                await connection.execute(_learned.insert(), rows)

    async def replace(self, checked: Sequence[CheckedQuery], *, gone: Collection[str] = ()) -> None:
        """Keep these, and forget those of the ids in `gone`."""
        now = datetime.now(UTC)
        async with self._engine.begin() as connection:
            for key in {*gone, *(one.id for one in checked)}:
                await connection.execute(delete(_checks).where(_checks.c.id == key))
            if rows := [_row(one, now) for one in checked]:
                await connection.execute(_checks.insert(), rows)


def report_of(checked: Iterable[CheckedQuery], *, every: bool = False, group: str | None = None) -> CheckReport:
    """every: the proven ones too; group: only what belongs to it, or to none."""
    found = [one for one in checked if group is None or group in one.groups]
    counts: dict[str, int] = {}
    for status in ("proven", "plausible", "template", "foreign", "broken"):
        if number := sum(one.status == status for one in found):
            counts[status] = number
    shown = [one for one in found if every or one.status in ("broken", "template", "foreign")]
    drifted = [one.place for one in found if one.status == "broken" and one.before]
    return CheckReport(counts=counts, queries=sorted(shown, key=lambda one: one.status), drifted=drifted)


def _row(one: CheckedQuery, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "location": one.location,
        "status": one.status,
        "content": one.model_dump_json(),
        "checked_at": now,
    }
