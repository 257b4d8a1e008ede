"""A KQL query cut short after each of its steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.data.kql.analysis import Analysis
from agents.data.kql.rewriting.edits import Source
from agents.data.platform import Stage

# Steps that never take the last row away.
_KEEPING = frozenset(
    (
        *(
            "ExtendOperator",
            "ProjectOperator",
            "ProjectAwayOperator",
            "ProjectRenameOperator",
            "ProjectReorderOperator",
        ),
        *("ProjectKeepOperator", "SortOperator", "RenderOperator", "AsOperator", "SerializeOperator", "ParseOperator"),
    )
)


def stages(analysis: Analysis, query: str) -> list[Stage]:
    """After the source, and each `where` (one condition at a time), `join` and the like of the main pipeline.

    A source that is a `let` of rows is looked into first.
    """
    source = Source(query)
    statements = analysis.nodes("ExpressionStatement")
    if not statements:
        return []
    return list(_of(statements[-1].Expression, source, _lets(analysis)))


def _lets(analysis: Analysis) -> dict[str, Any]:
    return {str(let.Name.SimpleName): let for let in analysis.nodes("LetStatement")}


def _of(expression: Any, source: Source, lets: dict[str, Any]) -> Iterator[Stage]:
    chain: list[Any] = []
    while str(expression.Kind) == "PipeExpression":
        chain.append(expression.Operator)
        expression = expression.Expression
    let = lets.get(str(expression.SimpleName)) if str(expression.Kind) == "NameReference" else None
    if let is not None and str(let.Expression.Kind) in ("PipeExpression", "NameReference"):
        yield from _of(let.Expression, source, lets)
    start = int((chain[-1].Parent.Expression if chain else expression).TextStart)
    head = source.between(0, _statement(expression))
    yield Stage(source.of(expression), head + source.of(expression))
    for operator in reversed(chain):
        if str(operator.Kind) in _KEEPING:
            continue
        before = head + source.between(start, int(operator.Parent.Expression.End))
        conditions = list(_parts(operator.Condition)) if str(operator.Kind) == "FilterOperator" else []
        if len(conditions) < 2:
            yield Stage(source.of(operator), f"{before} | {source.of(operator)}")
            continue
        for condition in conditions:
            before = f"{before} | where {source.of(condition)}"
            yield Stage(f"where {source.of(condition)}", before)


def _statement(node: Any) -> int:
    """Where the statement around the node starts."""
    while str(node.Kind) not in ("ExpressionStatement", "LetStatement"):
        node = node.Parent
    return int(node.TextStart)


def _parts(condition: Any) -> Iterator[Any]:
    """The conditions that must all hold."""
    if str(condition.Kind) == "ParenthesizedExpression":
        yield from _parts(condition.Expression)
    elif str(condition.Kind) == "AndExpression":
        yield from _parts(condition.Left)
        yield from _parts(condition.Right)
    else:
        yield condition
