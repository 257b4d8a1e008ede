"""Whether a KQL query says how much it reads: all tables only within a bound of time, and no every row with every row.

The rule: what reads every table (`union *`, `search` and `find` without `in`, or `in (*)`) must say from when, in
its own condition or in a `where` after it, before anything aggregates, joins or orders. A comparison from above only
(`TimeGenerated < now()`), or one that holds beside another by `or`, is no bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.data.kql.analysis import Analysis, syntax_class
from agents.data.kql.problems import problem_at
from shared.models import Problem

# What may stand between reading and the bound: each row is still judged by itself.
_PASSING = """ExtendOperator ProjectOperator ProjectAwayOperator ProjectKeepOperator ProjectRenameOperator
    ProjectReorderOperator ParseOperator ParseWhereOperator AsOperator SearchOperator MvExpandOperator"""
_ROW_BY_ROW = frozenset(_PASSING.split())
_LOWER = {"GreaterThanExpression": "Left", "GreaterThanOrEqualExpression": "Left", "EqualExpression": "Left"}
_FLIPPED = {"LessThanExpression": "Right", "LessThanOrEqualExpression": "Right"}
_FEW_ROWS = frozenset(("CountOperator", "TakeOperator", "TopOperator", "GetSchemaOperator"))
_ADVICE = "say from when: `| where TimeGenerated > ago(1d)`, or name the tables"
_DEEPEST = 20


def unbounded(analysis: Analysis, query: str) -> Iterator[Problem]:
    for node in _readers_of_all(analysis):
        if not _is_bounded(node, _own_condition(node)):
            kind = str(node.Kind).removesuffix("Operator").lower()
            message = f"{kind} reads every table of the group, for all time"
            yield problem_at("unbounded", message, query, int(node.TextStart), _ADVICE)
    for join in analysis.nodes("JoinOperator"):
        if _pairs_all(join, analysis):
            message = "a join on a constant pairs every row with every row"
            yield problem_at("cross_join", message, query, int(join.TextStart), "join on a column of both tables")


def _readers_of_all(analysis: Analysis) -> Iterator[Any]:
    for node in analysis.nodes("UnionOperator"):
        if any(_is_star(one) for one in _elements(node.Expressions)):
            yield node
    for kind in ("SearchOperator", "FindOperator"):
        for node in analysis.nodes(kind):
            piped = str(node.Parent.Kind) == "PipeExpression" and node.Parent.Operator.Equals(node)
            among = _elements(node.InClause.Expressions) if node.InClause is not None else None
            if not piped and (among is None or any(_is_star(one) for one in among)):
                yield node


def _elements(syntax_list: Any) -> list[Any]:
    return [element.Element for element in syntax_list]


def _is_star(node: Any) -> bool:
    return str(node.ToString()).strip().strip("'\"[]") == "*"


def _own_condition(node: Any) -> Any:
    return getattr(node, "Condition", None)


def _is_bounded(node: Any, condition: Any = None, depth: int = 0) -> bool:
    """Whether the rows of the node are bounded in time by itself or by what follows it, wherever it is read."""
    if depth > _DEEPEST:
        return False
    if condition is not None and _says_from_when(condition):
        return True
    parent = node.Parent
    kind = str(parent.Kind)
    if kind == "PipeExpression":
        if parent.Operator.Equals(node):
            return _is_bounded(parent, depth=depth)
        return _is_bounded_by(parent.Operator) or (_lets_pass(parent.Operator) and _is_bounded(parent, depth=depth))
    if kind in ("ParenthesizedExpression", "FunctionBody", "FunctionDeclaration", "MaterializeExpression"):
        return _is_bounded(parent, depth=depth)
    if kind == "LetStatement":
        readers = list(_references(parent))
        return all(_is_bounded(reader, depth=depth + 1) for reader in readers)
    if kind == "FunctionCallExpression":
        return _is_bounded(parent, depth=depth)
    return False


def _is_bounded_by(operator: Any) -> bool:
    return str(operator.Kind) in ("FilterOperator", "SearchOperator") and _says_from_when(operator.Condition)


def _lets_pass(operator: Any) -> bool:
    return str(operator.Kind) == "FilterOperator" or str(operator.Kind) in _ROW_BY_ROW


def _references(let: Any) -> Iterator[Any]:
    """Where the name that the let gives is read."""
    name = str(let.Name.SimpleName)
    for node in _root(let).GetDescendants[syntax_class("NameReference")]():
        if str(node.SimpleName) == name and not int(let.TextStart) <= int(node.TextStart) < int(let.End):
            yield node


def _says_from_when(condition: Any) -> bool:
    kind = str(condition.Kind)
    if kind == "ParenthesizedExpression":
        return _says_from_when(condition.Expression)
    if kind == "AndExpression":
        return _says_from_when(condition.Left) or _says_from_when(condition.Right)
    if kind == "OrExpression":
        return _says_from_when(condition.Left) and _says_from_when(condition.Right)
    side = _LOWER.get(kind) or _FLIPPED.get(kind)
    if kind == "BetweenExpression":
        side = "Left"
    return side is not None and _is_time(getattr(condition, side))


def _is_time(node: Any) -> bool:
    """A datetime column of a table; one that the query computes could say anything."""
    symbol = getattr(node, "ReferencedSymbol", None)
    if str(node.Kind) == "FunctionCallExpression":
        return str(node.Name.SimpleName) == "ingestion_time"
    if symbol is None or str(symbol.Kind) != "Column" or str(symbol.Type.Name) != "datetime":
        return False
    return str(node.SimpleName) not in _assigned(node)


def _assigned(node: Any) -> set[str]:
    named = _root(node).GetDescendants[syntax_class("SimpleNamedExpression")]()
    return {str(one.Name.SimpleName) for one in named}


def _pairs_all(join: Any, analysis: Analysis) -> bool:
    """A join whose every key is assigned a constant, between two sides of which neither is known to be short."""
    clause = join.ConditionClause
    if clause is None or str(clause.Kind) != "JoinOnClause":
        return False
    constants = {
        str(one.Name.SimpleName) for one in analysis.nodes("SimpleNamedExpression") if one.Expression.IsLiteral
    }
    keys = [names for one in _elements(clause.Expressions) if (names := _names(one))]
    if not keys or not all(names <= constants for names in keys):
        return False
    left = join.Parent.Expression if str(join.Parent.Kind) == "PipeExpression" else None
    return not any(side is not None and _is_short(side) for side in (left, join.Expression))


def _lets(reference: Any) -> Iterator[Any]:
    """The lets before the name that give it."""
    for let in _root(reference).GetDescendants[syntax_class("LetStatement")]():
        if str(let.Name.SimpleName) == str(reference.SimpleName) and int(let.End) <= int(reference.TextStart):
            yield let


def _root(node: Any) -> Any:
    while node.Parent is not None:
        node = node.Parent
    return node


def _names(condition: Any) -> set[str]:
    """The column names in one part of `on`: `k`, or both sides of `$left.k == $right.j`."""
    kinds = [condition] if str(condition.Kind) == "NameReference" else []
    found = [*kinds, *condition.GetDescendants[syntax_class("NameReference")]()]
    return {str(node.SimpleName) for node in found} - {"$left", "$right"}


def _is_short(side: Any) -> bool:
    """Whether the side ends in few rows whatever it reads: one aggregate, or so many at most, or rows in the text."""
    kind = str(side.Kind)
    if kind == "ParenthesizedExpression":
        return _is_short(side.Expression)
    if kind in ("PrintOperator", "DataTableExpression", "RangeOperator"):
        return True
    if kind == "NameReference":
        return any(_is_short(let.Expression) for let in _lets(side))
    if kind != "PipeExpression":
        return False
    operator = side.Operator
    if str(operator.Kind) == "SummarizeOperator":
        return operator.ByClause is None
    if str(operator.Kind) in _FEW_ROWS:
        return True
    return _lets_pass(operator) and _is_short(side.Expression)
