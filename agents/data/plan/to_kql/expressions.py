"""The plan's expressions as KQL.

Kusto's nulls differ from the plan's: `x != 5` and `not (x == 5)` are true where x is null. A condition is therefore
written so that it is true exactly where the plan's is; text is never null in Kusto.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.data.plan.constants import constant_as, timed
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
    InPlan,
    IsNull,
    Logic,
    Match,
    Not,
    Path,
    Scalar,
)
from agents.data.plan.model import QueryPlan, Unsayable
from agents.data.plan.nulls import may_be_null
from agents.data.plan.schema import Columns, type_of
from agents.data.plan.to_kql import functions
from agents.data.plan.to_kql.grouping import grouped
from agents.data.plan.to_kql.text import (
    ADD,
    AND,
    ATOM,
    COMPARE,
    MULTIPLY,
    NULLS,
    OR,
    WHERE,
    Kql,
    constant,
    duration,
    listed,
    name,
    string,
)

_CASTS: dict[DataType, str] = {
    "string": "tostring", "int": "tolong", "real": "todouble", "bool": "tobool", "datetime": "todatetime",
    "duration": "totimespan", "dynamic": "parse_json",
}  # fmt: skip
_OPPOSITE: dict[str, str] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONG_UNITS = ("month", "quarter", "year")
_CONDITIONS = (Compare, Logic, Not, In, InPlan, Between, IsNull, Match)


@dataclass
class Scalars:
    """types: of the columns; query: a nested plan on one line; nulls: what may be null where a condition is true."""

    types: Columns
    query: Callable[[QueryPlan], str]
    nulls: tuple[Expr, ...] = ()

    def kql(self, value: Expr) -> Kql:
        if isinstance(value, _CONDITIONS):
            return self.true(value)
        return _WRITERS[value.kind](self, value)

    def text(self, value: Expr, level: int = OR) -> str:
        """In brackets where it binds less tightly than that."""
        return self.kql(value).at(level)

    def arg(self, value: Expr) -> str:
        """Between the commas of a call."""
        return self.kql(value).text

    def type_of(self, value: Expr) -> DataType | None:
        return type_of(value, self.types)

    def as_text(self, value: Expr, level: int = OR) -> str:
        """Text; anything else converted to it."""
        if self.type_of(value) in ("string", None) or isinstance(value, Constant):
            return self.text(value, level)
        return f"tostring({self.arg(value)})"

    def plain(self, value: Expr) -> str:
        """As a group, a key or an order: JSON is none of them, so its text is."""
        return f"tostring({self.arg(value)})" if self.type_of(value) == "dynamic" else self.arg(value)

    def branch(self, value: Expr, kind: DataType | None) -> str:
        """One of several results, as the type of the whole: 0 among reals is 0.0, null is the type's."""
        if value == Constant() and kind:
            return NULLS[kind]
        mine = self.type_of(value)
        if kind == "real" and mine == "int":
            return self.arg(as_real(value) if isinstance(value, Constant) else Cast(operand=value, to="real"))
        if kind == "string" and mine == "dynamic":
            return f"tostring({self.arg(value)})"
        return self.arg(value)

    def true(self, value: Expr) -> Kql:
        """A condition that is true exactly where the plan's is."""
        if isinstance(value, Not):
            return self.false(value.operand)
        if isinstance(value, Logic):
            return self._joined(value.op, grouped(self, value) or [self.true(one) for one in value.operands])
        if isinstance(value, Compare) and value.op == "!=":
            return self._guarded(self.compare(value, "!="), [value.left, value.right])
        if isinstance(value, _CONDITIONS):
            return _TRUE[value.kind](self, value, "")
        return self.kql(value)

    def false(self, value: Expr) -> Kql:
        """True exactly where the plan's condition is false; where it is null this is false."""
        if isinstance(value, Not):
            return self.true(value.operand)
        if isinstance(value, Logic):
            op = "or" if value.op == "and" else "and"
            return self._joined(op, [self.false(one) for one in value.operands])
        if isinstance(value, Compare):
            op = _OPPOSITE[value.op]
            found = self.compare(value, op)
            return self._guarded(found, [value.left, value.right]) if op == "!=" else found
        if isinstance(value, IsNull):
            return _is_null(self, value, "not")
        if isinstance(value, In | InPlan | Between | Match):
            return self._guarded(_TRUE[value.kind](self, value, "!"), [value.operand])
        if isinstance(value, Call) and value.function == "is_empty":
            return Kql(f"isnotempty({self.as_text(value.args[0])})")
        if isinstance(value, Constant):
            return constant(Constant(type="bool", value=not value.value))
        return Kql(f"{self.text(value, COMPARE + 1)} == false", COMPARE)

    def _joined(self, op: str, parts: list[Kql]) -> Kql:
        level = AND if op == "and" else OR
        return Kql(f" {op} ".join(part.at(level + (1 if op == "or" else 0)) for part in parts), level)

    def _guarded(self, found: Kql, operands: list[Expr]) -> Kql:
        """With the operands that may be null not null."""
        present = {column for column, kind in self.types.items() if kind == "string"}
        nullable = [one for one in operands if may_be_null(one, present)]
        checks = [Kql(f"isnotnull({self.arg(_source(self, one))})") for one in nullable if one not in self.nulls]
        return self._joined("and", [*checks, found]) if checks else found

    def compare(self, value: Compare, op: str) -> Kql:
        left, right = self.alike(value.left, value.right), self.alike(value.right, value.left)
        if value.ignore_case and op in ("==", "!="):
            sign = "=~" if op == "==" else "!~"
            return Kql(f"{self.as_text(left, ADD)} {sign} {self.as_text(right, ADD)}", COMPARE)
        if value.ignore_case:
            return Kql(f"tolower({self.as_text(left)}) {op} tolower({self.as_text(right)})", COMPARE)
        return Kql(f"{self.text(left, ADD)} {op} {self.text(right, ADD)}", COMPARE)

    def alike(self, value: Expr, other: Expr) -> Expr:
        """The value as something that Kusto compares with the other: text of a time, JSON, a number in quotes."""
        mine, wanted = self.type_of(value), self.type_of(other)
        if wanted in ("date", "datetime") and mine == "string":
            found = timed(value, "datetime")
            return found if found is not value else Cast(operand=value, to="datetime")
        if isinstance(value, Constant) and mine != wanted:
            return constant_as(value, wanted)
        if mine == "dynamic" and wanted not in (None, "dynamic"):
            return Cast(operand=value, to=wanted)
        if {mine, wanted} <= {"string", "int", "real"} and mine != wanted and "string" in (mine, wanted):
            return value if mine == "string" or isinstance(other, Constant) else Cast(operand=value, to="string")
        return value


def _source(s: Scalars, value: Expr) -> Expr:
    """Text out of JSON is empty where the JSON is null."""
    return value.operand if isinstance(value, Cast) and s.type_of(value.operand) == "dynamic" else value


def _in(s: Scalars, value: In, negation: str) -> Kql:
    operand = s.alike(value.operand, value.values[0])
    values = [s.arg(s.alike(one, value.operand)) for one in value.values]
    word = f"{negation}in{'~' if value.ignore_case else ''}"
    return Kql(f"{s.text(operand, ADD)} {word} ({listed(values)})", COMPARE)


def _in_plan(s: Scalars, value: InPlan, negation: str) -> Kql:
    word = f"{negation}in{'~' if value.ignore_case else ''}"
    return Kql(f"{s.text(value.operand, ADD)} {word} ({s.query(value.plan)})", COMPARE)


def _between(s: Scalars, value: Between, negation: str) -> Kql:
    operand = s.alike(value.operand, value.low)
    low, high = s.alike(value.low, value.operand), s.alike(value.high, value.operand)
    return Kql(f"{s.text(operand, ADD)} {negation}between ({s.text(low, ATOM)} .. {s.text(high, ATOM)})", COMPARE)


def _is_null(s: Scalars, value: IsNull, negation: str) -> Kql:
    """Text is empty, never null; so is the text of JSON that is not there."""
    operand = _source(s, value.operand)
    word = "empty" if s.type_of(operand) == "string" else "null"
    return Kql(f"is{negation}{word}({s.arg(operand)})")


def _match(s: Scalars, value: Match, negation: str) -> Kql:
    operand = s.as_text(value.operand, ADD)
    if value.op in ("regex", "like"):
        pattern = _pattern(value)
        found = f"{operand} matches regex {string(pattern)}"
        return Kql(f"not({found})") if negation else Kql(found, COMPARE)
    word = {"has_word": "has"}.get(value.op, value.op)
    if not value.ignore_case:
        word += "_cs"
    return Kql(f"{operand} {negation}{word} {s.as_text(value.pattern, ADD)}", COMPARE)


def _pattern(value: Match) -> str:
    text = value.pattern.value if isinstance(value.pattern, Constant) else None
    if not isinstance(text, str):
        raise Unsayable("a pattern that is computed", WHERE)
    if value.op == "like":
        wild = {"%": ".*", "_": "."}
        text = "(?s)^" + "".join(wild.get(mark, re.escape(mark)) for mark in text) + "$"
    return f"(?i){text}" if value.ignore_case else text


def _compared(s: Scalars, value: Compare, negation: str) -> Kql:
    return s.compare(value, value.op)


_TRUE: dict[str, Callable[[Scalars, Any, str], Kql]] = {
    "compare": _compared,
    "in": _in,
    "in_plan": _in_plan,
    "between": _between,
    "is_null": _is_null,
    "match": _match,
}


def _arithmetic(s: Scalars, value: Arithmetic) -> Kql:
    left, right = value.left, value.right
    if isinstance(right, Duration) and value.op in "+-":
        return _shifted(s, left, right if value.op == "+" else right.model_copy(update={"amount": -right.amount}))
    if isinstance(left, Duration) and value.op == "+":
        return _shifted(s, right, left)
    types = s.type_of(left), s.type_of(right)
    if value.op == "//":
        divided = Kql(f"{s.text(left, MULTIPLY)} / {s.text(right, MULTIPLY + 1)}", MULTIPLY)
        return divided if types == ("int", "int") else Kql(f"tolong({divided.text})")
    if value.op == "/" and not {"real", "duration"} & set(types):
        left = Cast(operand=left, to="real") if not isinstance(left, Constant) else as_real(left)
    level = ADD if value.op in "+-" else MULTIPLY
    return Kql(f"{_operand(s, left, level)} {value.op} {_operand(s, right, level + 1)}", level)


def _operand(s: Scalars, value: Expr, level: int) -> str:
    """JSON is no number until it is converted to one."""
    return f"todouble({s.arg(value)})" if s.type_of(value) == "dynamic" else s.text(value, level)


def as_real(value: Constant) -> Constant:
    return Constant(type="real", value=float(value.value)) if isinstance(value.value, int | float) else value


def _shifted(s: Scalars, value: Expr, offset: Duration) -> Kql:
    """`ago(7d)`, `t + 1h`; months by datetime_add."""
    if s.type_of(value) == "string":
        value = s.alike(value, Call(function="now"))
    if offset.unit in _LONG_UNITS:
        if offset.amount != int(offset.amount):
            raise Unsayable(f"part of a {offset.unit}", WHERE)
        return Kql(f"datetime_add({string(offset.unit)}, {int(offset.amount)}, {s.arg(value)})")
    if offset.amount < 0:
        span = duration(offset.model_copy(update={"amount": -offset.amount})).text
        return Kql(f"ago({span})") if value == Call(function="now") else Kql(f"{s.text(value, ADD)} - {span}", ADD)
    return Kql(f"{s.text(value, ADD)} + {duration(offset).text}", ADD)


def _case(s: Scalars, value: Case) -> Kql:
    """Every branch of one type; what is not said is that type's null."""
    kind = s.type_of(value)
    if value.otherwise is None and kind is None:
        raise Unsayable("a CASE without ELSE, of an unknown type", WHERE)
    otherwise = NULLS[kind] if value.otherwise is None and kind else s.branch(value.otherwise or Constant(), kind)
    pairs = [f"{s.true(when.condition).text}, {s.branch(when.result, kind)}" for when in value.whens]
    return Kql(f"{'iff' if len(pairs) == 1 else 'case'}({listed(pairs)}, {otherwise})")


def _cast(s: Scalars, value: Cast) -> Kql:
    inner, kind = value.operand, s.type_of(value.operand)
    if value.to == "date":
        text = s.arg(inner) if kind in ("date", "datetime") else f"todatetime({s.arg(inner)})"
        return Kql(f"startofday({text})")
    if kind == value.to and not isinstance(inner, Constant):
        return s.kql(inner)
    if value.to != "dynamic":
        inner = _source(s, inner)
    return Kql(f"{_CASTS[value.to]}({s.arg(inner)})")


def _path(s: Scalars, value: Path) -> Kql:
    operand = value.operand
    is_text = s.type_of(operand) == "string"
    found = f"parse_json({s.arg(operand)})" if is_text else s.text(operand, ATOM)
    for step in value.steps:
        if isinstance(step, int):
            found += f"[{step}]"
        else:
            plain = _KEY.fullmatch(step) and name(step) == step
            found += f".{step}" if plain else f"[{string(step)}]"
    return Kql(found)


def _scalar(s: Scalars, value: Scalar) -> Kql:
    return Kql(f"toscalar({s.query(value.plan)})")


_WRITERS: dict[str, Callable[[Scalars, Any], Kql]] = {
    "column": lambda s, value: Kql(name(value.name)),
    "constant": lambda s, value: constant(value),
    "duration": lambda s, value: duration(value),
    "arithmetic": _arithmetic,
    "case": _case,
    "cast": _cast,
    "path": _path,
    "call": functions.call,
    "scalar": _scalar,
}
