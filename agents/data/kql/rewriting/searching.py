"""`search`, and `*` in a condition: the same condition on every column, any of which may hold.

Of the reference's `search` page: a bare term is `* has`, and an asterisk at its ends makes it hasprefix, hassuffix or
contains; `column:"term"` is the same on one column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agents.data.kql.rewriting.edits import (
    Edit,
    Source,
    columns_of,
    input_of,
    is_table,
    items,
    named,
    names_of,
    replaced,
    text_literal,
    type_of,
)
from agents.data.platform import NotExecutable

# Written out, the condition names every column; a search over hundreds of tables would be a million characters.
_MOST_COLUMNS = 400
_ON_ANY = frozenset(("has", "contains", "startswith", "endswith", "hasprefix", "hassuffix"))


def starred(condition: Any, source: Source) -> Iterator[Edit]:
    """`where * has "x"`."""
    if str(condition.Left.Kind) != "StarExpression":
        return
    operator = source.of(condition.Operator)
    if operator.removesuffix("_cs") not in _ON_ANY:
        raise NotExecutable(f"* {operator} compares every column, whatever its type")
    columns = columns_of(input_of(_filter_around(condition)))
    yield replaced(condition, _any(columns, operator, source.of(condition.Right)))


def searched(operator: Any, source: Source) -> Iterator[Edit]:
    """`T | search "x"` and `search in (T, U) "x"`, with the column `$table` that says where a row is from."""
    if operator.InClause is None and str(operator.Parent.Kind) == "PipeExpression":
        condition = _predicate(operator, columns_of(input_of(operator)), source)
        yield replaced(operator, f"where {condition}{_origin(operator, source)}")
        return
    if operator.InClause is None:
        raise NotExecutable("it searches every table")
    parts = items(operator.InClause.Expressions)
    if any(str(part.Kind) != "NameReference" or not is_table(part) for part in parts):
        raise NotExecutable("it searches tables by a pattern")
    yield replaced(operator, _union(operator, parts, source))


def _union(operator: Any, parts: list[Any], source: Source) -> str:
    branches = [
        f"({source.of(part)} | where {_predicate(operator, columns_of(part), source)} "
        f"| extend ['$table'] = {text_literal(str(part.SimpleName))})"
        for part in parts
    ]
    ordered = ", ".join(map(named, names_of(operator)))
    return f"union {', '.join(branches)} | project {ordered}"


def _origin(operator: Any, source: Source) -> str:
    """The column `$table`, first as Kusto has it: the table's name, where the rows come straight from one. Of anything
    else Kusto makes up a name; the column is left out then, and a query that reads it is found not to bind."""
    node = input_of(operator)
    while str(node.Kind) == "PipeExpression" and str(node.Operator.Kind) == "FilterOperator":
        node = node.Expression
    if str(node.Kind) != "NameReference" or not is_table(node):
        return ""
    name, columns = text_literal(str(node.SimpleName)), names_of(operator)
    return " | project " + ", ".join(f"{named(one)} = {name}" if one == "$table" else named(one) for one in columns)


def _predicate(operator: Any, columns: list[Any], source: Source) -> str:
    if len(columns) > _MOST_COLUMNS:
        raise NotExecutable(f"it searches {len(columns)} columns; at most {_MOST_COLUMNS} are written out")
    sensitive = any("case_sensitive" in source.of(parameter) for parameter in operator.Parameters)
    return _condition(operator.Condition, columns, source, "_cs" if sensitive else "")


def _condition(node: Any, columns: list[Any], source: Source, case: str) -> str:
    def inner(child: Any) -> str:
        return _condition(child, columns, source, case)

    forms: dict[str, Callable[[], str]] = {
        "AndExpression": lambda: f"({inner(node.Left)} and {inner(node.Right)})",
        "OrExpression": lambda: f"({inner(node.Left)} or {inner(node.Right)})",
        "ParenthesizedExpression": lambda: inner(node.Expression),
        "StarExpression": lambda: "true",
        "StringLiteralExpression": lambda: _term(str(node.LiteralValue), columns, case),
        "SearchExpression": lambda: _term(str(node.Right.LiteralValue), _column(node.Left, columns), case),
    }
    if found := forms.get(str(node.Kind)):
        return found()
    if case:
        raise NotExecutable("kind=case_sensitive changes its other comparisons too")
    return f"({source.of(node)})"


def _column(node: Any, columns: list[Any]) -> list[Any]:
    if str(node.Kind) == "StarExpression":
        return columns
    return [column for column in columns if str(column.Name) == str(node.SimpleName)]


def _term(term: str, columns: list[Any], case: str) -> str:
    bare = term.strip("*")
    if "*" in bare or not bare:
        raise NotExecutable("a search term with an asterisk inside")
    operator = {(False, False): "has", (True, False): "hassuffix", (False, True): "hasprefix"}.get(
        (term.startswith("*"), term.endswith("*")), "contains"
    )
    return _any(columns, operator + case, text_literal(bare))


def _any(columns: list[Any], operator: str, literal: str) -> str:
    return "(" + (" or ".join(f"{_text(column)} {operator} {literal}" for column in columns) or "false") + ")"


def _text(column: Any) -> str:
    name = named(str(column.Name))
    return name if type_of(column) == "string" else f"tostring({name})"


def _filter_around(node: Any) -> Any:
    while node is not None and str(node.Kind) != "FilterOperator":
        node = node.Parent
    if node is None:
        raise NotExecutable("* outside a where")
    return node
