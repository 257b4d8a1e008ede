"""SQL's scalar expressions as the plan's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sqlglot import exp

from agents.data.plan.constants import timed
from agents.data.plan.expressions import (
    Arithmetic,
    Between,
    Call,
    Case,
    Cast,
    Compare,
    Constant,
    DataType,
    Duration,
    Expr,
    In,
    IsNull,
    Logic,
    Match,
    Not,
    When,
)
from agents.data.plan.model import Unsayable
from agents.data.plan.read_sql import functions
from agents.data.plan.read_sql.casts import read_cast
from agents.data.plan.read_sql.constants import constant, duration, number
from agents.data.plan.read_sql.paths import read_bracket, read_dot, read_json
from agents.data.plan.read_sql.patterns import like
from agents.data.plan.read_sql.scope import Scope, unsayable
from agents.data.plan.schema import type_of

Instead = Callable[[exp.Expr], Expr | None]
_COMPARES: dict[type[exp.Expr], Any] = {
    exp.EQ: "==",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: dict[type[exp.Expr], Any] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.IntDiv: "//",
    exp.Mod: "%",
}


class Subqueries(Protocol):
    """Who reads a query inside an expression; it may add steps before the one that is being read."""

    def scalar(self, query: exp.Query, scope: Scope) -> Expr: ...

    def among(self, operand: Expr, query: exp.Query, scope: Scope) -> Expr: ...

    def exists(self, query: exp.Query, scope: Scope) -> Expr: ...


class Scalars:
    """Reads expressions over one scope. instead: what to read some nodes as, asked first (aggregates, windows)."""

    def __init__(self, scope: Scope, subqueries: Subqueries, instead: Instead | None = None) -> None:
        self.scope = scope
        self.subqueries = subqueries
        self._instead = instead

    def read(self, node: exp.Expr | None) -> Expr:
        """Raises Unsayable, also where the grammar let an argument be left out."""
        if not isinstance(node, exp.Expr):
            raise Unsayable("a part that is missing", "a plan")
        found = self._instead(node) if self._instead else None
        if found is not None:
            return found
        for kind in type(node).__mro__:
            if kind in _READERS:
                return _READERS[kind](self, node)
        return functions.read(self, node)

    def type_of(self, value: Expr) -> DataType | None:
        return type_of(value, self.scope.types)

    def alike(self, one: Expr, other: Expr) -> Expr:
        """`one`, as a time where it is text that is compared with a time."""
        return timed(one, self.type_of(other))

    def scalar(self, node: exp.Expr) -> Expr:
        return self.subqueries.scalar(query_in(node), self.scope)

    def exists(self, node: exp.Expr) -> Expr:
        return self.subqueries.exists(query_in(node.this), self.scope)

    def among(self, operand: Expr, node: exp.Expr) -> Expr:
        return self.subqueries.among(operand, query_in(node), self.scope)


def query_in(node: exp.Expr) -> exp.Query:
    inner = node.unnest() if isinstance(node, exp.Subquery) else node
    if not isinstance(inner, exp.Query):
        raise unsayable("this as a subquery", node)
    return inner


def all_of(conditions: list[Expr]) -> Expr:
    return _joined("and", conditions)


def any_of(conditions: list[Expr]) -> Expr:
    return _joined("or", conditions)


def _joined(op: Any, conditions: list[Expr]) -> Expr:
    flat: list[Expr] = []
    for one in conditions:
        flat += one.operands if isinstance(one, Logic) and one.op == op else [one]
    return flat[0] if len(flat) == 1 else Logic(op=op, operands=tuple(flat))


def _connector(s: Scalars, node: exp.Expr) -> Expr:
    kind = exp.And if isinstance(node, exp.And) else exp.Or
    operands = [s.read(one) for one in node.flatten()]
    return _joined("and" if kind is exp.And else "or", operands)


def _compare(s: Scalars, node: exp.Expr) -> Expr:
    if isinstance(node.expression, exp.Any | exp.All):
        return _quantified(s, node)
    left, right = s.read(node.this), s.read(node.expression)
    left, right = s.alike(left, right), s.alike(right, left)
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, right, op = right, left, _MIRRORED[_COMPARES[type(node)]]
    else:
        op = _COMPARES[type(node)]
    found_somewhere = right == Constant(type="int", value=0) and op in (">", "!=")
    if found_somewhere and isinstance(left, Call) and left.function == "position":
        return Match(op="contains", operand=left.args[0], pattern=left.args[1])
    return without_case(Compare(op=op, left=left, right=right))


_MIRRORED: dict[str, Any] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def without_case(found: Compare) -> Compare:
    """`lower(x) = 'abc'` and `lower(x) = lower(y)` compare without regard to case."""
    if (
        found.op not in ("==", "!=")
        or not isinstance(found.left, Call)
        or found.left.function not in ("lower", "upper")
    ):
        return found
    right = _uncased(found.right, found.left.function)
    if right is None:
        return found
    return Compare(op=found.op, left=found.left.args[0], right=right, ignore_case=True)


def _uncased(value: Expr, function: str) -> Expr | None:
    """Text that is in that case already, or is put into it."""
    if isinstance(value, Call) and value.function == function:
        return value.args[0]
    if isinstance(value, Constant) and isinstance(value.value, str):
        same = value.value.lower() if function == "lower" else value.value.upper()
        return value if same == value.value else None
    return None


def _quantified(s: Scalars, node: exp.Expr) -> Expr:
    """`x = ANY (SELECT …)` and `x = ANY ([…])`."""
    inner = node.expression.this
    if not isinstance(node, exp.EQ) or not isinstance(node.expression, exp.Any):
        raise unsayable("ANY or ALL with this comparison", node)
    operand = s.read(node.this)
    if isinstance(inner, exp.Subquery | exp.Query):
        return s.among(operand, inner)
    listed = inner.this if isinstance(inner, exp.Paren) else inner
    if isinstance(listed, exp.Array):
        return In(operand=operand, values=tuple(s.alike(s.read(one), operand) for one in listed.expressions))
    return Call(function="list_contains", args=(s.read(listed), operand))


def _null_safe(s: Scalars, node: exp.Expr) -> Expr:
    """`a IS DISTINCT FROM b`, written out."""
    left, right = s.read(node.this), s.read(node.expression)
    left, right = s.alike(left, right), s.alike(right, left)
    differs = isinstance(node, exp.NullSafeNEQ)
    compared = Compare(op="!=" if differs else "==", left=left, right=right)
    nulls = [IsNull(operand=one) for one in (left, right) if not isinstance(one, Constant)]
    if len(nulls) < 2:
        return any_of([compared, *nulls]) if differs else compared
    if differs:
        one_null = [all_of([nulls[0], Not(operand=nulls[1])]), all_of([Not(operand=nulls[0]), nulls[1]])]
        return any_of([compared, *one_null])
    return any_of([compared, all_of([nulls[0], nulls[1]])])


def _in(s: Scalars, node: exp.Expr) -> Expr:
    operand = s.read(node.this)
    if query := node.args.get("query"):
        return s.among(operand, query)
    if not node.expressions:
        raise unsayable("IN with this on its right", node)
    values = tuple(s.alike(s.read(one), operand) for one in node.expressions)
    if isinstance(operand, Call) and operand.function in ("lower", "upper"):
        plain = [_uncased(value, operand.function) for value in values]
        if all(one is not None for one in plain):
            return In(operand=operand.args[0], values=tuple(one for one in plain if one), ignore_case=True)
    return In(operand=operand, values=values)


def _between(s: Scalars, node: exp.Expr) -> Expr:
    operand, low, high = s.read(node.this), s.read(node.args["low"]), s.read(node.args["high"])
    low, high = s.alike(low, operand), s.alike(high, operand)
    return Between(operand=s.alike(s.alike(operand, low), high), low=low, high=high)


def _is_condition(s: Scalars, node: exp.Expr) -> Expr:
    operand, wanted = s.read(node.this), node.expression
    if isinstance(wanted, exp.Null):
        return IsNull(operand=operand)
    if isinstance(wanted, exp.Boolean):
        value = Constant(type="bool", value=bool(wanted.this))
        known = Call(function="coalesce", args=(operand, Constant(type="bool", value=not wanted.this)))
        return Compare(op="==", left=known, right=value)
    raise unsayable("IS with this on its right", node)


def _arithmetic(s: Scalars, node: exp.Expr) -> Expr:
    return arithmetic(s, _ARITHMETIC[type(node)], s.read(node.this), s.read(node.expression), node)


def arithmetic(s: Scalars, op: Any, left: Expr, right: Expr, node: exp.Expr) -> Expr:
    """Days are numbers in SQL: date - date is a number of them, date + 7 a week later."""
    types = s.type_of(left), s.type_of(right)
    if op == "-" and types == ("date", "date"):
        return Call(function="date_diff", args=(Constant(type="string", value="day"), right, left))
    if op in ("+", "-") and types[0] == "date" and types[1] == "int":
        return Cast(operand=Arithmetic(op=op, left=left, right=_days(right)), to="date")
    if op == "-" and "datetime" in types:
        left, right = timed(left, types[1]), timed(right, types[0])
    if isinstance(left, Constant) and isinstance(right, Duration) and op == "*" and left.type in ("int", "real"):
        return right.model_copy(update={"amount": right.amount * number(left, node)})
    if isinstance(left, Duration) and isinstance(right, Constant) and op == "*":
        return arithmetic(s, op, right, left, node)
    return Arithmetic(op=op, left=left, right=right)


def _days(count: Expr) -> Expr:
    if isinstance(count, Constant) and isinstance(count.value, int):
        return Duration(amount=count.value, unit="day")
    return Arithmetic(op="*", left=count, right=Duration(amount=1, unit="day"))


def _shifted(s: Scalars, node: exp.Expr) -> Expr:
    """`date_add(t, INTERVAL 1 DAY)`."""
    op = "+" if isinstance(node, exp.DateAdd | exp.TimestampAdd | exp.DatetimeAdd) else "-"
    return arithmetic(s, op, s.read(node.this), s.read(node.expression), node)


def _negative(s: Scalars, node: exp.Expr) -> Expr:
    value = s.read(node.this)
    if isinstance(value, Constant) and isinstance(value.value, int | float) and value.type in ("int", "real"):
        return value.model_copy(update={"value": -value.value})
    if isinstance(value, Duration):
        return value.model_copy(update={"amount": -value.amount})
    return Call(function="negate", args=(value,))


def _not(s: Scalars, node: exp.Expr) -> Expr:
    inner = s.read(node.this)
    return inner.operand if isinstance(inner, Not) else Not(operand=inner)


def _case(s: Scalars, node: exp.Expr) -> Expr:
    whens = []
    for one in node.args["ifs"]:
        condition = exp.EQ(this=node.this.copy(), expression=one.this.copy()) if node.this else one.this
        whens.append(When(condition=s.read(condition), result=s.read(one.args["true"])))
    default = node.args.get("default")
    otherwise = s.read(default) if default is not None else None
    return Case(whens=tuple(whens), otherwise=None if otherwise == Constant() else otherwise)


def _if(s: Scalars, node: exp.Expr) -> Expr:
    when = When(condition=s.read(node.this), result=s.read(node.args["true"]))
    return Case(whens=(when,), otherwise=s.read(node.args["false"]) if node.args.get("false") else None)


def _literal(s: Scalars, node: exp.Expr) -> Expr:
    return constant(node)


def _interval(s: Scalars, node: exp.Expr) -> Expr:
    unit = node.args["unit"].name if node.args.get("unit") else ""
    inner = node.this.unnest()
    if isinstance(inner, exp.Literal):
        return duration(inner.name, unit, node)
    return Arithmetic(op="*", left=s.read(inner), right=duration("1", unit, node))


def _column(s: Scalars, node: exp.Expr) -> Expr:
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        raise unsayable("a star here", node)
    return s.scope.column(node)


def _zone(s: Scalars, node: exp.Expr) -> Expr:
    """Times are UTC already."""
    if node.args["zone"].name.upper() not in ("UTC", "GMT", "Z", "ETC/UTC"):
        raise unsayable("a time zone other than UTC", node)
    return s.read(node.this)


def _today(s: Scalars, node: exp.Expr) -> Expr:
    return Cast(operand=Call(function="now"), to="date")


_READERS: dict[type[Any], Callable[[Scalars, Any], Expr]] = {
    exp.Paren: lambda s, node: s.read(node.this),
    exp.Alias: lambda s, node: s.read(node.this),
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: lambda s, node: Constant(type="bool", value=bool(node.this)),
    exp.Null: lambda s, node: Constant(),
    exp.Interval: _interval,
    exp.And: _connector,
    exp.Or: _connector,
    exp.Not: _not,
    **dict.fromkeys(_COMPARES, _compare),
    exp.NullSafeEQ: _null_safe,
    exp.NullSafeNEQ: _null_safe,
    exp.In: _in,
    exp.Between: _between,
    exp.Is: _is_condition,
    **dict.fromkeys((exp.Like, exp.ILike, exp.Escape, exp.SimilarTo), like),
    **dict.fromkeys((exp.RegexpLike, exp.RegexpILike, exp.RegexpFullMatch), like),
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    **dict.fromkeys((exp.DateAdd, exp.TimestampAdd, exp.DatetimeAdd), _shifted),
    **dict.fromkeys((exp.DateSub, exp.TimestampSub, exp.DatetimeSub), _shifted),
    exp.Neg: _negative,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: read_cast,
    exp.JSONExtract: read_json,
    exp.JSONExtractScalar: read_json,
    exp.Bracket: read_bracket,
    exp.Dot: read_dot,
    exp.AtTimeZone: _zone,
    **dict.fromkeys((exp.CurrentDate,), _today),
    exp.Subquery: lambda s, node: s.scalar(node),
    exp.Query: lambda s, node: s.scalar(node),
    exp.Exists: lambda s, node: s.exists(node),
}
