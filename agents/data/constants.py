"""Constants of a query that can't be what the query takes them for: DuckDB would say so at the first row only."""

from __future__ import annotations

import json
import re

import duckdb

from agents.data.dates import nearest_real
from agents.data.session import Connection
from shared.models import Problem

# What the optimizer can fold it folds, so that the casts which are left in its plan are of what it could not read.
_CAST = re.compile(r"(?<!TRY_)CAST\(('(?:[^']|'')*') AS ([A-Z][A-Z0-9_ (),]*?)\)(?![A-Z0-9 ])")


def unreadable_constants(connection: Connection, statement: str) -> list[Problem]:
    """A problem for each text that the query casts to, or compares with, what it is not: `ts > 'yesterdy'`.

    connection: of a session of empty tables (session.py). A day that no calendar has is an `impossible_value`, anything
    else an `unreadable_value`: another dialect may read it.
    """
    plan = connection.execute(f"EXPLAIN (FORMAT json) {statement}").fetchall()[0][1]
    texts = [text for node in json.loads(plan) for text in _texts(node)]
    casts = dict.fromkeys(match.groups() for text in texts for match in _CAST.finditer(text))
    return [_problem(literal, type_) for literal, type_ in casts if not _can_be(connection, literal, type_)]


def _texts(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for one in inner for text in _texts(one)]


def _can_be(connection: Connection, literal: str, type_: str) -> bool:
    try:
        connection.execute(f"SELECT CAST({literal} AS {type_})").fetchall()
    except (duckdb.ConversionException, duckdb.InvalidInputException):
        return False
    except duckdb.Error:
        return True
    return True


def _problem(literal: str, type_: str) -> Problem:
    text = literal[1:-1].replace("''", "'")
    kind = type_.removesuffix(" WITH TIME ZONE").lower()
    if real := nearest_real(text):
        return Problem(code="impossible_value", message=f"there is no day {literal}", suggestion=f"'{real}'")
    advice = {"date": "write it as '2026-01-31'", "timestamp": "write it as '2026-01-31 14:30:00'"}.get(kind)
    return Problem(code="unreadable_value", message=f"{literal} is no {kind}", suggestion=advice)
