"""Expressions in eval's words. Conditions are no values in SPL: as one they are the text `true` or `false`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.data.plan.model import (
    Arithmetic,
    Between,
    Call,
    Case,
    Cast,
    Column,
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
    Path,
    Scalar,
    Unsayable,
)
from agents.data.plan.schema import Columns, type_of
from agents.data.plan.to_spl import moments
from agents.data.plan.to_spl.names import eval_name, number, quoted

# Splunk's order, loosest first.
OR, AND, NOT, COMPARE, JOIN, SUM, PRODUCT, ATOM = 1, 3, 4, 5, 6, 7, 8, 9
_BINDING = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_CONDITIONS = (Compare, Logic, Not, In, Between, IsNull, Match)
_SIMPLE_KEY = re.compile(r"[^.{}]+")
_TRUTHS = ("is_empty", "list_contains")


@dataclass(frozen=True)
class Text:
    """An expression as text, and how tightly its outermost operator binds."""

    text: str
    binding: int = ATOM

    def within(self, binding: int) -> str:
        """In brackets where an operator that binds as tightly would tear it apart."""
        return self.text if self.binding > binding else f"({self.text})"


@dataclass(frozen=True)
class Evaluator:
    """columns: the plan's, with their types; fields: what each is called in the search; scalar: makes the value of a
    nested plan a field, and names it."""

    columns: Columns
    fields: dict[str, str]
    scalar: Callable[[Scalar], str]

    def value(self, expression: Expr) -> str:
        """Raises Unsayable."""
        return self._value(expression).text

    def condition(self, expression: Expr) -> str:
        """For where, and within count(eval(…)). Raises Unsayable."""
        return self._condition(expression).text

    def operand(self, expression: Expr, binding: int) -> str:
        return self._value(expression).within(binding)

    def type_of(self, expression: Expr) -> DataType | None:
        return type_of(expression, self.columns)

    # --- conditions -----------------------------------------------------------------------------------------------

    def _condition(self, e: Expr) -> Text:
        if isinstance(e, Logic):
            binding = AND if e.op == "and" else OR
            return Text(f" {e.op.upper()} ".join(self._condition(one).within(binding) for one in e.operands), binding)
        if isinstance(e, Not):
            return self._negated(e.operand)
        if isinstance(e, Compare):
            return self._compare(e, e.op)
        if isinstance(e, In):
            values = ", ".join(self._cased(value, e.ignore_case) for value in e.values)
            return Text(f"{self._cased(e.operand, e.ignore_case, COMPARE)} IN ({values})", COMPARE)
        if isinstance(e, Between):
            low = Compare(op=">=", left=e.operand, right=e.low)
            return self._condition(Logic(op="and", operands=(low, Compare(op="<=", left=e.operand, right=e.high))))
        if isinstance(e, IsNull):
            return Text(f"isnull({self.value(e.operand)})")
        if isinstance(e, Match):
            return Text(self._match(e))
        if isinstance(e, Column) and self.type_of(e) == "bool":
            return Text(f'{self.value(e)}="true"', COMPARE)
        if isinstance(e, Constant) and isinstance(e.value, bool):
            return Text("true()" if e.value else "false()")
        if isinstance(e, Call) and e.function == "is_empty":
            text = self.operand(e.args[0], COMPARE)
            return Text(f'isnull({self.value(e.args[0])}) OR {text}=""', OR)
        if isinstance(e, Call) and e.function == "list_contains":
            return Text(f"isnotnull(mvfind({self.value(e.args[0])}, {_exactly(e.args[1])}))")
        if isinstance(e, Call | Case) and self.type_of(e) in ("bool", None):
            return Text(f'{self.operand(e, COMPARE)}="true"', COMPARE)
        raise Unsayable(f"a {e.kind} as a condition", "SPL")

    def _negated(self, e: Expr) -> Text:
        """Where SQL and SPL agree about null: the opposite operator, or NOT of what a null makes null."""
        if isinstance(e, Compare):
            return self._compare(e, _OPPOSITE[e.op])
        if isinstance(e, IsNull):
            return Text(f"isnotnull({self.value(e.operand)})")
        if isinstance(e, Not):
            return self._condition(e.operand)
        if isinstance(e, Logic):
            turned = tuple(Not(operand=one) for one in e.operands)
            return self._condition(Logic(op="or" if e.op == "and" else "and", operands=turned))
        if isinstance(e, Between):
            below = Compare(op="<", left=e.operand, right=e.low)
            return self._condition(Logic(op="or", operands=(below, Compare(op=">", left=e.operand, right=e.high))))
        if isinstance(e, Column):
            return Text(f'{self.value(e)}="false"', COMPARE)
        return Text(f"NOT {self._condition(e).within(NOT)}", NOT)

    def _compare(self, e: Compare, op: str) -> Text:
        left, right = self.type_of(e.left), self.type_of(e.right)
        if "bool" in (left, right):
            return self._compare_truth(e, op)
        written = "=" if op == "==" else op
        sides = (e.left, e.right)
        texts = [
            self._time(side, COMPARE) if _is_time(other) else self._cased(side, e.ignore_case, COMPARE)
            for side, other in zip(sides, (right, left), strict=True)
        ]
        return Text(f"{texts[0]}{written}{texts[1]}", COMPARE)

    def _compare_truth(self, e: Compare, op: str) -> Text:
        for one, other in ((e.left, e.right), (e.right, e.left)):
            if isinstance(other, Constant) and isinstance(other.value, bool) and op in ("==", "!="):
                wanted = other.value == (op == "==")
                return self._condition(one) if wanted else self._negated(one)
        raise Unsayable("a comparison of two conditions", "SPL")

    def _cased(self, e: Expr, ignore_case: bool, binding: int = 0) -> str:
        if not ignore_case:
            return self.operand(e, binding)
        if isinstance(e, Constant) and isinstance(e.value, str):
            return quoted(e.value.lower())
        return f"lower({self.value(e)})"

    def _time(self, e: Expr, binding: int) -> str:
        """A side of a comparison with a time: text written out is read as one."""
        if isinstance(e, Constant) and isinstance(e.value, str):
            e = Cast(operand=e, to="datetime")
        return self.operand(e, binding)

    def _match(self, e: Match) -> str:
        pattern = e.pattern.value if isinstance(e.pattern, Constant) else None
        if not isinstance(pattern, str):
            raise Unsayable("a pattern that is computed", "SPL")
        text = self.value(e.operand)
        if e.op == "regex":
            return f"match({text}, {quoted(('(?i)' if e.ignore_case else '') + pattern)})"
        if e.op == "has_word":
            return f"match({text}, {quoted(word_pattern(pattern, e.ignore_case))})"
        if e.op != "like" and re.search(r"[%_\\]", pattern):
            return f"match({text}, {quoted(_regex(e.op, pattern, e.ignore_case))})"
        heads = {"contains": "%", "endswith": "%"}
        tails = {"contains": "%", "startswith": "%"}
        like = heads.get(e.op, "") + pattern + tails.get(e.op, "")
        if e.op == "like" and "\\" in pattern:
            raise Unsayable("a LIKE pattern with an escaped % or _", "SPL")
        return f"like(lower({text}), {quoted(like.lower())})" if e.ignore_case else f"like({text}, {quoted(like)})"

    # --- values ---------------------------------------------------------------------------------------------------

    def _value(self, e: Expr) -> Text:
        if isinstance(e, Column):
            return Text(eval_name(self.fields[e.name]))
        if isinstance(e, Constant):
            return self._constant(e)
        if isinstance(e, Duration):
            return Text(number(moments.in_seconds(e)))
        if (relative := moments.modifier(e)) is not None:
            return Text(f'relative_time(now(), "{relative}")' if relative else "now()")
        if (when := moments.constant(e)) is not None:
            return Text(_strptime(when))
        if (snapped := moments.snap(e)) is not None:
            return Text(f'relative_time({self.value(snapped[1])}, "{snapped[0]}")')
        if isinstance(e, Arithmetic):
            return self._arithmetic(e)
        if isinstance(e, Case):
            return Text(self._case(e))
        if isinstance(e, Cast):
            return self._cast(e)
        if isinstance(e, Path):
            return Text(self._path(e))
        if isinstance(e, Scalar):
            return Text(self.scalar(e))
        if isinstance(e, _CONDITIONS) or (isinstance(e, Call) and e.function in _TRUTHS):
            return Text(f'if({self.condition(e)}, "true", "false")')
        if isinstance(e, Call):
            from agents.data.plan.to_spl.functions import render  # functions render their arguments with this

            return render(self, e)
        raise Unsayable(f"a {e.kind} as a value", "SPL")

    def _constant(self, e: Constant) -> Text:
        if e.value is None:
            return Text("null()")
        if isinstance(e.value, bool):
            return Text(quoted("true" if e.value else "false"))
        if e.type in ("date", "datetime"):
            when = moments.constant(e)
            assert when is not None, "dates and datetimes are ISO text"
            return Text(_strptime(when))
        if isinstance(e.value, str):
            return Text(quoted(e.value))
        return Text(number(e.value), ATOM if e.value >= 0 else PRODUCT)

    def _arithmetic(self, e: Arithmetic) -> Text:
        if _is_time(self.type_of(e.left)) and isinstance(e.right, Duration) and e.op in ("+", "-"):
            if e.right.unit in ("month", "quarter", "year"):
                return Text(f'relative_time({self.value(e.left)}, "{moments.shift(e.right, e.op)}")')
            if e.right.amount < 0:
                turned = Duration(amount=-e.right.amount, unit=e.right.unit)
                return self._arithmetic(Arithmetic(op="-" if e.op == "+" else "+", left=e.left, right=turned))
        if e.op == "//":
            return Text(f"toint({self.operand(e.left, PRODUCT - 1)}/{self.operand(e.right, PRODUCT)})")
        binding = _BINDING[e.op]
        return Text(f"{self.operand(e.left, binding - 1)}{e.op}{self.operand(e.right, binding)}", binding)

    def _case(self, e: Case) -> str:
        if len(e.whens) == 1:
            otherwise = self.value(e.otherwise) if e.otherwise is not None else "null()"
            return f"if({self.condition(e.whens[0].condition)}, {self.value(e.whens[0].result)}, {otherwise})"
        pairs = [f"{self.condition(when.condition)}, {self.value(when.result)}" for when in e.whens]
        if e.otherwise is not None and e.otherwise != Constant():
            pairs.append(f"true(), {self.value(e.otherwise)}")
        return f"case({', '.join(pairs)})"

    def _cast(self, e: Cast) -> Text:
        source = self.type_of(e.operand)
        inner = self._value(e.operand)
        if source == e.to or (e.to == "dynamic" and source == "string") or (e.to, source) == ("real", "int"):
            return inner
        if e.to == "string":
            return Text(self._as_text(inner.text, source))
        if e.to in ("int", "real") and source in ("string", "dynamic", None):
            return Text(f"tonumber({inner.text})")
        if e.to == "int" and source == "real":
            return Text(f"round({inner.text})")
        if e.to in ("int", "real") and source == "bool":
            return Text(f"if({self.condition(e.operand)}, 1, 0)")
        if e.to == "datetime" and source == "date":
            return inner
        raise Unsayable(f"a conversion from {source} to {e.to}", "SPL")

    def _as_text(self, text: str, source: DataType | None) -> str:
        if source == "datetime":
            return f'strftime({text}, "%Y-%m-%d %H:%M:%S")'
        if source == "date":
            return f'strftime({text}, "%Y-%m-%d")'
        return f"tostring({text})" if source in ("int", "real", "duration") else text

    def _path(self, e: Path) -> str:
        """JSON is text in SPL; a list that split or stats made is a multivalue field."""
        inner: Any = e.operand
        is_json = isinstance(inner, Cast) and inner.to == "dynamic"
        if not is_json and len(e.steps) == 1 and isinstance(e.steps[0], int):
            return f"mvindex({self.value(inner)}, {e.steps[0]})"
        if not is_json or any(isinstance(step, str) and not _SIMPLE_KEY.fullmatch(step) for step in e.steps):
            raise Unsayable("a path into what is no JSON text", "SPL")
        steps = "".join(f".{step}" if isinstance(step, str) else f"{{{step}}}" for step in e.steps).removeprefix(".")
        return f"spath({self.value(inner)}, {quoted(steps)})"


def word_pattern(word: str, ignore_case: bool) -> str:
    """A regular expression that finds the word with no letter or digit beside it."""
    return f"{'(?i)' if ignore_case else ''}(?:^|[^A-Za-z0-9]){re.escape(word)}(?:$|[^A-Za-z0-9])"


def _regex(op: str, text: str, ignore_case: bool) -> str:
    start, end = ("^" if op == "startswith" else ""), ("$" if op == "endswith" else "")
    return f"{'(?i)' if ignore_case else ''}{start}{re.escape(text)}{end}"


def _exactly(e: Expr) -> str:
    if not isinstance(e, Constant) or not isinstance(e.value, str):
        raise Unsayable("a list that is searched for anything but text", "SPL")
    return quoted(f"^{re.escape(e.value)}$")


def _is_time(kind: DataType | None) -> bool:
    return kind in ("datetime", "date")


def _strptime(when: Any) -> str:
    if when.microsecond:
        return f'strptime("{when:%Y-%m-%d %H:%M:%S.%f}", "%Y-%m-%d %H:%M:%S.%6N")'
    if not (when.hour or when.minute or when.second):
        return f'strptime("{when:%Y-%m-%d}", "%Y-%m-%d")'
    return f'strptime("{when:%Y-%m-%d %H:%M:%S}", "%Y-%m-%d %H:%M:%S")'
