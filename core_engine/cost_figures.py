"""What `lexiquery cost analyze` is computed from: sums of the ledger's calls, made by the database.

One pass copies what is needed of each call to a temporary table (its texts are read once, and not copied), so that a
million calls take the process no memory, and the writers of the ledger never wait.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import md5
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Float,
    MetaData,
    Row,
    Select,
    String,
    Subquery,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import DropTable

from shared.ledger.sums import currency_of, known_sum
from shared.ledger.tables import FAILED, PEER, UtcDateTime, calls

ENOUGH = 20
"""Least calls of a kind that a median is taken of."""
FAR = 2
"""How many times the median is far above it."""
COLD = 1.0
"""Seconds of load time from which on a model was loaded; Ollama tells some milliseconds for one that is there."""
# In a call's request, as the client writes it; a quote within a text has a backslash, so no text matches.
_LIMIT = r'"(?:num_predict|max_tokens)": ?(\d{1,9})\M'
_PYTHON_LIMIT = re.compile(_LIMIT.replace(r"\M", r"\b"))

_table = Table(
    "analysed_calls",
    MetaData(),
    *(Column(name, String) for name in ("agent", "operation", "purpose", "provider", "model", "prompt_name")),
    *(Column(name, String) for name in ("status", "cause", "content", "cost_source", "currency")),
    *(Column(name, BigInteger) for name in ("prompt_tokens", "completion_tokens", "max_tokens", "retries")),
    *(Column(name, Float) for name in ("total_seconds", "queue_seconds", "load_seconds", "prompt_seconds")),
    *(Column(name, Float) for name in ("generation_seconds", "compute_seconds", "cost")),
    Column("started_at", UtcDateTime),
    prefixes=["TEMPORARY"],
)
_all = _table.c
_success = _all.status == "success"
Figure = Mapping[str, Any]
_NOTHING: Any = literal(None, BigInteger)
# What of a figure is added where its calls are in several currencies; its cost is not, and the rest is the group's.
_ADDED = (
    *("calls", "prompt_tokens", "completion_tokens", "seconds", "uncounted", "unpriced"),
    *("contents", "tries", "queue", "load", "prompt", "generation"),
)


class Figures:
    """Sums of the calls that ended without a cache. Each figure has keys, and of what could be saved: calls,
    prompt_tokens, completion_tokens, seconds, cost in `currency` (of most of its priced calls; None without a cost),
    uncounted and unpriced: the calls that its tokens and its cost miss."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def seconds(self) -> float | None:
        """Of all calls."""
        seconds: float | None = await self._connection.scalar(select(func.sum(_all.total_seconds)))
        return seconds

    async def by_prompt(self) -> list[Figure]:
        """By agent, purpose, prompt and model: tokens of all calls; successes: the calls that were answered."""
        keys = (_all.agent, _all.purpose, _all.prompt_name, _all.model)
        sums = [func.sum(one).label(one.name) for one in (_all.prompt_tokens, _all.completion_tokens)]
        successes = func.sum(case((_success, 1), else_=0)).label("successes")
        return [row._asdict() for row in await self._rows(select(*keys, successes, *sums).group_by(*keys))]

    async def repeated(self) -> list[Figure]:
        """By agent, purpose and model: calls of the same content to the same model, but the first of each.
        contents: how many different ones."""
        nth = func.row_number().over(partition_by=_all.content, order_by=_all.started_at).label("nth")
        found = select(_table, nth).where(_success, _all.content.is_not(None)).subquery()
        row = found.c
        keys = (row.agent, row.purpose, row.model)
        contents = func.sum(case((row.nth == 2, 1), else_=0)).label("contents")
        return await self._grouped(keys, row.nth > 1, sums=[contents, *_sums(row)])

    async def oversized(self) -> list[Figure]:
        """By agent, purpose, prompt and model: prompt tokens beyond FAR times the median of the answered calls.

        Saved with them: their part of the time that the prompt was read in, and that part of a local call's cost.
        What a provider's price has in it for them is not told by the ledger.
        """
        keys = (_all.agent, _all.purpose, _all.prompt_name, _all.model)
        row = _beyond_median(_all.prompt_tokens, keys, _all.operation != "embeddings").c
        excess = row.prompt_tokens - FAR * row.median
        seconds = row.prompt_seconds * excess / row.prompt_tokens
        sums = _sums(row, prompt=excess, completion=literal(0), seconds=seconds, cost=_part(row, seconds))
        return await self._grouped([row[key.name] for key in keys], sums=[*_about(row), *sums])

    async def slow(self) -> list[Figure]:
        """By provider, model and purpose: seconds beyond FAR times the median of the answered calls; p95; and what
        the slow calls' time went to (queue, load, prompt, generation)."""
        keys = (_all.provider, _all.model, _all.purpose)
        row = _beyond_median(_all.total_seconds, keys).c
        seconds = row.total_seconds - FAR * row.median
        sums = _sums(row, prompt=_NOTHING, completion=_NOTHING, seconds=seconds, cost=_NOTHING)
        parts = [func.sum(row[f"{name}_seconds"]).label(name) for name in ("queue", "load", "prompt", "generation")]
        about = [*_about(row), func.max(row.p95).label("p95")]
        return await self._grouped([row[key.name] for key in keys], sums=[*about, *parts, *sums])

    async def loads(self) -> list[Figure]:
        """By provider and model: calls that waited COLD seconds or more for the model to be loaded."""
        loaded = _all.load_seconds
        sums = _sums(_all, prompt=_NOTHING, completion=_NOTHING, seconds=loaded, cost=_part(_all, loaded))
        return await self._grouped((_all.provider, _all.model), loaded >= COLD, sums=sums)

    async def failed(self) -> list[Figure]:
        """By status, cause (the error's code), provider and model: calls without an answer."""
        return await self._grouped((_all.status, _all.cause, _all.provider, _all.model), _all.status.in_(FAILED))

    async def retried(self) -> list[Figure]:
        """By provider and model: calls that were tried again. seconds: what the server's own times don't account for;
        tries: how many."""
        seconds = _all.total_seconds - func.coalesce(_all.queue_seconds, 0.0) - _all.compute_seconds
        sums = _sums(_all, prompt=_NOTHING, completion=_NOTHING, seconds=seconds, cost=_NOTHING)
        tries = func.sum(_all.retries).label("tries")
        return await self._grouped((_all.provider, _all.model), _all.retries > 0, sums=[tries, *sums])

    async def truncated(self) -> list[Figure]:
        """By agent, purpose, prompt and model: answers of as many tokens as the call allowed."""
        keys = (_all.agent, _all.purpose, _all.prompt_name, _all.model)
        return await self._grouped(keys, _success, _all.completion_tokens >= _all.max_tokens)

    async def repairs(self) -> list[Figure]:
        """By agent and model: calls that mend an earlier answer."""
        return await self._grouped((_all.agent, _all.model), _all.purpose == "repair", _all.operation != "embeddings")

    async def _grouped(
        self, keys: Sequence[Any], *conditions: ColumnElement[bool], sums: Sequence[ColumnElement[Any]] | None = None
    ) -> list[Figure]:
        """A figure for each of the keys; sums: the last is the currency."""
        sums = sums or _sums(_all)
        rows = await self._rows(select(*keys, *sums).where(*conditions).group_by(*keys, sums[-1]))
        groups: dict[Sequence[Any], list[Row[Any]]] = {}
        for row in rows:
            groups.setdefault(row[: len(keys)], []).append(row)
        return [_in_one_currency(group) for group in groups.values()]

    async def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        rows: Sequence[Row[Any]] = (await self._connection.execute(query)).all()
        return rows


class _Priced(NamedTuple):
    """How many calls have a price in a currency."""

    currency: str | None
    calls: int


def _in_one_currency(rows: Sequence[Row[Any]]) -> Figure:
    """rows: a group's sums, one for each currency."""
    currency = currency_of(_Priced(row.currency, row.calls - row.unpriced) for row in rows)
    figure = rows[0]._asdict()
    figure |= {name: known_sum(row._mapping[name] for row in rows) for name in _ADDED if name in figure}
    figure["cost"] = known_sum(row.cost for row in rows if row.currency == currency)
    figure["currency"] = None if figure["cost"] is None else currency
    figure["unpriced"] += sum(row.calls - row.unpriced for row in rows if row.currency != currency)
    return figure


@asynccontextmanager
async def open_figures(engine: AsyncEngine, since: datetime) -> AsyncIterator[Figures]:
    """Of our own calls that began at `since` or later, and have ended; what a peer says that it used is no use of
    ours, and a call answered from a cache took nothing."""
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            await _teach(connection)
        try:
            await connection.run_sync(_table.create)
            await connection.execute(_table.insert().from_select(*_copied(connection.dialect.name, since)))
            yield Figures(connection)
        finally:
            await connection.rollback()
            await connection.execute(DropTable(_table, if_exists=True))
            await connection.commit()


async def _teach(connection: AsyncConnection) -> None:
    """PostgreSQL has these functions; SQLite calls ours."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    await raw.create_function("md5", 1, _digest, deterministic=True)
    await raw.create_function("max_tokens_of", 1, _max_tokens, deterministic=True)


def _digest(text: str | None) -> str | None:
    return None if text is None else md5(text.encode(), usedforsecurity=False).hexdigest()


def _max_tokens(request: str | None) -> int | None:
    found = _PYTHON_LIMIT.search(request or "")
    return int(found[1]) if found else None


def _copied(dialect: str, since: datetime) -> tuple[list[str], Select[Any]]:
    """Names and values of the temporary table's columns."""
    call = calls.c
    limit: ColumnElement[Any]
    if dialect == "sqlite":
        cause = func.substr(call.error, 1, func.instr(call.error.concat(":"), ":") - 1)
        limit = func.max_tokens_of(call.request)
    else:
        cause = func.split_part(call.error, ":", 1)
        limit = sql_cast(func.substring(call.request, _LIMIT), BigInteger)
    whose = (call.provider, call.model, func.coalesce(call.model_digest, ""), call.operation)
    generated = case((call.operation == "embeddings", 0.0), else_=call.generation_seconds)
    made: dict[str, Any] = {
        "prompt_name": func.coalesce(call.prompt_name, ""),
        "cause": cause,
        # The digest of all that the answer depends on, which is there also where texts are not kept.
        "content": _joined([*whose, func.coalesce(call.metadata["content"].as_string(), func.md5(call.request))]),
        "max_tokens": case((call.operation != "embeddings", limit)),
        # As compute_seconds of shared/llm/rates.py.
        "compute_seconds": func.coalesce(call.load_seconds, 0.0) + call.prompt_seconds + generated,
    }
    names = [column.name for column in _all]
    query = select(*(made[name] if name in made else call[name] for name in names))
    ours = call.id.not_like(f"{PEER}%")
    return names, query.where(call.started_at >= since, call.status.not_in(("pending", "cached")), ours)


def _joined(texts: Sequence[Any]) -> ColumnElement[str]:
    """None when one of them is."""
    joined: ColumnElement[str] = texts[0]
    for text in texts[1:]:
        joined = joined.concat("\n").concat(text)
    return joined


def _sums(
    row: Any, *, prompt: Any = None, completion: Any = None, seconds: Any = None, cost: Any = None
) -> list[ColumnElement[Any]]:
    """Of what is in a row; or of the given expressions, where only a part of a call could be saved."""
    price = row.cost if cost is None else cost
    read = row.prompt_tokens if prompt is None else prompt
    written = row.completion_tokens if completion is None else completion
    is_uncounted = or_(read.is_(None), and_(row.operation != "embeddings", written.is_(None)))
    return [
        func.count().label("calls"),
        func.sum(read).label("prompt_tokens"),
        func.sum(written).label("completion_tokens"),
        func.sum(row.total_seconds if seconds is None else seconds).label("seconds"),
        func.sum(price).label("cost"),
        func.sum(case((is_uncounted, 1), else_=0)).label("uncounted"),
        func.sum(case((price.is_(None), 1), else_=0)).label("unpriced"),
        row.currency,
    ]


def _part(row: Any, seconds: ColumnElement[Any]) -> ColumnElement[Any]:
    """What of a local call's cost these seconds of its computing are: it is in proportion to them."""
    return case(((row.cost_source == "local") & (row.compute_seconds > 0), row.cost * seconds / row.compute_seconds))


def _beyond_median(value: ColumnElement[Any], keys: Sequence[Any], *conditions: ColumnElement[bool]) -> Subquery:
    """The answered calls of groups that have ENOUGH of them, whose value is beyond FAR times the group's median; with
    that median, the p95 (nearest rank) and `of`, the number of calls in the group."""
    nth = func.row_number().over(partition_by=keys, order_by=value).label("nth")
    answered = (_success, value.is_not(None), *conditions)
    # Only what is ranked is sorted; whole rows would take the database three times as long.
    ranked = select(*keys, value, nth, func.count().over(partition_by=keys).label("of")).where(*answered).subquery().c
    names = [ranked[key.name] for key in keys]

    def percentile(percent: int) -> ColumnElement[Any]:
        return func.min(case((ranked.nth * 100 >= ranked.of * percent, ranked[value.name])))

    query = select(*names, func.max(ranked.of).label("of"), percentile(50).label("median"), percentile(95).label("p95"))
    groups = query.where(ranked.of >= ENOUGH).group_by(*names).subquery().c
    same = (key == groups[key.name] for key in keys)
    found = select(_table, groups.of, groups.median, groups.p95).where(*same, *answered, value > FAR * groups.median)
    return found.subquery()


def _about(row: Any) -> list[ColumnElement[Any]]:
    return [func.max(row.median).label("median"), func.max(row.of).label("of")]
