"""The calls of the ledger as files: JSON lines, CSV with a header, or Parquet."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import duckdb

from shared.calls import CallRecord
from shared.errors import InvalidInput

Form = Literal["jsonl", "csv", "parquet"]
FORMS: dict[Form, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
"""The media type of each form."""
_FIELDS = list(CallRecord.model_fields)
_SQL_TYPES = {int: "BIGINT", float: "DOUBLE", str: "VARCHAR"}
_BLOCK, _LINES = 1 << 20, 1000


async def exported(calls: AsyncIterator[CallRecord], form: Form) -> AsyncIterator[str]:
    """A line a call, each with its line end. form: one of the two that are text."""
    if form == "csv":
        yield _csv(_FIELDS)
    async for call in calls:
        yield (
            _csv(map(_cell, call.model_dump(mode="json").values())) if form == "csv" else f"{call.model_dump_json()}\n"
        )


async def parquet(calls: AsyncIterator[CallRecord], out: Path) -> int:
    """Write a Parquet file (times with zone, tags as a list, metadata as JSON); how many calls. Raises InvalidInput."""
    with tempfile.TemporaryDirectory(prefix="lexiquery-export-") as folder:
        lines = Path(folder, "calls.jsonl")
        await write_lines(exported(calls, "jsonl"), lines)
        return await asyncio.to_thread(_convert, lines, out)


async def parquet_stream(calls: AsyncIterator[CallRecord]) -> AsyncIterator[bytes]:
    """The same as blocks of bytes."""
    with tempfile.TemporaryDirectory(prefix="lexiquery-export-") as folder:
        file = Path(folder, "calls.parquet")
        await parquet(calls, file)
        read = 0
        while block := await asyncio.to_thread(_block, file, read):
            read += len(block)
            yield block


def _append(file: Path, lines: list[str]) -> None:
    with file.open("a", encoding="utf-8", newline="") as written:
        written.writelines(lines)


def _block(file: Path, offset: int) -> bytes:
    with file.open("rb") as content:
        content.seek(offset)
        return content.read(_BLOCK)


def _convert(lines: Path, out: Path) -> int:
    columns = ", ".join(f"'{name}': '{_sql_type(name)}'" for name in _FIELDS)
    read = f"read_json('{_quoted(lines)}', format = 'newline_delimited', columns = {{{columns}}})"
    with duckdb.connect() as connection:
        try:
            copied = connection.execute(f"COPY (FROM {read}) TO '{_quoted(out)}' (FORMAT parquet)").fetchone()
        except duckdb.IOException as error:
            raise InvalidInput(f"can't write {out}: {error}") from error
    return int(copied[0]) if copied else 0


def _sql_type(field: str) -> str:
    if field.endswith("_at"):
        return "TIMESTAMPTZ"
    kinds = _kinds(CallRecord.model_fields[field].annotation)
    if list in kinds:
        return "VARCHAR[]"
    return "JSON" if dict in kinds else next((_SQL_TYPES[kind] for kind in kinds if kind in _SQL_TYPES), "VARCHAR")


def _kinds(annotation: Any) -> set[Any]:
    """The plain types in an annotation: `int | None` is int and NoneType."""
    origin = get_origin(annotation)
    if origin in (list, dict, Literal):
        return {str if origin is Literal else origin}
    inner = get_args(annotation)
    return {kind for one in inner for kind in _kinds(one)} if inner else {annotation}


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


async def write_lines(lines: AsyncIterator[str], out: Path) -> int:
    """Write the lines to a file, some at a time; how many. Raises InvalidInput."""
    written, waiting = 0, list[str]()
    try:
        await asyncio.to_thread(out.write_text, "", encoding="utf-8")
        async for line in lines:
            waiting.append(line)
            if len(waiting) >= _LINES:
                await asyncio.to_thread(_append, out, waiting)
                written, waiting = written + len(waiting), []
        await asyncio.to_thread(_append, out, waiting)
    except OSError as error:
        raise InvalidInput(f"can't write {out}: {error.strerror}") from error
    return written + len(waiting)


def _csv(cells: Any) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()
