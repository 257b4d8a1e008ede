"""Whether a condition holds of every row whatever is in it: then it says nothing.

Decided by trying it: rows are made up of its own literals, of what lies beside them, and of values far from them. What
no such row contradicts is refused, so nobody needs a list of all the forms that `1 = 1` can take.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb
from sqlglot import exp

from shared.catalog import Table

NUMERIC = ("int", "long", "real", "double", "float", "decimal", "numeric", "number", "bigint", "smallint")
"""What the type of a column of numbers begins with."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MOST_ROWS = 4000
_MOST_COLUMNS = 4
_FAR_NUMBERS = ("-1000000000", "0", "1", "1000000000")
_FAR_TEXTS = ("zz", "", "x" * 1000)
_FAR_TIMES = ("1970-01-01 00:00:00", "2100-02-03 12:30:00", "1999-12-31 23:59:59", "2026-06-15 06:07:08")


def holds_always(parts: Iterable[exp.Expr], table: Table) -> exp.Expr | None:
    """The first of the conditions that holds of every row; None where each leaves one out.

    A condition without IS is tried on rows without NULL alone: `status = 'a' OR status <> 'a'` says nothing, though it
    leaves out those without a status. More than four columns are not tried. Blocks, for milliseconds.
    """
    with duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": "1"}) as connection:
        return next((part for part in parts if _holds(part, table, connection)), None)


def _holds(part: exp.Expr, table: Table, connection: duckdb.DuckDBPyConnection) -> bool:
    names = sorted({one.name for one in part.find_all(exp.Column)})
    if not names or len(names) > _MOST_COLUMNS:
        return False
    most = int(_MOST_ROWS ** (1 / len(names)))
    sources = ", ".join(f"(SELECT unnest({_samples(name, part, table, most)}) AS {_quoted(name)})" for name in names)
    asked = f"SELECT bool_and(coalesce(({part.sql(dialect='duckdb')}), false)) FROM {sources}"  # noqa: S608 (checked nodes alone)
    try:
        found = connection.execute(asked).fetchone()
    except duckdb.Error:  # such as a cast that a made-up value does not stand: nothing is known then
        return False
    return found is not None and found[0] is True


def _samples(name: str, part: exp.Expr, table: Table, most: int) -> str:
    """A list in SQL, of the column's kind of values."""
    said = list(dict.fromkeys(one.name for one in part.find_all(exp.Literal)))
    kind = table.by_name[name].type.lower()
    if kind.startswith("bool"):
        type_, values = "BOOLEAN", ["true", "false"]
    elif kind.startswith(NUMERIC):
        near = [f"{float(one) + step}" for one in said if NUMBER.fullmatch(one) for step in (0, -1, 1)]
        type_, values = "DOUBLE", [*_FAR_NUMBERS[:2], *near, *_FAR_NUMBERS[2:]]
    elif kind.startswith(("date", "time")):
        type_, values = "TIMESTAMP", [*_FAR_TIMES, *(one for one in said if re.match(r"\d{4}-\d\d-\d\d", one))]
    else:
        type_, values = "VARCHAR", [*_FAR_TEXTS[:1], *said, *_FAR_TEXTS[1:]]
    told = [exp.Literal.string(one).sql(dialect="duckdb") for one in values[:most]]
    if part.find(exp.Is):
        told.append("NULL")
    return f"[{', '.join(told)}]::{type_}[]"


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect="duckdb")
