"""Operators that only choose, name or count columns and rows, said with `project`, `take` and the like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.data.kql.rewriting.edits import (
    Edit,
    Source,
    columns_of,
    input_of,
    inserted,
    is_table,
    items,
    named,
    names_of,
    replaced,
)
from agents.data.platform import NotExecutable

_OPERATORS = frozenset(
    ["consume", "count", "distinct", "extend", "getschema", "join", "limit", "order", "parse", "scan", "serialize",
     "sort", "summarize", "table", "take", "top"]
)  # fmt: skip
# Functions that pass their argument's name on.
_SAME_NAME = frozenset(("todynamic", "parse_json"))


def quoted(name: Any, source: Source) -> Iterator[Edit]:
    """A column called like an operator, `sort by count`, which only Kusto's own grammar tells apart."""
    text = source.of(name)
    if text in _OPERATORS and str(name.Parent.Kind) != "FunctionCallExpression":
        yield replaced(name, named(text))


def projected(operator: Any, source: Source) -> Iterator[Edit]:
    """`project-reorder`, `project-keep`, and `project-away` with wildcards: Kusto.Language knows what is left."""
    if str(operator.Kind) == "ProjectAwayOperator" and "*" not in source.of(operator):
        return
    yield replaced(operator, "project " + ", ".join(map(named, names_of(operator))))


def expanded(operator: Any, source: Source) -> Iterator[Edit]:
    """An unnamed expression of `mv-expand` gets the name that Kusto gives it."""
    expressions = [item.Expression for item in items(operator.Expressions)]
    if all(_is_named(one) for one in expressions):
        return
    before, after = columns_of(input_of(operator)), columns_of(operator)
    new = [str(column.Name) for column in after if not any(column.Equals(known) for known in before)]
    new = [name for name in new if name not in _index(operator, source)]
    if len(new) != len(expressions):
        new = [_passed_on(one, source) for one in expressions]
    for expression, name in zip(expressions, new, strict=True):
        if not _is_named(expression):
            yield inserted(expression, f"{named(name)} = ")


def _is_named(expression: Any) -> bool:
    return str(expression.Kind) in ("SimpleNamedExpression", "NameReference")


def _index(operator: Any, source: Source) -> list[str]:
    """The name in `with_itemindex=i`."""
    parts = [source.of(parameter).partition("=") for parameter in operator.Parameters]
    return [name.strip() for keyword, _, name in parts if keyword.strip() == "with_itemindex"]


def _passed_on(expression: Any, source: Source) -> str:
    """The name of a column that is expanded as it is: `todynamic(Tags)` is `Tags`."""
    if str(expression.Kind) == "FunctionCallExpression" and str(expression.Name.SimpleName) in _SAME_NAME:
        arguments = items(expression.ArgumentList.Expressions)
        if len(arguments) == 1 and str(arguments[0].Kind) == "NameReference":
            return str(arguments[0].SimpleName)
    raise NotExecutable(f"mv-expand of an expression without a name: {source.of(expression)}")


def sampled(operator: Any, source: Source) -> Iterator[Edit]:
    """`sample 5` may give any five rows; so may `take 5`."""
    yield replaced(operator, f"take {source.of(operator.Expression)}")


def sampled_distinct(operator: Any, source: Source) -> Iterator[Edit]:
    yield replaced(operator, f"distinct {source.of(operator.OfExpression)} | take {source.of(operator.Expression)}")


def counted(operator: Any, source: Source) -> Iterator[Edit]:
    """`count as n`."""
    if operator.AsIdentifier is not None:
        yield replaced(operator, f"count | project-rename {source.of(operator.AsIdentifier.Identifier)} = Count")


def limited(operator: Any, source: Source) -> Iterator[Edit]:
    """`take n` and `top n by x` where n is a constant: its value."""
    number = operator.Expression
    if "Literal" in str(number.Kind):
        return
    while str(number.Kind) == "ParenthesizedExpression":
        number = number.Expression
    if not number.IsConstant or number.ConstantValue is None:
        raise NotExecutable("how many rows it takes is worked out from rows")
    yield replaced(operator.Expression, str(number.ConstantValue))


def united(operator: Any, source: Source) -> Iterator[Edit]:
    """Columns of one name and several types: `union` names each after its type, `Port_int` and `Port_string`."""
    result = names_of(operator)
    parts, changed = items(operator.Expressions), False
    pipe = operator.Parent
    if str(pipe.Kind) == "PipeExpression" and pipe.Operator.Equals(operator):
        parts.append(pipe.Expression)
    for part in parts:
        renames = [
            f"{named(f'{column.Name}_{column.Type.Name}')} = {named(str(column.Name))}"
            for column in (columns_of(part) if is_table(part) else [])
            if str(column.Name) not in result and f"{column.Name}_{column.Type.Name}" in result
        ]
        if renames:
            changed = True
            yield replaced(part, f"({source.of(part)} | project-rename {', '.join(renames)})")
    if changed:
        yield Edit(int(operator.End), int(operator.End), " | project " + ", ".join(map(named, result)))


def listed(expression: Any, source: Source) -> Iterator[Edit]:
    """`x in (Table)`: its first column."""
    values = items(expression.Right.Expressions)
    if len(values) == 1 and str(values[0].Kind) == "NameReference" and is_table(values[0]):
        yield replaced(values[0], f"({source.of(values[0])} | project {named(names_of(values[0])[0])})")


def unwrapped(pipe: Any, source: Source) -> Iterator[Edit]:
    """`(T | where x) | count`: a source needs no brackets."""
    first = pipe.Expression
    if str(first.Kind) == "ParenthesizedExpression":
        yield replaced(first, source.of(first.Expression))


def unwrapped_statement(statement: Any, source: Source) -> Iterator[Edit]:
    if str(statement.Expression.Kind) == "ParenthesizedExpression":
        yield replaced(statement.Expression, source.of(statement.Expression.Expression))


def stepped(path: Any, source: Source) -> Iterator[Edit]:
    """`Tags.[0]` is `Tags[0]`."""
    if str(path.Selector.Kind) == "BracketedExpression":
        yield replaced(path, source.of(path.Expression) + source.of(path.Selector))
