"""Constants of a query that can't be what the query takes them for: DuckDB would say so at the first row only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

import duckdb

from agents.data.dates import nearest_real
from agents.data.session import Connection
from shared.models import Problem

MOST_TOLD = 5
# What the optimizer can fold it folds, so that the casts which are left in its plan are of what it could not read. A
# type goes on behind brackets in DECIMAL(10,2)[] and TIMESTAMP(3) WITH TIME ZONE alone.
_CAST = re.compile(r"(?<!TRY_)CAST\(('(?:[^']|'')*') AS ([A-Z][A-Z0-9_ (),]*?)\)(?![A-Z0-9]| (?!AS\b|[-+*/<>=]))")
_WRITTEN = {"date": "write it as '2026-01-31'", "timestamp": "write it as '2026-01-31 14:30:00'"}


def unreadable_constants(connection: Connection, statement: str) -> list[Problem]:
    """A problem for each text that the query casts to, or compares with, what it is not: `ts > 'yesterdy'`; also where
    only some rows would come to it, as in a CASE. At most MOST_TOLD of them.

    connection: of a session of empty tables (session.py). A day that no calendar has is an `impossible_value`, anything
    else an `unreadable_value`: another dialect may read it.
    """
    plan = connection.execute(f"EXPLAIN (FORMAT json) {statement}").fetchall()[0][1]
    casts = dict.fromkeys(match.groups() for text in _texts(plan) for match in _CAST.finditer(text))
    wrong = (cast for cast in casts if not _can_be(connection, *cast))
    return [_problem(literal, type_) for literal, type_ in islice(wrong, MOST_TOLD)]


def _texts(plan: str) -> Iterator[str]:
    """The expressions of a plan, but those within TRY, which fail for no row; none where it is too deep to be read."""
    try:
        nodes = [json.loads(plan)]
    except RecursionError:
        return
    while nodes:
        node = nodes.pop()
        if isinstance(node, str) and "TRY(" not in node:
            yield node
        elif isinstance(node, dict):
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node


def _can_be(connection: Connection, literal: str, type_: str) -> bool:
    try:
        connection.execute(f"SELECT CAST({literal} AS {type_})").fetchall()
    except (duckdb.ConversionException, duckdb.InvalidInputException):
        return False
    except (duckdb.CatalogException, duckdb.ParserException, duckdb.BinderException):
        return True  # the plan's name of the type is none that a query can say
    return True


def _problem(literal: str, type_: str) -> Problem:
    text = literal[1:-1].replace("''", "'")
    kind = type_.removesuffix(" WITH TIME ZONE").lower()
    advice = _WRITTEN.get(kind)
    if advice and (real := nearest_real(text)):
        return Problem(code="impossible_value", message=f"there is no day {literal}", suggestion=f"'{real}'")
    return Problem(code="unreadable_value", message=f"{literal} is no {kind}", suggestion=advice)
