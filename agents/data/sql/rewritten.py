"""A text that is no SQL of its dialect, as what it is in another: TOP 5, names in backticks or brackets, ago(7d)."""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, SqlglotError

from agents.data.sql.borrowed import ago
from agents.data.sql.parsing import PARSER

_PIECE = re.compile(
    r"(?P<kept>'[^']*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|`(?P<tick>[^`\"\n]+)`"
    r"|(?<![\w)\]'\"])\[(?P<bracket>[A-Za-z_][\w .$-]*)\]"
    r"|\bago\s?\(\s?(?P<amount>\d{1,6})\s?(?P<unit>[a-z]{1,7})\s?\)",
    re.DOTALL | re.IGNORECASE,
)
_TOP = re.compile(
    r"\s*SELECT\s+(?P<distinct>DISTINCT\s+)?TOP(?:\s+(?P<bare>\d+)|\s*\(\s*(?P<number>\d+)\s*\))\s+(?!PERCENT\b|WITH\b)",
    re.IGNORECASE,
)
_FOREIGN = {"tsql": "SQL Server's", "sqlite": "SQLite's", "mysql": "MySQL's", "bigquery": "BigQuery's"}
LIMITED = "used 'LIMIT' for 'TOP', as DuckDB does"
_MARKS = re.compile(r"\bTOP\b|[`\[]", re.IGNORECASE)  # without one of these it is no other dialect that it fails for
_NULLS = re.compile(r"\bNULLS\b", re.IGNORECASE)
_QUOTES_VALUES = frozenset(("mysql", "bigquery"))  # what stands in double quotes is a text there, not a name


def readable(query: str, dialect: str) -> tuple[str, list[str]]:
    """The query in SQL of the dialect, and what was borrowed, in words; the same query where no reading is sure."""
    if dialect == "duckdb":
        for brackets in (False, True):
            text, notes = _respelt(query, brackets)
            if (cut := limited(text)) is not None:
                return cut, [*notes, LIMITED]
            if notes and _parses(text, dialect):
                return text, notes
    return _translated(query, dialect) if _MARKS.search(query) else (query, [])


def _respelt(query: str, brackets: bool) -> tuple[str, list[str]]:
    notes: list[str] = []

    def spelt(piece: re.Match[str]) -> str:
        if piece["tick"]:
            notes.append("put names in double quotes for backticks, as DuckDB does")
            return f'"{piece["tick"]}"'
        if piece["bracket"] and brackets:
            notes.append("put names in double quotes for brackets, as DuckDB does")
            return f'"{piece["bracket"]}"'
        if piece["amount"] and (moment := ago(piece["amount"], piece["unit"])):
            notes.append("used 'now() - INTERVAL' for 'ago', as DuckDB does")
            return f"({moment.sql(dialect='duckdb')})"
        return piece[0]

    return _PIECE.sub(spelt, query), list(dict.fromkeys(notes))


def limited(query: str) -> str | None:
    """SELECT TOP 5 as DuckDB's limit, where the whole query is that one SELECT; else None."""
    top = _TOP.match(query)
    if top is None:
        return None
    text = (
        f"SELECT {top['distinct'] or ''}{query[top.end() :].rstrip().rstrip(';')}\nLIMIT {top['bare'] or top['number']}"
    )
    select = PARSER.parse(text, "duckdb").select
    return text if select is not None and select.key == "select" else None


def _translated(query: str, dialect: str) -> tuple[str, list[str]]:
    for name, owner in _FOREIGN.items():
        is_ambiguous = name in _QUOTES_VALUES and ('"' in query or "||" in query)
        select = PARSER.parse(query, name).select if name != dialect and not is_ambiguous else None
        if select is None:
            continue
        if not _NULLS.search(query):
            _order_nulls(select, dialect)
        try:
            text = select.sql(dialect=dialect, unsupported_level=ErrorLevel.RAISE)
        except (SqlglotError, RecursionError):
            continue
        if _parses(text, dialect):
            return text, [f"read the query as {owner} SQL, and said it in the group's"]
    return query, []


def _order_nulls(select: exp.Query, dialect: str) -> None:
    """Where nulls go is left to the dialect, as with a limit that is only put in another place."""
    usual = Dialect.get_or_raise(dialect).NULL_ORDERING
    for one in select.find_all(exp.Ordered):
        is_desc = bool(one.args.get("desc"))
        one.set("nulls_first", usual != "nulls_are_last" and is_desc == (usual == "nulls_are_large"))


def _parses(query: str, dialect: str) -> bool:
    return PARSER.parse(query, dialect).select is not None
