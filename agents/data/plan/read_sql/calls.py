"""The aggregates and window functions of one SELECT, taken out of its expressions.

Each becomes a column of an Aggregate or Window step; the expression around it is read over that column. While a SELECT
is read these columns have numbered stand-ins, `final` gives them the names that the SELECT's aliases say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from sqlglot import exp

from agents.data.plan.expressions import Call, Case, Column, Constant, Expr, Node, When
from agents.data.plan.functions import AggregateName, WindowName
from agents.data.plan.model import Aggregate, Frame, Measure, Named, SortKey, Step, Window, WindowColumn
from agents.data.plan.read_sql.expressions import Scalars, all_of
from agents.data.plan.read_sql.scope import unique, unsayable
from agents.data.plan.schema import call_type
from agents.data.plan.walk import columns_in, rewrite, rewritten

N = TypeVar("N", bound=Node)
Arguments = tuple[AggregateName, tuple[Expr, ...]]

_PLAIN: dict[type[exp.Expr], AggregateName] = {
    exp.Sum: "sum", exp.Avg: "avg", exp.Min: "min", exp.Max: "max", exp.Median: "median", exp.AnyValue: "any",
    exp.First: "any", exp.Stddev: "stddev", exp.StddevSamp: "stddev", exp.Variance: "variance",
    exp.ArgMax: "arg_max", exp.ArgMin: "arg_min", exp.LogicalOr: "any_true", exp.LogicalAnd: "all_true",
    exp.ApproxDistinct: "count_distinct", exp.ArrayAgg: "list",
}  # fmt: skip
_NUMBERING: dict[type[exp.Expr], WindowName] = {
    exp.RowNumber: "row_number", exp.Rank: "rank", exp.DenseRank: "dense_rank", exp.PercentRank: "percent_rank",
    exp.Ntile: "ntile", exp.Lag: "lag", exp.Lead: "lead", exp.FirstValue: "first_value", exp.LastValue: "last_value",
}  # fmt: skip
_WRAPPERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls)


def is_aggregate(node: exp.Expr) -> bool:
    inner = node
    while isinstance(inner, _WRAPPERS):
        inner = inner.this
    return isinstance(inner, exp.AggFunc)


def has_aggregate(node: exp.Expr) -> bool:
    """Whether there is one in it that is not a window function, nor inside a nested query."""
    if isinstance(node, exp.Query):
        return False
    if is_aggregate(node):
        return True
    inner = list(node.iter_expressions())
    if isinstance(node, exp.Window):
        inner = [part for part in inner if part is not node.this] + list(node.this.iter_expressions())
    return any(has_aggregate(part) for part in inner)


@dataclass
class Calls:
    """plain: reads what is inside an aggregate; inner: what is inside a window, where aggregates may be."""

    plain: Scalars
    windows_by_name: dict[str, exp.Window]
    aggregated: bool
    groups: list[Expr] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    windows: list[tuple[tuple[Expr, ...], tuple[SortKey, ...], WindowColumn]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def instead(self, node: exp.Expr, inner: Callable[[exp.Expr], Expr]) -> Expr | None:
        """The stand-in of an aggregate or a window function; inner reads what may hold others."""
        if isinstance(node, exp.Window):
            return self._window(node, inner)
        return self._measure(node) if is_aggregate(node) else None

    def over_groups(self, value: N) -> N:
        """The expression over the groups' columns instead of what they are made of."""

        def grouped(part: Expr) -> Expr | None:
            return Column(name=f"\0g{self.groups.index(part)}") if part in self.groups else None

        return (
            cast(N, rewritten(cast(Expr, value), grouped))
            if not isinstance(value, SortKey)
            else rewrite(value, grouped)
        )

    def stray(self, value: Node) -> str | None:
        """A column that is neither grouped nor aggregated."""
        return next((name for name in sorted(columns_in(value)) if not name.startswith("\0")), None)

    def name(self, stand_in: str, wanted: str, taken: set[str]) -> None:
        """Give the column its final name, a numbered one where it is taken."""
        if stand_in not in self.names:
            self.names[stand_in] = unique(wanted, taken | set(self.names.values()))

    def stand_ins(self) -> list[str]:
        """All, in the order of their columns."""
        groups = [f"\0g{number}" for number in range(len(self.groups))]
        return [*groups, *(one.name for one in self.measures), *(column.name for _, _, column in self.windows)]

    def final(self, value: N) -> N:
        """With the final names."""

        def named(part: Expr) -> Expr | None:
            return Column(name=self.names[part.name]) if isinstance(part, Column) and part.name in self.names else None

        if isinstance(value, Measure | WindowColumn):
            value = cast(N, value.model_copy(update={"name": self.names[value.name]}))
        if isinstance(value, Column):
            return cast(N, named(value) or value)
        return rewrite(value, named)

    def aggregate(self) -> Aggregate:
        groups = tuple(Named(name=self.names[f"\0g{n}"], value=value) for n, value in enumerate(self.groups))
        return Aggregate(groups=groups, measures=tuple(self.final(one) for one in self.measures))

    def window_steps(self) -> list[Step]:
        """One step for each partition and order."""
        found: dict[tuple[tuple[Expr, ...], tuple[SortKey, ...]], list[WindowColumn]] = {}
        for partition, order, column in self.windows:
            found.setdefault((partition, order), []).append(column)
        return [
            self.final(Window(partition=by, order=order, columns=tuple(self.final(one) for one in columns)))
            for (by, order), columns in found.items()
        ]

    # --- aggregates

    def _measure(self, node: exp.Expr) -> Expr:
        where, inner = None, node
        if isinstance(node, exp.Filter):
            where, inner = self.plain.read(node.expression.this), node.this
        separator = inner.args.get("separator") if isinstance(inner, exp.GroupConcat) else None
        (function, args), condition = _conditional(*self._arguments(inner))
        conditions = [one for one in (where, condition) if one is not None]
        measure = Measure(
            name=f"\0m{len(self.measures)}",
            function=function,
            args=args,
            where=all_of(conditions) if conditions else None,
        )
        known = next((one for one in self.measures if one.model_copy(update={"name": measure.name}) == measure), None)
        if known is None:
            self.measures.append(measure)
            self.plain.scope.types[measure.name] = call_type(measure, self.plain.scope.types)
        found = Column(name=(known or measure).name)
        if isinstance(inner, exp.GroupConcat):
            comma = self.plain.read(separator) if separator is not None else Constant(type="string", value=",")
            return Call(function="list_join", args=(found, comma))
        return found

    def _arguments(self, node: exp.Expr) -> Arguments:
        """What the aggregate is, and over which values."""
        if isinstance(node, exp.IgnoreNulls):
            return self._arguments(node.this)
        if isinstance(node, exp.WithinGroup):
            value = node.expression.expressions[0].this
            return self._percentile(node.this, value, node.this.this)
        if isinstance(node, exp.PercentileCont | exp.PercentileDisc | exp.Quantile):
            if isinstance(node.this, exp.Order):
                return self._percentile(node, node.this.expressions[0].this, node.this.this)
            share = node.expression if node.expression is not None else node.args.get("quantile")
            share = share.this if isinstance(share, exp.Order) else share
            return self._percentile(node, node.this, share)
        distinct = isinstance(node.this, exp.Distinct)
        args = node.this.expressions if distinct else [node.this, *(_more(node))]
        if isinstance(node, exp.Count):
            return self._count(node, args, distinct)
        if isinstance(node, exp.CountIf):
            return "count", (Case(whens=_when(self.plain.read(node.this))),)
        if isinstance(node, exp.GroupConcat):
            args = args[:1]
        function = "list" if isinstance(node, exp.GroupConcat) else _PLAIN.get(type(node))
        if function is None or any(isinstance(arg, exp.Order) for arg in args):
            raise unsayable(f"the aggregate {node.sql(dialect='duckdb')}", node)
        if distinct and function not in ("min", "max"):
            if function != "list":
                raise unsayable(f"{function} of distinct values", node)
            function = "set"
        return function, tuple(self.plain.read(arg) for arg in args)

    def _count(self, node: exp.Expr, args: list[exp.Expr], distinct: bool) -> Arguments:
        if distinct:
            inner = args[0].expressions if len(args) == 1 and isinstance(args[0], exp.Tuple) else args
            return "count_distinct", tuple(self.plain.read(arg) for arg in inner)
        if node.this is None or isinstance(node.this, exp.Star | exp.Literal):
            return "count", ()
        return "count", (self.plain.read(node.this),)

    def _percentile(self, node: exp.Expr, value: exp.Expr, share: exp.Expr | None) -> Arguments:
        """DuckDB's `quantile` is its `quantile_disc`."""
        fraction = self.plain.read(share) if share is not None else None
        known = isinstance(node, exp.PercentileCont | exp.PercentileDisc | exp.Quantile)
        if not known or not isinstance(fraction, Constant):
            raise unsayable("this percentile", node)
        function: AggregateName = "percentile" if isinstance(node, exp.PercentileCont) else "percentile_disc"
        return function, (self.plain.read(value), fraction)

    # --- windows

    def _window(self, node: exp.Window, inner: Callable[[exp.Expr], Expr]) -> Expr:
        over = self._over(node)
        partition = tuple(inner(one) for one in over.args.get("partition_by") or [])
        ordered = over.args.get("order")
        order = tuple(sort_key(one, inner) for one in ordered.expressions) if ordered else ()
        function, args = self._numbering(node.this, inner)
        frame = None if function in ("lag", "lead") else _frame(over.args.get("spec"), bool(order), node)
        column = WindowColumn(name=f"\0w{len(self.windows)}", function=function, args=args, frame=frame)
        for by, ordering, known in self.windows:
            if (by, ordering, known.model_copy(update={"name": column.name})) == (partition, order, column):
                return Column(name=known.name)
        self.windows.append((partition, order, column))
        self.plain.scope.types[column.name] = call_type(column, self.plain.scope.types)
        return Column(name=column.name)

    def _over(self, node: exp.Window) -> exp.Expr:
        """The window itself, or the one that WINDOW defines."""
        if not node.alias:
            return node
        if node.alias.lower() not in self.windows_by_name:
            raise unsayable(f"the window {node.alias}", node)
        return self.windows_by_name[node.alias.lower()]

    def _numbering(self, node: exp.Expr, inner: Callable[[exp.Expr], Expr]) -> tuple[Any, tuple[Expr, ...]]:
        if type(node) in _NUMBERING:
            given = [
                part for part in (node.this, node.args.get("offset"), node.args.get("default")) if part is not None
            ]
            return _NUMBERING[type(node)], tuple(inner(arg) for arg in given)
        if isinstance(node, exp.Filter | exp.IgnoreNulls) or not isinstance(node, exp.AggFunc):
            raise unsayable("this window function", node)
        reading = Calls(plain=_Reading(self.plain, inner), windows_by_name={}, aggregated=False)
        (function, args), condition = _conditional(*reading._arguments(node))
        if condition is not None:
            args = (Case(whens=_when(condition)),)
        return function, args


class _Reading(Scalars):
    """Reads with another's eyes: what is inside a window function may hold aggregates."""

    def __init__(self, scalars: Scalars, read: Callable[[exp.Expr], Expr]) -> None:
        super().__init__(scalars.scope, scalars.subqueries)
        self._read = read

    def read(self, node: exp.Expr | None) -> Expr:
        return self._read(node) if node is not None else super().read(node)


def _more(node: exp.Expr) -> list[exp.Expr]:
    return [node.expression] if isinstance(node, exp.ArgMax | exp.ArgMin) else []


def _when(condition: Expr) -> Any:
    return (When(condition=condition, result=Constant(type="int", value=1)),)


def _conditional(function: AggregateName, args: tuple[Expr, ...]) -> tuple[Arguments, Expr | None]:
    """`count(CASE WHEN c THEN x END)` counts x where c."""
    case = args[0] if len(args) == 1 else None
    if not isinstance(case, Case) or len(case.whens) != 1 or case.otherwise is not None:
        return (function, args), None
    condition, result = case.whens[0].condition, case.whens[0].result
    if function == "count" and isinstance(result, Constant) and result.type is not None:
        return ("count", ()), condition
    if function in ("count", "count_distinct"):
        return (function, (result,)), condition
    return (function, args), None


def sort_key(node: exp.Expr, read: Callable[[exp.Expr], Expr]) -> SortKey:
    if not isinstance(node, exp.Ordered):
        return SortKey(value=read(node))
    if node.args.get("with_fill"):
        raise unsayable("ORDER BY … WITH FILL", node)
    nulls: Any = "first" if node.args.get("nulls_first") else None
    return SortKey(value=read(node.this), descending=bool(node.args.get("desc")), nulls=nulls)


def _frame(spec: exp.Expr | None, ordered: bool, node: exp.Expr) -> Frame | None:
    if spec is None:
        return None
    kind = str(spec.args.get("kind") or "ROWS").upper()
    if spec.args.get("exclude") or kind not in ("ROWS", "RANGE"):
        raise unsayable("this frame of a window", node)
    if kind == "RANGE" and any(isinstance(spec.args.get(side), exp.Expr) for side in ("start", "end")):
        raise unsayable("a frame by RANGE", node)
    start, end = _bound(spec, "start", node), _bound(spec, "end", node)
    if kind == "RANGE":
        if (start, end) == (None, 0):
            return None
        if (start, end) != (None, None):
            raise unsayable("a frame by RANGE", node)
    return None if (start, end) == (None, None) and not ordered else Frame(start=start, end=end)


def _bound(spec: exp.Expr, which: str, node: exp.Expr) -> int | None:
    value, side = spec.args.get(which), str(spec.args.get(f"{which}_side") or "").upper()
    if value is None or str(value).upper() == "CURRENT ROW":
        return 0
    if str(value).upper() == "UNBOUNDED":
        return None
    if not isinstance(value, exp.Literal) or not value.name.isdigit():
        raise unsayable("a computed frame of a window", node)
    return -int(value.name) if side == "PRECEDING" else int(value.name)
