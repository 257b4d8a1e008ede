"""What a platform answers, as Rows that JSON can carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from agents.data.values import cell
from shared.models import Rows

_CARRIED = (str, int, float, Decimal, date, time, timedelta, bytes, bytearray, memoryview, UUID, type(None))


def page(columns: Sequence[str], found: Sequence[Iterable[Any]], limit: int, types: Sequence[str] = ()) -> Rows:
    """found: at most one row more than `limit`, which shows that there are more. types: what the platform calls each
    column's type; text of one called JSON becomes what it says."""
    kinds = list(types) or [""] * len(columns)
    cells = [[cell(_plain(value), kind) for value, kind in zip(row, kinds, strict=True)] for row in found[:limit]]
    cut = any(short for row in cells for _, short in row)
    rows = [[value for value, _ in row] for row in cells]
    return Rows(columns=list(columns), rows=rows, truncated=cut or len(found) > limit)


def _plain(value: Any) -> Any:
    """Without the driver's own types: addresses, ranges, points and the like as text."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value if isinstance(value, _CARRIED) else str(value)
