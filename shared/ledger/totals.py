"""What finished calls add to the sums of their day. Sums outlive the calls, which retention removes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from sqlalchemy import Connection, Insert, Text, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from shared.ledger.compiled import Compiled
from shared.ledger.latency import Packed, added, bin_of, pack
from shared.ledger.tables import FAILED, PEER, day_totals

Dimension = Literal["all", "model", "operation", "agent", "user", "tag", "peer", "kind"]
"""`kind` is every combination of KIND, for metrics; `peer` what agents report that nobody vouches for, by agent: that
counts nowhere else."""
KIND = ("agent", "provider", "model", "operation", "purpose", "status")
COUNTED = (
    *("id", "day", *KIND, "user", "tags", "currency", "total_seconds", "prompt_tokens", "completion_tokens"),
    *("cached_tokens", "retries", "cost", "saved_tokens", "saved_seconds", "saved_cost"),
)
"""What of a call its sums are made of."""
_KEYS = ("dimension", "day", "value", "currency")
_SUMS = [column.name for column in day_totals.columns if column.name not in (*_KEYS, "times")]
_READ_AT_ONCE = 1000  # rows whose times are added to
_OF_KEYS = [day_totals.c[name].in_(bindparam(name, expanding=True)) for name in _KEYS]
_TIMES = select(*(day_totals.c[name] for name in _KEYS), day_totals.c.times.cast(Text)).where(*_OF_KEYS)
"""Of every combination, those of others too: they are few, and an index finds all of them at once."""
Row = Mapping[str, Any]
Key = tuple[str, ...]


class Delta:
    """What a number of calls add to the day's sums, to be written at once."""

    def __init__(self) -> None:
        self._totals: dict[Key, dict[str, Any]] = {}

    def add(self, call: Row, sign: Literal[1, -1] = 1) -> None:
        """Count a call that has ended; with sign -1 take back what it was counted as."""
        numbers = {name: sign * amount for name, amount in _numbers(call).items() if amount}
        is_timed = call["total_seconds"] is not None and call["status"] != "cached"
        number = bin_of(call["total_seconds"]) if is_timed else None
        for dimension, value in _dimensions(call):
            row = self._row(dimension, call["day"], value, call["currency"] or "")
            for name, amount in numbers.items():
                row[name] += amount
            if number is not None and dimension != "kind":
                row["times"][number] = row["times"].get(number, 0) + sign

    def add_times(self, dimension: str, day: str, value: str, currency: str, times: Mapping[str, int]) -> None:
        """Count times of calls that are in the other sums already."""
        self._row(dimension, day, value, currency)["times"].update({int(bin_): some for bin_, some in times.items()})

    def write(self, connection: Connection) -> None:
        """Add it to what is there. Nobody else may write sums meanwhile (limits.alone): times are counted here."""
        keys = sorted(self._totals)
        times = self._times(connection, [key for key in keys if self._totals[key]["times"]])
        _ADD_TOTALS.run(connection, [self._totals[key] | {"times": times.get(key)} for key in keys])

    def _times(self, connection: Connection, keys: list[Key]) -> dict[Key, str]:
        """The counts of times that the rows of these keys will have."""
        there: dict[Key, Packed] = {}
        for start in range(0, len(keys), _READ_AT_ONCE):
            each = zip(*keys[start : start + _READ_AT_ONCE], strict=True)
            for row in connection.execute(_TIMES, {name: [*{*some}] for name, some in zip(_KEYS, each, strict=True)}):
                there[tuple(row[:-1])] = row[-1]
        counts = added([[there.get(key)] for key in keys])
        return {key: pack(_plus(counts.by_bin(line), self._totals[key]["times"])) for line, key in enumerate(keys)}

    def _row(self, *key: str) -> dict[str, Any]:
        if (row := self._totals.get(key)) is None:
            row = self._totals[key] = dict(zip(_KEYS, key, strict=True)) | dict.fromkeys(_SUMS, 0) | {"times": {}}
        return row


def _plus(counts: dict[int, int], more: Mapping[int, int]) -> dict[int, int]:
    for number, calls in more.items():
        counts[number] = counts.get(number, 0) + calls
    return counts


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


def _upsert(dialect: str) -> Insert:
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(day_totals)
    sums: dict[str, Any] = {name: day_totals.c[name] + insert.excluded[name] for name in _SUMS}
    times: dict[str, Any] = {"times": func.coalesce(insert.excluded.times, day_totals.c.times)}
    upsert: Insert = insert.on_conflict_do_update(index_elements=_KEYS, set_=sums | times)
    return upsert


_ADD_TOTALS = Compiled(_upsert)
