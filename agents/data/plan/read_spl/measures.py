"""The functions of stats as the plan's measures."""

from __future__ import annotations

from agents.data.plan.functions import AggregateName
from agents.data.plan.model import (
    Arithmetic,
    Case,
    Column,
    Constant,
    Expr,
    Frame,
    IsNull,
    Measure,
    Named,
    Not,
    Unsayable,
    When,
    WindowColumn,
)
from agents.data.plan.read_spl.expressions import Eval
from agents.data.plan.read_spl.state import Rows
from agents.data.spl.ast import Aggregation, FieldRef
from agents.data.spl.functions import PERCENTILE

_PLAIN: dict[str, AggregateName] = {
    "count": "count", "c": "count", "dc": "count_distinct", "distinct_count": "count_distinct",
    "estdc": "count_distinct", "sum": "sum", "avg": "avg", "mean": "avg", "min": "min", "max": "max",
    "stdev": "stddev", "var": "variance", "median": "median", "values": "set", "list": "list",
}  # fmt: skip
_NUMERIC = frozenset(("sum", "avg", "stddev", "variance", "median", "percentile_disc"))
_ONE = Constant(type="int", value=1)


class Measures:
    """found: the measures; outputs: the result columns; computed: they are more than the measures themselves."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.found: list[Measure] = []
        self.outputs: list[Named] = []
        self.computed = False

    def count(self, name: str) -> None:
        self._one(Measure(name=name, function="count"))

    def add(self, item: Aggregation) -> None:
        """Raises Unsayable."""
        if item.function == "range":
            self._range(item)
        elif item.function in ("first", "last", "earliest", "latest"):
            self._one(self._of_row(item))
        elif item.function in ("earliest_time", "latest_time"):
            extreme: AggregateName = "min" if item.function == "earliest_time" else "max"
            there = Not(operand=IsNull(operand=_argument(self._rows, item)))
            self._one(Measure(name=item.output, function=extreme, args=(self._rows.column("_time"),), where=there))
        else:
            self._one(_measure(self._rows, item))

    def _one(self, measure: Measure) -> None:
        self.found.append(measure)
        self.outputs.append(Named(name=measure.name, value=Column(name=measure.name)))

    def _range(self, item: Aggregation) -> None:
        argument = Eval(self._rows).number(_argument(self._rows, item))
        names = [f"{function}_{len(self.found)}" for function in ("max", "min")]
        self.found.append(Measure(name=names[0], function="max", args=(argument,)))
        self.found.append(Measure(name=names[1], function="min", args=(argument,)))
        difference = Arithmetic(op="-", left=Column(name=names[0]), right=Column(name=names[1]))
        self.outputs.append(Named(name=item.output, value=difference))
        self.computed = True

    def _of_row(self, item: Aggregation) -> Measure:
        """first and last go by the order of the rows, earliest and latest by their time."""
        order = self._rows.order
        by: Expr = Column(name="_time")
        greatest = item.function == "latest"
        if item.function in ("first", "last"):
            if len(order) != 1:
                raise Unsayable(f"{item.function}() of rows in no order, or one of several fields", "a plan")
            by, greatest = order[0].value, order[0].descending == (item.function == "first")
        elif "_time" not in self._rows.columns:
            raise Unsayable(f"{item.function}() without _time", "a plan")
        argument = _argument(self._rows, item)
        function: AggregateName = "arg_max" if greatest else "arg_min"
        there = isinstance(argument, Column) and argument.name in self._rows.present
        where = None if there else Not(operand=IsNull(operand=argument))
        return Measure(name=item.output, function=function, args=(argument, by), where=where)


def _argument(rows: Rows, item: Aggregation) -> Expr:
    if isinstance(item.argument, FieldRef):
        if "*" in item.argument.name:
            raise Unsayable(f"{item.function} of every field like '{item.argument.name}'", "a plan")
        return rows.column(item.argument.name)
    if item.argument is None or item.macro:
        raise Unsayable(f"{item.function} without a field", "a plan")
    return Eval(rows).read(item.argument)


def _function(item: Aggregation) -> tuple[AggregateName, tuple[Expr, ...]]:
    """The plan's function, and what it is told beside the value."""
    if match := PERCENTILE.fullmatch(item.function):
        return "percentile_disc", (Constant(type="real", value=float(match[1]) / 100),)
    if item.function not in _PLAIN:
        raise Unsayable(f"the function {item.function} of stats", "a plan")
    return _PLAIN[item.function], ()


def _measure(rows: Rows, item: Aggregation) -> Measure:
    function, rest = _function(item)
    if item.argument is None and function == "count" and not item.macro:
        return Measure(name=item.output, function="count")
    argument = _argument(rows, item)
    if Eval(rows).type_of(argument) == "bool" and not isinstance(argument, Column):
        if function != "count":
            raise Unsayable(f"{item.function} of a condition", "a plan")
        return Measure(name=item.output, function="count", where=argument)
    return Measure(name=item.output, function=function, args=(_value(rows, function, argument), *rest))


def _value(rows: Rows, function: AggregateName, argument: Expr) -> Expr:
    if rows.columns and Eval(rows).type_of(argument) == "dynamic":
        raise Unsayable("stats of a multivalue field", "a plan")
    return Eval(rows).number(argument) if function in _NUMERIC else argument


def windowed(rows: Rows, item: Aggregation, frame: Frame | None = None) -> WindowColumn:
    """A function of stats over a window, which has no condition of its own."""
    found = _measure(rows, item)
    args = found.args
    if found.where is not None:
        args = (Case(whens=(When(condition=found.where, result=_ONE),)),)
    return WindowColumn(name=found.name, function=found.function, args=args, frame=frame)
