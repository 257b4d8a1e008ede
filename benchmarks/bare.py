"""The same two rows by the bare driver, in a transaction each: what no ledger can be cheaper than."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from benchmarks.calls import realistic
from benchmarks.databases import Place
from benchmarks.figures import Taken
from shared.database import set_pragmas
from shared.ledger.tables import calls, row_of

_PENDING = {"status": "pending", "is_summed": False, "response": None, "prompt_tokens": None}


async def inserted_and_updated(place: Place, count: int, text: int) -> Taken:
    """An insert and an update of each call; no sums of days."""
    rows = list(_rows(count, text))
    return _on_sqlite(place, rows) if place.name == "sqlite" else await _on_postgresql(place, rows)


def _rows(count: int, text: int) -> Iterator[dict[str, Any]]:
    for record in realistic(count, datetime.now(UTC), text, seed=time.time_ns()):
        row = row_of(record)
        yield row | {"is_summed": True, "tags": json.dumps(row["tags"]), "metadata": json.dumps(row["metadata"])}


def _on_sqlite(place: Place, rows: list[dict[str, Any]]) -> Taken:
    insert, update = _statements(rows[0], "?")
    connection = sqlite3.connect(place.where, isolation_level=None)
    set_pragmas(connection)
    taken = Taken()
    for row in rows:
        values = [value.isoformat(" ") if isinstance(value, datetime) else value for value in row.values()]
        begun = [_PENDING.get(name, value) for name, value in zip(row, values, strict=True)]
        with taken.one():
            for statement, parameters in ((insert, begun), (update, [*values, row["id"]])):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(statement, parameters)
                connection.execute("COMMIT")
    connection.close()
    return taken


async def _on_postgresql(place: Place, rows: list[dict[str, Any]]) -> Taken:
    settings = {"search_path": place.where, "synchronous_commit": "off"}  # as the ledger's own connection
    connection = await asyncpg.connect(place.url, server_settings=settings)
    insert, update = [await connection.prepare(statement) for statement in _statements(rows[0], "$")]
    taken = Taken()
    for row in rows:
        begun = [_PENDING.get(name, value) for name, value in row.items()]
        with taken.one():
            await insert.fetch(*begun)
            await update.fetch(*row.values(), row["id"])
    await connection.close()
    return taken


def _statements(row: dict[str, Any], mark: str) -> tuple[str, str]:
    marks = [mark if mark == "?" else f"${number + 1}" for number in range(len(row) + 1)]
    names = [f'"{name}"' for name in row]
    values = ", ".join(f"{name} = {one}" for name, one in zip(names, marks, strict=False))
    return (
        f"INSERT INTO {calls.name} ({', '.join(names)}) VALUES ({', '.join(marks[:-1])})",
        f"UPDATE {calls.name} SET {values} WHERE id = {marks[-1]}",
    )
