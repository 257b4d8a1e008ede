"""Kusto.Language's syntax tree as the readers see it, and what is known at a point of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agents.data.plan.model import DataType, QueryPlan, Step, Unsayable
from shared.catalog import Catalog

_TYPES: dict[str, DataType] = {
    "string": "string", "guid": "string", "int": "int", "long": "int", "real": "real", "decimal": "real",
    "bool": "bool", "datetime": "datetime", "timespan": "duration", "dynamic": "dynamic",
}  # fmt: skip
_LONGEST = 60


@dataclass
class Reading:
    """One query being read. lets: what each name stands for, read where it is used."""

    catalog: Catalog
    lets: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """The plan so far. columns: the names then, in order, with their types; present: those that are never null."""

    plan: QueryPlan
    columns: dict[str, DataType]
    present: frozenset[str] = frozenset()

    def then(self, *steps: Step, node: Any = None, present: Iterable[str] | None = None) -> Stage:
        """After more steps. node: the operator whose columns hold then; None keeps them."""
        columns = self.columns if node is None else columns_of(node)
        known = self.present if present is None else frozenset(present)
        return Stage(self.plan.then(*steps), columns, frozenset(name for name in known if name in columns))


def kind(node: Any) -> str:
    return str(type(node).__name__).partition("`")[0]


def items(separated: Any) -> list[Any]:
    """The elements of a list with its commas left out."""
    return [separated[number].Element for number in range(int(separated.Count))]


def text_of(node: Any) -> str:
    return " ".join(str(node.ToString()).split())


def unsayable(what: str, node: Any) -> Unsayable:
    text = text_of(node)
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return Unsayable(what, f'a plan, "{shown}"')


def type_of(node: Any) -> DataType | None:
    """The type of a scalar expression; None where Kusto does not know it."""
    result = node.ResultType
    return _TYPES.get(str(result.Name)) if result is not None else None


def data_type(name: str, node: Any) -> DataType:
    """The plan's type of a Kusto type's name."""
    if name not in _TYPES:
        raise unsayable(f"the type {name}", node)
    return _TYPES[name]


def is_tabular(node: Any) -> bool:
    return node.ResultType is not None and str(node.ResultType.Kind) == "Table"


def columns_of(node: Any) -> dict[str, DataType]:
    """The columns of a tabular expression or operator, in order."""
    table = node.ResultType
    if bool(table.IsOpen):
        raise unsayable("columns that only the rows tell", node)
    return {str(column.Name): _TYPES.get(str(column.Type.Name), "dynamic") for column in table.Columns}


def parameters(node: Any) -> dict[str, str]:
    """`kind=inner withsource=T` as text."""
    found = [node.Parameters[number] for number in range(int(node.Parameters.Count))]
    return {str(one.Name.SimpleName): text_of(one.Expression) for one in found}


def name_of(node: Any) -> str | None:
    """The name that an expression is given where it stands; None if it has none."""
    return str(node.Name.SimpleName) if kind(node) == "SimpleNamedExpression" else None


def unnamed(node: Any) -> Any:
    """The expression without the name it is given, and without brackets."""
    while kind(node) in ("SimpleNamedExpression", "CompoundNamedExpression", "ParenthesizedExpression"):
        node = node.Expression
    return node


def function_name(node: Any) -> str:
    return str(node.Name.SimpleName)


def arguments(node: Any) -> list[Any]:
    return items(node.ArgumentList.Expressions)
