"""prev, next, row_number and row_cumsum in extend: windows over the order of the last sort."""

from __future__ import annotations

from typing import Any

from agents.data.plan.model import (
    Column,
    Constant,
    Drop,
    Expr,
    Extend,
    Filter,
    Frame,
    Limit,
    Named,
    Sort,
    SortKey,
    Step,
    Unsayable,
    Window,
    WindowColumn,
)
from agents.data.plan.read_kql.expressions import Scalars
from agents.data.plan.read_kql.syntax import Reading, Stage, arguments, function_name, text_of, unsayable
from agents.data.plan.walk import columns_in

_NAMES = frozenset(("prev", "next", "row_number", "row_cumsum"))


class Windows:
    """Reads the expressions of an extend; each call over rows becomes a column of a window before it."""

    def __init__(self, reading: Reading, stage: Stage) -> None:
        self._plain = Scalars(reading, stage)
        self._scalars = Scalars(reading, stage, instead=self._column)
        self._stage = stage
        self._found: list[tuple[tuple[Expr, ...], WindowColumn]] = []

    def read(self, node: Any) -> Expr:
        return self._scalars.read(node)

    def _windows(self) -> list[Step]:
        """The windows that compute the columns, one for each partition."""
        if not self._found:
            return []
        order = _order(self._stage)
        partitions = list(dict.fromkeys(partition for partition, _ in self._found))
        return [
            Window(partition=one, order=order, columns=tuple(column for by, column in self._found if by == one))
            for one in partitions
        ]

    def extend(self, columns: list[Named]) -> list[Step]:
        """The steps that add the columns. A new column that is a window's as it is takes its place."""
        own = {
            one.value.name: one.name for one in columns if self._is_new_window(one) and isinstance(one.value, Column)
        }
        computed = tuple(one for one in columns if one.name not in own.values())
        hidden = tuple(column.name for _, column in self._found if column.name not in own)
        self._found = [
            (by, column.model_copy(update={"name": own.get(column.name, column.name)})) for by, column in self._found
        ]
        extend = [Extend(columns=computed)] if computed else []
        return [*self._windows(), *extend, *([Drop(names=hidden)] if hidden else [])]

    def _is_new_window(self, one: Named) -> bool:
        hidden = [column.name for _, column in self._found]
        return isinstance(one.value, Column) and one.value.name in hidden and one.name not in self._stage.columns

    def numbers(self) -> frozenset[str]:
        return frozenset(column.name for _, column in self._found if column.function == "row_number")

    def _column(self, node: Any) -> Expr | None:
        name = function_name(node)
        if name not in _NAMES:
            return None
        hidden = f"{name}_{len(self._found) + 1}"
        self._found.append(self._window(node, name, hidden))
        return Column(name=hidden)

    def _window(self, node: Any, name: str, hidden: str) -> tuple[tuple[Expr, ...], WindowColumn]:
        args = arguments(node)
        if name in ("prev", "next"):
            values = tuple(self._plain.read(arg) for arg in args)
            return (), WindowColumn(name=hidden, function="lag" if name == "prev" else "lead", args=values)
        if name == "row_cumsum":
            frame = Frame(start=None, end=0)
            column = WindowColumn(name=hidden, function="sum", args=(self._plain.read(args[0]),), frame=frame)
            return self._partition(args[1:]), column
        if args and self._plain.read(args[0]) != Constant(type="int", value=1):
            raise unsayable("row_number from another number than 1", node)
        return self._partition(args[1:]), WindowColumn(name=hidden, function="row_number")

    def _partition(self, args: list[Any]) -> tuple[Expr, ...]:
        """`prev(User) != User` restarts at each user, where rows are sorted by it first."""
        if not args:
            return ()
        first = _order(self._stage)[0].value
        sides = [args[0].Left, args[0].Right] if text_of(args[0]).count("!=") == 1 else []
        if not isinstance(first, Column) or {text_of(side) for side in sides} != {first.name, f"prev({first.name})"}:
            raise unsayable("a restart that is no change of the first column sorted by", args[0])
        return (first,)


def _order(stage: Stage) -> tuple[SortKey, ...]:
    """The order rows are in. Raises Unsayable where no sort says it, or its columns are no longer what they were."""
    for number, step in enumerate(reversed(stage.plan.steps)):
        if isinstance(step, Sort):
            later = stage.plan.steps[len(stage.plan.steps) - number :]
            set_since = {column.name for one in later if isinstance(one, Extend) for column in one.columns}
            if not columns_in(step) & set_since:
                return step.keys
        if not isinstance(step, Extend | Filter | Limit):
            break
    raise Unsayable("prev, next or row_number of rows that are not sorted", "a plan")
