"""Eval's expressions as the plan's. SPL's times are numbers of seconds; here they are times, and seconds durations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from agents.data.plan.functions import FunctionName
from agents.data.plan.model import (
    Arithmetic,
    Call,
    Cast,
    Compare,
    Constant,
    DataType,
    Duration,
    Expr,
    Match,
    Not,
    Unsayable,
)
from agents.data.plan.nulls import all_of, any_of
from agents.data.plan.read_spl.searching import number
from agents.data.plan.read_spl.state import Rows
from agents.data.plan.read_spl.times import instant
from agents.data.plan.schema import type_of
from agents.data.spl.ast import Binary, Expression, Name, Unary
from agents.data.spl.ast import Call as SplCall
from agents.data.spl.ast import Literal as SplLiteral

CompareOp = Literal["==", "!=", "<", "<=", ">", ">="]
ArithmeticOp = Literal["+", "-", "*", "/", "%"]

_COMPARES: dict[str, CompareOp] = {"=": "==", **{one: one for one in get_args(CompareOp)}}
_ARITHMETIC: dict[str, ArithmeticOp] = {one: one for one in get_args(ArithmeticOp)}
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*")
NUMERIC: tuple[DataType, ...] = ("int", "real")
TIMES: tuple[DataType, ...] = ("datetime", "date")


def call(name: FunctionName, *args: Expr) -> Call:
    return Call(function=name, args=args)


@dataclass(frozen=True)
class Eval:
    """Reads expressions over the fields of these rows."""

    rows: Rows

    def read(self, node: Expression) -> Expr:
        """Raises Unsayable."""
        if isinstance(node, SplLiteral):
            return _literal(node.value)
        if isinstance(node, Name):
            return self._name(node)
        if isinstance(node, Unary):
            return self._unary(node)
        if isinstance(node, Binary):
            return self._binary(node)
        if isinstance(node, SplCall):
            from agents.data.plan.read_spl.functions import FUNCTIONS  # the functions read their arguments with this

            function = FUNCTIONS.get(node.name)
            if function is None:
                raise Unsayable(f"the function {node.name}", "a plan")
            return function(self, node.args)
        raise Unsayable(f"the macro '{node.name}', which has no definition", "a plan")

    def type_of(self, value: Expr) -> DataType | None:
        return type_of(value, self.rows.columns)

    def number(self, value: Expr) -> Expr:
        """The value where SPL wants a number: times as seconds since 1970, text converted."""
        kind = self.type_of(value)
        if kind in TIMES:
            return call("to_epoch", value)
        if kind == "duration":
            return call("to_seconds", value)
        if isinstance(value, Constant) and isinstance(value.value, str) and _NUMBER.fullmatch(value.value):
            return number(value.value.strip())
        return value if kind in (*NUMERIC, None) else Cast(operand=value, to="real")

    def time(self, value: Expr) -> Expr:
        """The value where SPL wants a time."""
        if self.type_of(value) in TIMES:
            return value
        if isinstance(value, Constant) and isinstance(value.value, int | float):
            return instant(datetime.fromtimestamp(value.value, UTC))
        return call("from_epoch", self.number(value))

    def text(self, value: Expr) -> Expr:
        return value if self.type_of(value) in ("string", None) else Cast(operand=value, to="string")

    def _name(self, node: Name) -> Expr:
        """`a.b` is the field if there is one, else a and b joined."""
        parts = node.name.split(".")
        if node.dotted and node.name not in self.rows.columns and any(part in self.rows.columns for part in parts):
            return call("append", *(self.text(self.rows.column(part)) for part in parts))
        return self.rows.column(node.name)

    def _unary(self, node: Unary) -> Expr:
        if node.op == "not":
            return Not(operand=self.read(node.operand))
        value = self.number(self.read(node.operand))
        if node.op == "+":
            return value
        if isinstance(value, Constant) and isinstance(value.value, int | float):
            return Constant(type=value.type, value=-value.value)
        return call("negate", value)

    def _binary(self, node: Binary) -> Expr:
        left, right = self.read(node.left), self.read(node.right)
        if node.op in ("and", "or"):
            return (all_of if node.op == "and" else any_of)([left, right])
        if node.op == "like":
            return Match(op="like", operand=self.text(left), pattern=right)
        if node.op in _COMPARES:
            return self.compare(_COMPARES[node.op], left, right)
        if node.op == "." or (node.op == "+" and (_is_text(left) or _is_text(right))):
            return call("append", self.text(left), self.text(right))
        if node.op not in _ARITHMETIC:
            raise Unsayable(f"the operator {node.op}", "a plan")
        return self._arithmetic(_ARITHMETIC[node.op], left, right)

    def compare(self, op: CompareOp, left: Expr, right: Expr) -> Expr:
        left, right = self.alike(left, right)
        return Compare(op=op, left=left, right=right)

    def alike(self, left: Expr, right: Expr) -> tuple[Expr, Expr]:
        """SPL's rule: compared as numbers if both are numbers, else as text."""
        kinds = self.type_of(left), self.type_of(right)
        if "dynamic" in kinds:
            raise Unsayable("a comparison with a multivalue field", "a plan")
        if kinds[0] in TIMES or kinds[1] in TIMES:
            return self.time(left), self.time(right)
        if "bool" in kinds:
            return _truth(left), _truth(right)
        if any(kind in NUMERIC for kind in kinds) and not (_is_text(left) or _is_text(right)):
            return self.number(left), self.number(right)
        return left, right

    def _arithmetic(self, op: ArithmeticOp, left: Expr, right: Expr) -> Expr:
        kinds = self.type_of(left), self.type_of(right)
        if op == "-" and kinds[0] in TIMES and kinds[1] in TIMES:
            return call("to_seconds", Arithmetic(op="-", left=left, right=right))
        if op in ("+", "-") and kinds[0] in TIMES and isinstance(right, Constant) and kinds[1] in NUMERIC:
            seconds = right.value if isinstance(right.value, int | float) else 0
            return Arithmetic(op=op, left=left, right=Duration(amount=seconds, unit="second"))
        return Arithmetic(op=op, left=self.number(left), right=self.number(right))


def _literal(value: str | int | float) -> Constant:
    if isinstance(value, str):
        return Constant(type="string", value=value)
    return Constant(type="int" if isinstance(value, int) else "real", value=value)


def _is_text(value: Expr) -> bool:
    """Text written out that is no number."""
    return isinstance(value, Constant) and isinstance(value.value, str) and not _NUMBER.fullmatch(value.value)


def _truth(value: Expr) -> Expr:
    """`"true"` as the truth that a bool field is compared with."""
    if isinstance(value, Constant) and str(value.value).lower() in ("true", "false", "t", "f", "1", "0"):
        return Constant(type="bool", value=str(value.value).lower() in ("true", "t", "1"))
    return value
