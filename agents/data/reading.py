"""The rows of one SELECT on a DuckDB connection, page by page."""

from __future__ import annotations

import duckdb

from agents.data.session import Connection, first_line
from agents.data.values import LONGEST_CELL, cell
from shared.errors import QueryRejected
from shared.models import Rows


def one_select(sql: str) -> str:
    """The one SELECT of the text, without its semicolon. Raises QueryRejected for anything else."""
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryRejected(f"not valid DuckDB SQL: {first_line(error)}") from error
    if len(statements) != 1:
        raise QueryRejected(f"expected one statement, got {len(statements)}")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise QueryRejected(f"expected a SELECT, got {statements[0].type.name}")
    return statements[0].query.strip().removesuffix(";")


def fetch(connection: Connection, statement: str, limit: int, offset: int) -> Rows:
    described = connection.execute(f"DESCRIBE {statement}").fetchall()
    names, types = [row[0] for row in described], [row[1] for row in described]
    aliases = [f"c{number}" for number in range(len(names))]
    projection = ", ".join(_portable(alias, type_) for alias, type_ in zip(aliases, types, strict=True))
    found = connection.execute(  # `statement` was parsed as exactly one SELECT
        f"SELECT {projection} FROM (\n{statement}\n) AS result({', '.join(aliases)}) LIMIT {limit + 1} OFFSET {offset}"  # noqa: S608 - as said above
    ).fetchall()
    cells = [[cell(value, type_) for value, type_ in zip(row, types, strict=True)] for row in found[:limit]]
    cut = any(short for row in cells for _, short in row)
    return Rows(columns=names, rows=[[value for value, _ in row] for row in cells], truncated=cut or len(found) > limit)


def _portable(alias: str, type_name: str) -> str:
    """An instant as UTC without a zone: DuckDB would want a time zone library to hand it to Python. Text no longer than
    it takes to see that it is too long."""
    if type_name == "VARCHAR":
        return f"left({alias}, {LONGEST_CELL + 1})"
    if type_name == "TIMESTAMP WITH TIME ZONE":
        return f"{alias} AT TIME ZONE 'UTC'"
    return f"to_json({alias})" if "WITH TIME ZONE" in type_name else alias
