"""Rows for which a query returns something: its conditions, solved for the cells of the tables that it reads.

Conjunctions of simple conditions are solved (`column operator constant`, text matches, JSON paths, equal columns, how
many rows a group must have); of alternatives one is chosen, another for each variant. What isn't solved is left to
chance, and is no error: an evaluation counts the gold queries that return rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from agents.data.literals import comparisons
from agents.data.plan import model as p
from agents.data.plan.walk import rewritten
from core_engine.evaluation.wishes import Wish, utc
from shared.catalog import Catalog, Table

Cell: TypeAlias = tuple[int, str]  # a table's place in `tables`, and a column of it
_Names: TypeAlias = Mapping[str, p.Expr]  # what the visible columns are, as expressions over cells
_SECONDS = {"millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_LONG = {"month": 30, "quarter": 91, "year": 365}  # days
_SAME_TEXT = ("lower", "upper", "trim", "trim_start", "trim_end", "bin", "date_trunc", "coalesce", "round", "floor")
_COUNTED = ("count", "count_distinct", "list", "set")
_FLIPPED: Mapping[str, Any] = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED: Mapping[str, Any] = {"<": ">=", ">": "<=", "<=": ">", ">=": "<", "==": "!=", "!=": "=="}
_MOST_COPIES = 12


@dataclass
class Witness:
    """tables: a row each; wishes: by cell, equal cells under the same one (`root`); copies: rows a group must have."""

    catalog: Catalog
    now: datetime
    variant: int = 0
    tables: list[Table] = field(default_factory=list)
    wishes: dict[Cell, Wish] = field(default_factory=dict)
    copies: int = 2
    _same: dict[Cell, Cell] = field(default_factory=dict)
    _measures: list[p.Measure] = field(default_factory=list)

    def root(self, cell: Cell) -> Cell:
        """The cell that stands for all that are equal to this one."""
        while cell in self._same:
            cell = self._same[cell]
        return cell

    def wish(self, cell: Cell) -> Wish:
        return self.wishes.setdefault(self.root(cell), Wish())

    def tie(self, one: Cell, other: Cell) -> None:
        """Make two cells equal."""
        one, other = self.root(one), self.root(other)
        if one != other:
            self.wish(one).also(self.wishes.pop(other, Wish()))
            self._same[other] = one

    def add(self, table: Table) -> int:
        self.tables.append(table)
        return len(self.tables) - 1

    def read(self, plan: p.QueryPlan) -> _Names:
        """Wish what lets a row through the plan; the columns at its end."""
        names = self._source(plan.source)
        for step in plan.steps:
            names = self._step(step, names)
        return names

    def _source(self, source: p.Source) -> _Names:
        if isinstance(source, p.Union):
            return self.read(source.plans[self.variant % len(source.plans)])
        if isinstance(source, p.Values):
            return dict(zip(source.columns, source.rows[0], strict=True)) if source.rows else {}
        table = self.catalog.find(source.name)
        if table is None:
            return {}
        place = self.add(table)
        return {column.name: p.Column(name=f"{place}.{column.name}") for column in table.columns}

    def _step(self, step: p.Step, names: _Names) -> _Names:
        if isinstance(step, p.Filter):
            self._require(_bound(step.condition, names), True)
        elif isinstance(step, p.Extend):
            return {**names, **{one.name: _bound(one.value, names) for one in step.columns}}
        elif isinstance(step, p.Project):
            return {one.name: _bound(one.value, names) for one in step.columns}
        elif isinstance(step, p.Rename):
            new = {one.was: one.name for one in step.columns}
            return {new.get(name, name): value for name, value in names.items()}
        elif isinstance(step, p.Drop):
            return {name: value for name, value in names.items() if name not in step.names}
        elif isinstance(step, p.Aggregate):
            return self._aggregate(step, names)
        elif isinstance(step, p.Join):
            return self._join(step, names)
        elif isinstance(step, p.Expand):
            return {**names, step.name: p.Path(operand=_bound(step.value, names), steps=(0,))}
        return names

    def _aggregate(self, step: p.Aggregate, names: _Names) -> _Names:
        found = {one.name: _bound(one.value, names) for one in step.groups}
        for measure in step.measures:
            args = tuple(_bound(one, names) for one in measure.args)
            where = _bound(measure.where, names) if measure.where else None
            self._measures.append(measure.model_copy(update={"args": args, "where": where}))
            seen_through = measure.function in ("arg_max", "arg_min", "any", "min", "max", "avg", "median")
            found[measure.name] = args[0] if seen_through else p.Column(name=f"#{len(self._measures) - 1}")
        return found

    def _join(self, step: p.Join, names: _Names) -> _Names:
        if step.how == "anti":
            return names
        right = self.read(step.right)
        for key in step.keys:
            self._equal(_bound(key.left, names), _bound(key.right, right))
        both = {**right, **names}
        if step.condition:
            self._require(_bound(step.condition, both), True)
        return names if step.how == "semi" else both

    def _require(self, condition: p.Expr, truth: bool) -> None:
        match condition:
            case p.Logic():
                every = (condition.op == "and") == truth
                chosen = condition.operands if every else [condition.operands[self.variant % len(condition.operands)]]
                for one in chosen:
                    self._require(one, truth)
            case p.Not():
                self._require(condition.operand, not truth)
            case p.Compare():
                self._compare(condition, truth)
            case p.In():
                values = [self._value(one) for one in condition.values]
                wish = Wish(equal=values[self.variant % len(values)]) if truth else Wish(other_than=values)
                self._want(condition.operand, wish)
            case p.InPlan() if truth:
                self._equal(condition.operand, next(iter(self.read(condition.plan).values())))
            case p.Between() if truth:
                self._want(condition.operand, Wish(low=self._value(condition.low), high=self._value(condition.high)))
            case p.IsNull() | p.Call(function="is_empty"):
                operand = condition.operand if isinstance(condition, p.IsNull) else condition.args[0]
                self._want(operand, Wish(empty=True) if truth else Wish(other_than=[""]))
            case p.Match():
                self._match(condition, truth)
            case p.Column() | p.Path() | p.Cast():
                self._want(condition, Wish(equal=truth))

    def _compare(self, condition: p.Compare, truth: bool) -> None:
        op = condition.op if truth else _NEGATED[condition.op]
        left, right = condition.left, condition.right
        value = self._value(right)
        if value is None and (value := self._value(left)) is not None:
            left, op = right, _FLIPPED[op]
        if value is None:
            if op == "==":
                self._equal(left, right)
        elif (measure := self._measure(left)) and measure.function in _COUNTED:
            self._count(measure, op, value)
        else:
            self._want(measure.args[0] if measure and measure.args else left, _compared(op, value))

    def _count(self, measure: p.Measure, op: str, value: Any) -> None:
        if measure.where:
            self._require(measure.where, True)
        if op in (">", ">=", "==") and isinstance(value, int | float):
            wanted = int(value) + (op == ">")
            self.copies = wanted if op == "==" else max(self.copies, min(wanted, _MOST_COPIES))
        elif op in ("<", "<="):
            self.copies = 1

    def _match(self, condition: p.Match, truth: bool) -> None:
        pattern = self._value(condition.pattern)
        if not isinstance(pattern, str):
            return
        if not truth:
            self._want(condition.operand, Wish(other_than=[pattern]))
        elif condition.op == "startswith":
            self._want(condition.operand, Wish(prefix=pattern))
        elif condition.op == "endswith":
            self._want(condition.operand, Wish(suffix=pattern))
        elif condition.op in ("contains", "has_word"):
            self._want(condition.operand, Wish(parts=[pattern]))
        else:
            plain = pattern.replace("%", "").replace("_", "x") if condition.op == "like" else _unescaped(pattern)
            self._want(condition.operand, Wish(equal=plain))

    def _want(self, target: p.Expr, wish: Wish) -> None:
        """Wish it of the cell, or the place in its JSON, that the expression is; nothing where it is neither."""
        if place := _place(target):
            cell, path = place
            own = self.wish(cell)
            if path:
                own.inside.setdefault(path, Wish()).also(wish)
            else:
                own.also(wish)

    def _equal(self, left: p.Expr, right: p.Expr) -> None:
        one, other = _place(left), _place(right)
        if one and other and not one[1] and not other[1]:
            self.tie(one[0], other[0])
        elif one and other:
            for (cell, path), value in ((one, "shared"), (other, "shared")):
                self._want(_expression(cell, path), Wish(equal=value))

    def _measure(self, expression: p.Expr) -> p.Measure | None:
        if isinstance(expression, p.Cast):
            return self._measure(expression.operand)
        if isinstance(expression, p.Column) and expression.name.startswith("#"):
            return self._measures[int(expression.name[1:])]
        return None

    def _value(self, expression: p.Expr) -> Any:
        """What a constant expression comes to; None where it isn't one, or isn't worked out."""
        match expression:
            case p.Constant():
                timed = expression.type in ("date", "datetime") and expression.value is not None
                return utc(str(expression.value)) if timed else expression.value
            case p.Duration():
                return timedelta(seconds=expression.amount * _seconds(expression.unit))
            case p.Cast():
                return self._cast(self._value(expression.operand), expression.to)
            case p.Call(function="now"):
                return self.now
            case p.Call(function="negate"):
                value = self._value(expression.args[0])
                return None if value is None else -value
            case p.Call() if expression.function in (*_SAME_TEXT, "date_trunc"):
                values = [found for one in expression.args if (found := self._value(one)) is not None]
                return next((one for one in values if isinstance(one, datetime)), values[0] if values else None)
            case p.Arithmetic():
                return _calculated(expression.op, self._value(expression.left), self._value(expression.right))
        return None

    def _cast(self, value: Any, to: str) -> Any:
        if to in ("date", "datetime") and isinstance(value, str):
            try:
                return utc(value)
            except ValueError:
                return None
        return value


def witness(plan: p.QueryPlan, catalog: Catalog, now: datetime, variant: int) -> Witness:
    """A row of each table that the plan reads, wished for."""
    found = Witness(catalog, now, variant)
    found.read(plan)
    return found


def witness_of_text(query: str, tables: Sequence[Table], catalog: Catalog, now: datetime, variant: int) -> Witness:
    """The same for a query that no plan can say: by the literals that its columns are compared with. Times are of the
    last day, and columns of the same name are equal."""
    found = Witness(catalog, now, variant)
    for table in tables:
        place = found.add(table)
        for column in table.columns:
            first = next((n for n, other in enumerate(found.tables[:place]) if column.name in other.by_name), None)
            if first is not None:
                found.tie((first, column.name), (place, column.name))
            if column.type.lower().endswith("datetime"):
                found.wish((place, column.name)).low = now - timedelta(days=1)
    for one in comparisons(query):
        reader = next((n for n, table in enumerate(tables) if one.column in table.by_name), None)
        if reader is not None and not one.operator.startswith(("!", "not", "<>")):
            found.wish((reader, one.column)).also(_worded(one.operator.rstrip("~"), one.literal))
    return found


def _worded(operator: str, literal: str) -> Wish:
    if operator.startswith("startswith"):
        return Wish(prefix=literal)
    if operator.startswith("endswith"):
        return Wish(suffix=literal)
    if operator.startswith(("has", "contains")):
        return Wish(parts=[literal])
    return _compared(operator if operator in _NEGATED else "==", literal)


def _compared(op: str, value: Any) -> Wish:
    """The wish of a comparison with a constant."""
    step: Any = timedelta(seconds=1) if isinstance(value, datetime) else 1
    bounded = isinstance(value, datetime | int | float) and not isinstance(value, bool)
    if op == "==":
        return Wish(equal=value)
    if op == "!=" or not bounded:
        return Wish(other_than=[value])
    if op.startswith(">"):
        return Wish(low=value if op == ">=" else value + step)
    return Wish(high=value if op == "<=" else value - step)


def _bound(expression: p.Expr, names: _Names) -> p.Expr:
    return rewritten(expression, lambda one: names.get(one.name) if isinstance(one, p.Column) else None)


def _place(target: p.Expr) -> tuple[Cell, tuple[str | int, ...]] | None:
    """The cell, and the path in its JSON, that an expression gives back as it is (cast, or in another case)."""
    match target:
        case p.Column() if not target.name.startswith("#"):
            number, dot, column = target.name.partition(".")
            return ((int(number), column), ()) if dot and number.isdigit() else None
        case p.Cast():
            return _place(target.operand)
        case p.Path():
            found = _place(target.operand)
            return (found[0], (*found[1], *target.steps)) if found else None
        case p.Call() if target.function in _SAME_TEXT:
            return next((found for one in target.args if (found := _place(one))), None)
    return None


def _expression(cell: Cell, path: tuple[str | int, ...]) -> p.Expr:
    column = p.Column(name=f"{cell[0]}.{cell[1]}")
    return p.Path(operand=column, steps=path) if path else column


def _calculated(op: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    try:
        if op == "+":
            return left + right
        return left - right if op == "-" else left * right if op == "*" else None
    except TypeError:
        return None


def _seconds(unit: str) -> float:
    return _SECONDS[unit] if unit in _SECONDS else _LONG[unit] * _SECONDS["day"]


def _unescaped(pattern: str) -> str:
    """A text that a simple regular expression matches: wildcards stand for nothing."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)(\.[*+]\??|\^|\$|\(\?i\))", "", pattern))
