"""What finished calls add to the sums of their day. Sums outlive the calls, which retention removes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

from shared.ledger.compiled import Compiled
from shared.ledger.latency import bin_of
from shared.ledger.tables import FAILED, PEER, day_latencies, day_totals

Dimension = Literal["all", "model", "operation", "agent", "user", "tag", "peer", "kind"]
"""`kind` is every combination of KIND, for metrics; `peer` what agents report that nobody vouches for, by agent: that
counts nowhere else."""
KIND = ("agent", "provider", "model", "operation", "purpose", "status")
_KEYS = ("day", "dimension", "value", "currency")
_SUMS = [column.name for column in day_totals.columns if column.name not in _KEYS]
Row = Mapping[str, Any]


class Delta:
    """What a number of calls add to the day's sums, to be written at once."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, ...], dict[str, Any]] = {}
        self._bins: dict[tuple[str, str, str, int], int] = {}

    def add(self, call: Row, sign: Literal[1, -1] = 1) -> None:
        """Count a call that has ended; with sign -1 take back what it was counted as."""
        numbers = _numbers(call)
        is_timed = call["total_seconds"] is not None and call["status"] != "cached"
        number = bin_of(call["total_seconds"]) if is_timed else None
        for dimension, value in _dimensions(call):
            sums = self._totals.setdefault(
                (call["day"], dimension, value, call["currency"] or ""), dict.fromkeys(_SUMS, 0)
            )
            for name, amount in numbers.items():
                sums[name] += sign * amount
            if number is not None and dimension != "kind":
                key = (call["day"], dimension, value, number)
                self._bins[key] = self._bins.get(key, 0) + sign

    def write(self, connection: Connection) -> None:
        totals = [dict(zip(_KEYS, key, strict=True)) | sums for key, sums in self._totals.items()]
        bins = [
            {"day": day, "dimension": dimension, "value": value, "bin": number, "calls": count}
            for (day, dimension, value, number), count in self._bins.items()
        ]
        # Rows are locked in one order, so that two writers never wait for each other.
        _ADD_TOTALS.run(connection, sorted(totals, key=lambda row: [row[key] for key in _KEYS]))
        _ADD_LATENCIES.run(connection, sorted(bins, key=lambda row: list(row.values())[:4]))


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


def _upsert(table: Table, dialect: str) -> Insert:
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    keys = list(table.primary_key.columns)
    added = {column.name: column + insert.excluded[column.name] for column in table.columns if column not in set(keys)}
    upsert: Insert = insert.on_conflict_do_update(index_elements=keys, set_=added)
    return upsert


_ADD_TOTALS = Compiled(partial(_upsert, day_totals))
_ADD_LATENCIES = Compiled(partial(_upsert, day_latencies))
