"""What the ledger tells an operator: sums by day, model, user or tag with percentiles, and calls by what they share.

Sums come from the totals of each day, never from the calls themselves, so that a million of them cost nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import Field
from sqlalchemy import ColumnElement, Row, Select, Text, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.calls import CallRecord, CallStatus, Moment
from shared.errors import InvalidInput, NotFound
from shared.ledger import record_of
from shared.ledger.changes import settle
from shared.ledger.latency import Packed, added
from shared.ledger.sums import currency_of
from shared.ledger.tables import calls, day_totals, record_columns
from shared.ledger.totals import KIND
from shared.models import Model

By = Literal["day", "model", "operation", "agent", "user", "tag", "peer"]
BY: tuple[By, ...] = get_args(By)
_SUMMED = [
    column for column in day_totals.columns if column.name not in ("day", "dimension", "value", "currency", "times")
]
_SUMS = [column.name for column in _SUMMED]
_COUNTED = ("prompt_tokens", "completion_tokens")
_UNKNOWN_AT_NONE = ("cached_tokens", "saved_tokens", "saved_seconds")
_NO_DAY: Any = literal(None).label("day")
_TIMES = day_totals.c.times.cast(Text).label("times")
"""As the text that it is: reading JSON takes a driver longer than what is in it takes us."""
_PERCENTS = (50, 95, 99)
_LINES_AT_ONCE = 2000
Line = tuple[str | None, str]
"""A line of statistics by its day, None for all days, and value."""


class CallStats(Model):
    """The calls that share `value` of `by`, of one UTC day or (day None) of all days asked for.

    error_rate: failed, cancelled and lost calls, of all. p50, p95, p99: of total_seconds, nearest rank, right to one
    part in fifty; calls that a cache answered are not among them. Tokens are None where no call was counted, cached
    and saved ones where nobody told any, cost where no call has a price in `currency`; `uncounted` and `unpriced` say
    how many calls a sum misses.
    """

    by: By
    value: str
    day: str | None
    calls: int
    failed: int
    error_rate: float
    cached: int
    retries: int
    uncounted: int
    unpriced: int
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    seconds: float
    cost: float | None
    currency: str | None
    saved_tokens: int | None
    saved_seconds: float | None
    saved_cost: float | None
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


class KindTotals(Model):
    """Our own calls of one agent, provider, model, operation, purpose and status since the ledger began."""

    agent: str
    provider: str
    model: str
    operation: str
    purpose: str
    status: str
    currency: str | None
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    uncounted: int
    seconds: float
    cost: float
    unpriced: int
    saved_tokens: int
    saved_cost: float


Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class CallFilter(Model):
    """Which calls; what is None does not matter. since, until: of their start, `until` not included; tag: one of
    theirs; slower: seconds in all, at least; before: a call's id, for the page of those that began earlier."""

    journey_id: Word | None = None
    user: Word | None = None
    tag: Word | None = None
    agent: Word | None = None
    provider: Word | None = None
    model: Word | None = None
    operation: Word | None = None
    purpose: Word | None = None
    prompt_name: Word | None = None
    prompt_version: Word | None = None
    status: CallStatus | None = None
    since: Moment | None = None
    until: Moment | None = None
    slower: float | None = None
    before: Word | None = None


_EQUAL = [name for name in CallFilter.model_fields if name not in ("tag", "since", "until", "slower", "before")]


class Statistics:
    """Reads the ledger of the process's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def stats(self, by: By = "model", *, days: int = 30, daily: bool = False) -> list[CallStats]:
        """The last `days` UTC days, the newest first, and the values with the most calls first. daily: a line a day."""
        await settle(self._engine)
        daily = daily or by == "day"
        found: dict[Line, list[Row[Any]]] = {}
        meant = _of(by, days)  # of both queries, also at midnight
        async with self._engine.connect() as connection:
            for row in (await connection.execute(_totals_query(meant, daily))).all():
                found.setdefault((row[0], row[1]), []).append(row)
            if daily:
                times = {line: [row.times for row in rows] for line, rows in found.items()}
            else:
                times = _by_value((await connection.execute(_times_query(meant))).all())
        percentiles = _percentiles([times[line] for line in found])
        lines = [_line(by, *line, rows, of_it) for (line, rows), of_it in zip(found.items(), percentiles, strict=True)]
        return sorted(lines, key=lambda line: (line.day or "", line.calls, line.value), reverse=True)

    async def kinds(self) -> list[KindTotals]:
        await settle(self._engine)
        total = day_totals.c
        sums = [func.sum(total[name]).label(name) for name in _SUMS if name in KindTotals.model_fields]
        query = select(total.value, total.currency, *sums).where(total.dimension == "kind")
        rows = await self._rows(query.group_by(total.value, total.currency).order_by(total.value, total.currency))
        return [
            KindTotals.model_validate(
                dict(zip(KIND, json.loads(row.value), strict=True))
                | {name: value for name, value in row._mapping.items() if name != "value"}
                | {"currency": row.currency or None}
            )
            for row in rows
        ]

    async def latencies(self) -> dict[str, dict[int, int]]:
        """How many calls of each model are in each bin of latency.py, since the ledger began."""
        await settle(self._engine)
        times = _by_value(await self._rows(_times_query([day_totals.c.dimension == "model"])))
        counts = added(list(times.values()))
        return {value: by_bin for line, (_, value) in enumerate(times) if (by_bin := counts.by_bin(line))}

    async def prompts(self, name: str) -> set[str]:
        """name: `prompt_name` or `prompt_version`; those that calls have. No sum has them: it reads every call."""
        found = await self._rows(select(calls.c[name]).where(calls.c[name].is_not(None)).distinct())
        return {row[0] for row in found}

    async def find(self, wanted: CallFilter, limit: int = 100, offset: int = 0) -> list[CallRecord]:
        """The newest first. Raises NotFound for a call that `before` names and that is not there."""
        order = (calls.c.started_at.desc(), calls.c.id.desc())
        query = select(*record_columns).where(*self._conditions(wanted)).order_by(*order).limit(limit).offset(offset)
        if wanted.before is not None:
            start = await self._rows(select(calls.c.started_at).where(calls.c.id == wanted.before))
            if not start:
                raise NotFound(f"no call '{wanted.before}' is on the ledger")
            at = literal(start[0].started_at, calls.c.started_at.type)
            query = query.where(tuple_(calls.c.started_at, calls.c.id) < tuple_(at, literal(wanted.before)))
        async with self._engine.connect() as connection:
            return [record_of(row) for row in (await connection.execute(query)).mappings()]

    def _conditions(self, wanted: CallFilter) -> Iterable[ColumnElement[bool]]:
        if wanted.since and wanted.until and wanted.since >= wanted.until:
            raise InvalidInput(f"nothing began since {wanted.since} and before {wanted.until}")
        yield from (calls.c[name] == value for name in _EQUAL if (value := getattr(wanted, name)) is not None)
        if wanted.since:
            yield calls.c.started_at >= wanted.since
        if wanted.until:
            yield calls.c.started_at < wanted.until
        if wanted.slower is not None:
            yield calls.c.total_seconds >= wanted.slower
        if wanted.tag is not None:
            yield self._has_tag(wanted.tag)

    def _has_tag(self, tag: str) -> ColumnElement[bool]:
        if self._engine.dialect.name == "postgresql":
            return calls.c.tags.cast(JSONB).contains([tag])
        each = func.json_each(calls.c.tags).table_valued("value")
        return select(each.c.value).where(each.c.value == tag).exists()

    async def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self._engine.connect() as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
        return rows


def _since(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days - 1)).date().isoformat()


def _totals_query(meant: Sequence[ColumnElement[bool]], daily: bool) -> Select[Any]:
    """daily: with the times of each day beside its sums."""
    total = day_totals.c
    if daily:
        return select(total.day, total.value, total.currency, _TIMES, *_SUMMED).where(*meant)
    sums = [func.sum(column).cast(column.type).label(column.name) for column in _SUMMED]
    query = select(_NO_DAY, total.value, total.currency, *sums).where(*meant)
    return query.group_by(total.value, total.currency)


def _times_query(meant: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(_NO_DAY, day_totals.c.value, _TIMES).where(*meant)


def _by_value(rows: Iterable[Row[Any]]) -> dict[Line, list[Packed]]:
    found: dict[Line, list[Packed]] = {}
    for row in rows:
        found.setdefault((row.day, row.value), []).append(row.times)
    return found


def _of(by: By, days: int) -> tuple[ColumnElement[bool], ...]:
    return day_totals.c.dimension == ("all" if by == "day" else by), day_totals.c.day >= _since(days)


def _percentiles(lines: Sequence[Iterable[Packed]]) -> Iterator[list[float | None]]:
    """Of so many lines at once that their counts don't take much memory."""
    for start in range(0, len(lines), _LINES_AT_ONCE):
        yield from added(lines[start : start + _LINES_AT_ONCE]).percentiles(_PERCENTS)


def _line(
    by: By, day: str | None, value: str, rows: Sequence[Row[Any]], percentiles: Sequence[float | None]
) -> CallStats:
    """rows: the same sums for each currency; amounts of two can't be added, so those of the rarer ones are unpriced."""
    currency = currency_of(rows, spared=True)
    sums: Iterable[Any] = rows[0][-len(_SUMS) :]
    if len(rows) > 1:
        sums = map(sum, zip(*(row[-len(_SUMS) :] for row in rows), strict=True))
    line: dict[str, Any] = dict(zip(_SUMS, sums, strict=True))
    priced, cost, saved_cost = 0, 0.0, 0.0
    for row in rows:
        with_price = row.calls - row.cached - row.unpriced
        if row.currency == currency:
            priced, cost, saved_cost = with_price, row.cost, row.saved_cost
        elif row.currency:
            line["unpriced"] += with_price
    line["cost"], line["saved_cost"] = cost if priced > 0 else None, saved_cost or None
    is_counted = line["uncounted"] < line["calls"] - line["cached"]
    for name in _UNKNOWN_AT_NONE if is_counted else (*_UNKNOWN_AT_NONE, *_COUNTED):
        line[name] = line[name] or None
    line["p50_seconds"], line["p95_seconds"], line["p99_seconds"] = percentiles
    line["error_rate"] = line["failed"] / line["calls"] if line["calls"] else 0.0
    line |= {"by": by, "value": value, "day": day, "currency": currency}
    return _ANY_LINE.model_copy(update=line)  # as they are: to check 1,500 users' days takes a while


_UNKNOWN: dict[str, Any] = dict.fromkeys(CallStats.model_fields)
_ANY_LINE = CallStats.model_construct(**_UNKNOWN)
