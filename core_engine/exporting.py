"""The calls of the ledger as text: JSON lines, or CSV with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Literal

from shared.models import CallRecord

Form = Literal["jsonl", "csv"]
MEDIA_TYPES: dict[Form, str] = {"jsonl": "application/x-ndjson", "csv": "text/csv"}
_FIELDS = list(CallRecord.model_fields)


async def exported(calls: AsyncIterator[CallRecord], form: Form) -> AsyncIterator[str]:
    """A line a call, each with its line end."""
    if form == "csv":
        yield _csv(_FIELDS)
    async for call in calls:
        yield _csv(call.model_dump(mode="json").values()) if form == "csv" else f"{call.model_dump_json()}\n"


def _csv(cells: Any) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()
