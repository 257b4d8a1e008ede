"""Plugins whose columns only the rows can name: the rows are asked first, then each column is written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agents.data.kql.rewriting.edits import (
    Edit,
    Source,
    input_of,
    items,
    named,
    names_of,
    replaced,
    text_literal,
)
from agents.data.platform import NotExecutable

# A KQL query to the values of its first column.
AskKql = Callable[[str], list[str]]
# A bag's value as Kusto types it when every row agrees; anything else stays dynamic.
_CAST = {"string": "tostring", "long": "tolong", "double": "todouble", "bool": "tobool"}
_CONDITIONAL = {
    "count": "countif",
    "sum": "sumif",
    "avg": "avgif",
    "min": "minif",
    "max": "maxif",
    "dcount": "dcountif",
    "any": "take_anyif",
    "take_any": "take_anyif",
}
_MOST_COLUMNS = 200


def evaluated(ask: AskKql) -> Callable[[Any, Source], Iterator[Edit]]:
    """The rewriting of an `evaluate`."""

    def rewrite(operator: Any, source: Source) -> Iterator[Edit]:
        call = operator.FunctionCall
        name = str(call.Name.SimpleName)
        if name not in ("bag_unpack", "pivot") or operator.Schema is not None:
            raise NotExecutable(f"the plugin {name}")
        make = _unpacked if name == "bag_unpack" else _pivoted
        yield replaced(operator, make(operator, items(call.ArgumentList.Expressions), source, ask))

    return rewrite


def _unpacked(operator: Any, arguments: list[Any], source: Source, ask: AskKql) -> str:
    """`bag_unpack(Details, "prefix")`: a column for every key, typed where all rows have one type."""
    bag, *rest = arguments
    if str(bag.Kind) != "NameReference" or len(rest) > 1:
        raise NotExecutable("bag_unpack of anything but a column, or with what to do about conflicts")
    column, prefix = source.of(bag), str(rest[0].LiteralValue) if rest else ""
    pairs = f"{_rows(operator, source)} | project lexiquery_pairs(todynamic({column})) | distinct Column1"
    types: dict[str, set[str]] = {}
    for pair in ask(pairs):
        kind, _, key = pair.partition(":")
        types.setdefault(key, set()).add(kind)
    new = {prefix + key: key for key in sorted(types)}
    _refuse_many(new, [name for name in names_of(input_of(operator)) if name != str(bag.SimpleName)])
    made = [f"{named(name)} = {_typed(types[key])}({column}[{text_literal(key)}])" for name, key in new.items()]
    return (f"extend {', '.join(made)} | " if made else "") + f"project-away {column}"


def _typed(kinds: set[str]) -> str:
    return _CAST.get(next(iter(kinds)), "todynamic") if len(kinds) == 1 else "todynamic"


def _pivoted(operator: Any, arguments: list[Any], source: Source, ask: AskKql) -> str:
    """`pivot(State, count(), City)`: an aggregate for every value of a column, by the other columns."""
    pivot, *rest = arguments
    call = rest[0] if rest else None
    function = str(call.Name.SimpleName) if call is not None and str(call.Kind) == "FunctionCallExpression" else ""
    if str(pivot.Kind) != "NameReference" or str(pivot.ResultType.Name) != "string":
        raise NotExecutable("pivot on anything but a column of text")
    if call is not None and function not in _CONDITIONAL:
        raise NotExecutable(f"pivot with {source.of(call)}")
    column = source.of(pivot)
    values = sorted(ask(f"{_rows(operator, source)} | distinct {column}"))
    given = [source.of(argument) for argument in items(call.ArgumentList.Expressions)] if call is not None else []
    used = {str(pivot.SimpleName), *given}
    groups = [source.of(one) for one in rest[1:]] or [
        named(name) for name in names_of(input_of(operator)) if name not in used
    ]
    _refuse_many(values, groups)
    conditional = _CONDITIONAL[function or "count"]
    made = [
        f"{named(value)} = {conditional}({', '.join([*given, f'{column} == {text_literal(value)}'])})"
        for value in values
    ]
    return f"summarize {', '.join(made)}" + (f" by {', '.join(groups)}" if groups else "")


def _refuse_many(new: Any, others: list[str]) -> None:
    if len(new) > _MOST_COLUMNS:
        raise NotExecutable(f"its rows give more than {_MOST_COLUMNS} columns")
    if taken := {name.lower() for name in new} & {name.strip("[]'").lower() for name in others}:
        raise NotExecutable(f"a column of its rows is called like the column '{min(taken)}'")


def _rows(operator: Any, source: Source) -> str:
    """The query that gives what is piped into the operator: the lets before it, and its input."""
    return source.between(0, _statement_start(operator)) + source.of(input_of(operator))


def _statement_start(node: Any) -> int:
    while node is not None and str(node.Kind) not in ("ExpressionStatement", "LetStatement"):
        node = node.Parent
    if node is None:
        raise NotExecutable("a plugin outside a statement")
    return int(node.TextStart)
