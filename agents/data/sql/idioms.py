"""What SQL borrows from other languages, or leaves for the database to guess, said so that it can be proven.

Only rejected queries are touched, and only where there is one thing they can mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from agents.data.proof import unreadable
from agents.data.spelling import slips
from agents.data.sql.binding import lookup, sources_of
from agents.data.sql.borrowed import say_here
from agents.data.sql.grouping import Known, group_rest, having_for_where
from agents.data.sql.parsing import PARSER
from agents.data.sql.rewritten import LIMITED, limited, readable
from agents.data.sql.types import duckdb_type
from shared.catalog import Catalog, Column
from shared.errors import InvalidInput
from shared.models import Proof

Columns = dict[int, Column]  # by the id of the node that names it
_MOST = 50  # unknown names that are looked at; a query has a few
_TEXTS = frozenset(("TEXT", "VARCHAR"))
_MEASURES = ("TIME", "INTERVAL", "REAL", "FLOAT", "DOUBLE", "DECIMAL")
_DAYS = {"today": 0, "yesterday": 1}
_ORDERS = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_SIDES = (*_ORDERS, exp.EQ, exp.NEQ)
_TOP = "unknown function 'top'"  # TOP (5) reads as a call
_TEXT_AS_NUMBER = re.compile(
    r"cannot (?:compare|mix) values of type VARCHAR and|'(?:sum|avg)\(VARCHAR\)'", re.IGNORECASE
)
_NUMBER = re.compile(r"\s*[+-]?\d+(?:\.\d*)?\s*")


def idioms(query: str, proof: Proof, catalog: Catalog) -> tuple[str, list[str]]:
    """The query said in the group's dialect, and each change in words; the same query where nothing is sure. proof: of
    the query. Never raises on any text."""
    if proof.verdict != "rejected" or unreadable(query):
        return query, []
    try:
        select = PARSER.parse(query, catalog.dialect).select
        if catalog.dialect == "duckdb" and _TOP in {problem.message for problem in proof.problems}:
            cut = limited(query)
            return (cut, [LIMITED]) if cut else (query, [])
        if select is not None:
            return _said(query, select.copy(), proof, catalog)
        parsed = any(check.name == "parse" and check.status == "passed" for check in proof.checks)
        return (query, []) if parsed else readable(query, catalog.dialect)
    except (SqlglotError, RecursionError):
        return query, []


def _said(query: str, select: exp.Query, proof: Proof, catalog: Catalog) -> tuple[str, list[str]]:
    borrowed = say_here(query, select) if catalog.dialect == "duckdb" else []
    if borrowed is None:
        return query, []
    notes = [*borrowed]
    columns, strangers = _columns(select, catalog)
    if catalog.dialect == "duckdb":
        notes += _days(select, columns, catalog.dialect)
        if any(_TEXT_AS_NUMBER.search(problem.message) for problem in proof.problems):
            notes += _numbers(select, columns, catalog.dialect)
    notes += _values(select, columns, proof, catalog)
    known = Known(_measured(columns, catalog.dialect), strangers)
    notes += having_for_where(select, known)
    if catalog.dialect not in ("sqlite", "mysql"):  # which give any one of the values
        notes += group_rest(select, known)
    if not notes:
        return query, []
    text = select.sql(dialect=catalog.dialect, pretty=True, unsupported_level=ErrorLevel.RAISE)
    return text, list(dict.fromkeys(notes))


def _columns(select: exp.Query, catalog: Catalog) -> tuple[Columns, set[int]]:
    """The catalog's column of each node that names one for sure; the nodes whose name no table there has."""
    found: Columns = {}
    strangers: set[int] = set()
    for scope in traverse_scope(select):
        sources: dict[str, dict[str, Column]] = {}
        for alias, source in sources_of(scope).items():
            is_table = isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)
            table = lookup(source, catalog) if is_table and isinstance(source, exp.Table) else None
            sources[alias.lower()] = {one.name.lower(): one for one in table.columns} if table else {}
        for node in scope.find_all(exp.Column):
            named = [sources.get(node.table.lower(), {})] if node.table else list(sources.values())
            owners = [one for one in named if node.name.lower() in one]
            if len(owners) == 1 and all(named):
                found[id(node)] = owners[0][node.name.lower()]
            elif not owners and all(named) and not node.table and not scope.is_subquery:
                strangers.add(id(node))
    return found, strangers


def _type(column: Column, dialect: str) -> str:
    try:
        return duckdb_type(column.type, (dialect, "duckdb"))
    except InvalidInput:
        return ""


def _measured(columns: Columns, dialect: str) -> set[str]:
    """The columns of times and of fractions, which hardly ever are the same in two rows."""
    found = {column.name.lower(): column for column in columns.values()}.items()
    return {name for name, column in found if _type(column, dialect).upper().startswith(_MEASURES)}


def _values(select: exp.Query, columns: Columns, proof: Proof, catalog: Catalog) -> Iterator[str]:
    """`ResultType = "Failure"`: a name that there is none of, compared with a text, is that text. Where it
    is none of the column's known values, it is so only in quotes, and not where it may be a name: it is a slip for a
    column's, it joins tables, or a column is written in quotes, too."""
    unknown = {one.message for one in proof.problems if one.code == "unknown_column"}
    if not unknown or len(unknown) > _MOST:
        return
    known = {column.name.lower() for table in catalog.tables for column in table.columns}
    nodes = list(select.find_all(exp.Column))
    quotes_names = any(_is_quoted(node) for node in nodes if id(node) in columns)
    for node in nodes:
        partner = _compared(node) if f"unknown column '{node.name}'" in unknown and len(node.parts) == 1 else None
        if partner is None or id(node) in columns:
            continue
        column = columns.get(id(partner.this if isinstance(partner, exp.Lower | exp.Upper) else partner))
        if column is None or _type(column, catalog.dialect) not in _TEXTS:
            continue
        value = next((one for one in column.values if one.lower() == node.name.lower()), None)
        is_name = quotes_names or not _is_quoted(node) or _joins(node) or _is_slip(node.name, known)
        if value is None and is_name:
            continue
        text = node.name if value is None or _is_quoted(node) else value
        text = text.lower() if isinstance(partner, exp.Lower) else text
        text = text.upper() if isinstance(partner, exp.Upper) else text
        node.replace(exp.Literal.string(text))
        yield f"read {node.name} as the value '{text}' of {column.name}: no column is called so"


def _compared(node: exp.Expr) -> exp.Expr | None:
    """What a value would be compared with at this place."""
    parent = node.parent
    other: exp.Expr | None = None
    if isinstance(parent, exp.EQ | exp.NEQ):
        other = parent.expression if parent.this is node else parent.this
    elif isinstance(parent, exp.In | exp.Like | exp.ILike) and parent.this is not node:
        other = parent.this
    return other


def _is_quoted(node: exp.Column) -> bool:
    return bool(node.this.args.get("quoted"))


def _joins(node: exp.Expr) -> bool:
    return isinstance(node.find_ancestor(exp.Join, exp.Query), exp.Join)


def _is_slip(name: str, known: set[str]) -> bool:
    most = max(1, len(name) // 4)
    alike = [one for one in known if abs(len(one) - len(name)) <= most]
    return any(slips(name.lower(), one) <= most for one in alike)


def _days(select: exp.Query, columns: Columns, dialect: str) -> Iterator[str]:
    """'today' and 'yesterday', compared with a time or made one: DuckDB reads no words as times."""
    for literal in list(select.find_all(exp.Literal)):
        word, parent = literal.name.lower(), literal.parent
        if not literal.is_string or word not in _DAYS or parent is None:
            continue
        if isinstance(parent, exp.Cast) and parent.this is literal:
            if parent.to.is_type("date", "timestamp"):
                parent.replace(_day(word, parent))
                yield f"used '{_SAID[word]}' for '{word}', as DuckDB does"
            continue
        others = [one for one in parent.iter_expressions() if one is not literal]
        if not others or not isinstance(parent, (*_SIDES, exp.Between)):
            continue
        kind = _time_kind(others[0], columns, dialect)
        if kind == "DATE" or (kind.startswith("TIMESTAMP") and isinstance(parent, (*_ORDERS, exp.Between))):
            literal.replace(_day(word, literal))
            yield f"used '{_SAID[word]}' for '{word}', as DuckDB does"


_SAID = {"today": "current_date", "yesterday": "current_date - 1"}


def _day(word: str, place: exp.Expr) -> exp.Expr:
    back = _DAYS[word]
    if not back:
        return exp.CurrentDate()
    day = exp.Sub(this=exp.CurrentDate(), expression=exp.Literal.number(back))
    return day if isinstance(place.parent, (*_SIDES, exp.Between)) else exp.Paren(this=day)


def _time_kind(node: exp.Expr, columns: Columns, dialect: str) -> str:
    if isinstance(node, exp.Cast):
        return node.to.sql("duckdb")
    return _type(columns[id(node)], dialect).upper() if id(node) in columns else ""


def _numbers(select: exp.Query, columns: Columns, dialect: str) -> Iterator[str]:
    """A text that is put in order with a number, or summed, is read as one where most of its known values are; the
    number that it shall equal is read as a text."""
    for node in list(select.find_all(exp.Column)):
        column = columns.get(id(node))
        if column is None or _type(column, dialect) not in _TEXTS or not _is_wanted_as_number(node):
            continue
        if isinstance(node.parent, exp.EQ | exp.NEQ):
            number = node.parent.expression if node.parent.this is node else node.parent.this
            text = number.sql(dialect="duckdb").replace(" ", "")
            if "." in text or "e" in text.lower():  # 0.5 may be written 0.50 there
                continue
            number.replace(exp.Literal.string(text))
            yield f"read {text} as a text, as {column.name} is one"
            continue
        if sum(map(bool, map(_NUMBER.fullmatch, column.values))) * 2 <= len(column.values):
            continue
        node.replace(exp.TryCast(this=node.copy(), to=exp.DataType.build("DOUBLE")))
        yield f"read the text {column.name} as a number; rows where it is none count as empty"


def _is_wanted_as_number(node: exp.Expr) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Sum | exp.Avg):
        return True
    if isinstance(parent, exp.Between):
        return parent.this is node and _is_number(parent.args["low"]) and _is_number(parent.args["high"])
    return isinstance(parent, _SIDES) and _is_number(parent.expression if parent.this is node else parent.this)


def _is_number(node: exp.Expr) -> bool:
    """Exact as a DOUBLE, too."""
    bare = node.this if isinstance(node, exp.Neg) else node
    return isinstance(bare, exp.Literal) and not bare.is_string and len(bare.name) <= 15
