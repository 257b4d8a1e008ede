"""What finished calls add to the sums of their day. Sums outlive the calls, which retention removes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from sqlalchemy import Connection, Insert, literal_column
from sqlalchemy.dialects import postgresql, sqlite

from shared.ledger.compiled import Compiled
from shared.ledger.latency import bin_of
from shared.ledger.tables import FAILED, PEER, day_totals

Dimension = Literal["all", "model", "operation", "agent", "user", "tag", "peer", "kind"]
"""`kind` is every combination of KIND, for metrics; `peer` what agents report that nobody vouches for, by agent: that
counts nowhere else."""
KIND = ("agent", "provider", "model", "operation", "purpose", "status")
_KEYS = ("dimension", "day", "value", "currency")
_SUMS = [column.name for column in day_totals.columns if column.name not in (*_KEYS, "times")]
Row = Mapping[str, Any]


class Delta:
    """What a number of calls add to the day's sums, to be written at once."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, ...], dict[str, Any]] = {}

    def add(self, call: Row, sign: Literal[1, -1] = 1) -> None:
        """Count a call that has ended; with sign -1 take back what it was counted as."""
        numbers = _numbers(call)
        is_timed = call["total_seconds"] is not None and call["status"] != "cached"
        number = str(bin_of(call["total_seconds"])) if is_timed else None
        for dimension, value in _dimensions(call):
            row = self._row(dimension, call["day"], value, call["currency"] or "")
            for name, amount in numbers.items():
                row[name] += sign * amount
            if number is not None and dimension != "kind":
                row["times"][number] = row["times"].get(number, 0) + sign

    def add_times(self, dimension: str, day: str, value: str, currency: str, times: Mapping[str, int]) -> None:
        """Count times of calls that are in the other sums already."""
        self._row(dimension, day, value, currency)["times"].update(times)

    def write(self, connection: Connection) -> None:
        # Rows are locked in one order, so that two writers never wait for each other.
        _ADD_TOTALS.run(connection, [self._totals[key] for key in sorted(self._totals)])

    def _row(self, *key: str) -> dict[str, Any]:
        if (row := self._totals.get(key)) is None:
            row = self._totals[key] = dict(zip(_KEYS, key, strict=True)) | dict.fromkeys(_SUMS, 0) | {"times": {}}
        return row


def sum_up(rows: Iterable[Row]) -> Delta:
    delta = Delta()
    for row in rows:
        delta.add(row)
    return delta


def _is_uncounted(call: Row) -> bool:
    return call["prompt_tokens"] is None or (call["operation"] != "embeddings" and call["completion_tokens"] is None)


def _dimensions(call: Row) -> Iterator[tuple[Dimension, str]]:
    if call["id"].startswith(PEER):
        yield "peer", call["agent"]
        return
    yield "all", ""
    yield "model", call["model"]
    yield "operation", call["operation"]
    yield "agent", call["agent"]
    if call["user"]:
        yield "user", call["user"]
    for tag in dict.fromkeys(call["tags"] or ()):
        yield "tag", tag
    yield "kind", json.dumps([call[name] for name in KIND], ensure_ascii=False)


def _numbers(call: Row) -> dict[str, Any]:
    return {
        "calls": 1,
        "failed": int(call["status"] in FAILED),
        "cached": int(call["status"] == "cached"),
        "uncounted": int(call["status"] != "cached" and _is_uncounted(call)),
        "unpriced": int(call["status"] != "cached" and call["cost"] is None),
        "retries": call["retries"] or 0,
        "prompt_tokens": call["prompt_tokens"] or 0,
        "cached_tokens": call["cached_tokens"] or 0,
        "completion_tokens": call["completion_tokens"] or 0,
        "seconds": call["total_seconds"] or 0.0,
        "cost": call["cost"] or 0.0,
        "saved_tokens": call["saved_tokens"] or 0,
        "saved_seconds": call["saved_seconds"] or 0.0,
        "saved_cost": call["saved_cost"] or 0.0,
    }


# Counts are added bin by bin in the database, for other processes add to the same row.
_ADDED_TIMES = {
    "sqlite": """(SELECT json_group_object(bin, n) FROM (
        SELECT key AS bin, sum(value) AS n FROM (
            SELECT key, value FROM json_each(llm_day_totals.times)
            UNION ALL SELECT key, value FROM json_each(excluded.times)) GROUP BY key))""",
    "postgresql": """(SELECT json_object_agg(bin, n) FROM (
        SELECT key AS bin, sum(value::bigint) AS n FROM (
            SELECT key, value FROM json_each_text(llm_day_totals.times)
            UNION ALL SELECT key, value FROM json_each_text(excluded.times)) AS of_both GROUP BY key) AS added)""",
}


def _upsert(dialect: str) -> Insert:
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(day_totals)
    added: dict[str, Any] = {name: day_totals.c[name] + insert.excluded[name] for name in _SUMS}
    times: dict[str, Any] = {"times": literal_column(_ADDED_TIMES[dialect])}
    upsert: Insert = insert.on_conflict_do_update(index_elements=_KEYS, set_=added | times)
    return upsert


_ADD_TOTALS = Compiled(_upsert)
