"""Eval's functions as the plan's, by name; what is not here has no words in a plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from agents.data.plan.functions import FunctionName
from agents.data.plan.model import (
    Arithmetic,
    Call,
    Case,
    Cast,
    Compare,
    Constant,
    DataType,
    Expr,
    In,
    IsNull,
    Match,
    Not,
    Path,
    Unsayable,
    When,
)
from agents.data.plan.nulls import any_of
from agents.data.plan.read_spl.expressions import Eval, call
from agents.data.plan.read_spl.times import instant, now, relative
from agents.data.spl.ast import Expression

Function = Callable[[Eval, list[Expression]], Expr]

_STEP = re.compile(r"([^.{}]+)|\{(\d*)\}")
_SAME_FORMATS = frozenset("YymdHIMSpbBaAjwuf%")
_LONG_FORMATS = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "D": "%m/%d/%y", "R": "%H:%M", "e": "%-d", "k": "%-H"}
_PARTS = {
    "%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%M": "minute", "%S": "second", "%w": "day_of_week",
    "%j": "day_of_year", "%V": "week",
}  # fmt: skip


def _texts(name: FunctionName) -> Function:
    """A function of the plan with the same arguments, the first one text."""

    def function(e: Eval, args: list[Expression]) -> Expr:
        first, *rest = (e.read(arg) for arg in args)
        return call(name, e.text(first), *rest)

    return function


def _numbers(name: FunctionName) -> Function:
    return lambda e, args: call(name, *(e.number(e.read(arg)) for arg in args))


def _written(e: Eval, node: Expression, what: str) -> str:
    found = e.read(node)
    if not isinstance(found, Constant) or not isinstance(found.value, str):
        raise Unsayable(f"{what} that is computed", "a plan")
    return found.value


def _if(e: Eval, args: list[Expression]) -> Expr:
    test, yes, no = (e.read(arg) for arg in args)
    return Case(whens=(When(condition=test, result=yes),), otherwise=no)


def _case(e: Eval, args: list[Expression]) -> Expr:
    whens: list[When] = []
    for test, result in zip(args[::2], args[1::2], strict=True):
        condition, value = e.read(test), e.read(result)
        if whens and _always(condition):
            return Case(whens=tuple(whens), otherwise=value)
        whens.append(When(condition=condition, result=value))
    return Case(whens=tuple(whens))


def _always(condition: Expr) -> bool:
    """`true()` and `1=1`, which case has for "else"."""
    if isinstance(condition, Compare):
        return condition.op == "==" and isinstance(condition.left, Constant) and condition.left == condition.right
    return condition == Constant(type="bool", value=True)


def _coalesce(e: Eval, args: list[Expression]) -> Expr:
    return call("coalesce", *(e.read(arg) for arg in args))


def _in(e: Eval, args: list[Expression]) -> Expr:
    operand, *values = (e.read(arg) for arg in args)
    pairs = [e.alike(operand, value) for value in values]
    if len({left for left, _ in pairs}) > 1:
        return any_of([Compare(op="==", left=left, right=right) for left, right in pairs])
    return In(operand=pairs[0][0], values=tuple(right for _, right in pairs))


def _like(e: Eval, args: list[Expression]) -> Expr:
    return Match(op="like", operand=e.text(e.read(args[0])), pattern=e.read(args[1]))


def _match(e: Eval, args: list[Expression]) -> Expr:
    """`(?i)` at the start of the pattern is the plan's ignore_case."""
    pattern = _written(e, args[1], "match's pattern")
    ignore_case = pattern.startswith("(?i)")
    regex = Constant(type="string", value=pattern.removeprefix("(?i)"))
    return Match(op="regex", operand=e.text(e.read(args[0])), pattern=regex, ignore_case=ignore_case)


def _is_null(negate: bool) -> Function:
    def function(e: Eval, args: list[Expression]) -> Expr:
        found = IsNull(operand=e.read(args[0]))
        return Not(operand=found) if negate else found

    return function


def _is_number(e: Eval, args: list[Expression]) -> Expr:
    return Not(operand=IsNull(operand=e.number(e.read(args[0]))))


# --- time ---------------------------------------------------------------------------------------------------------


def _relative_time(e: Eval, args: list[Expression]) -> Expr:
    return relative(e.time(e.read(args[0])), _written(e, args[1], "relative_time's modifier"))


def _format(text: str) -> str:
    """strftime's format in the directives that every platform has. Raises Unsayable."""

    def one(match: re.Match[str]) -> str:
        letter = match.group(1)
        if letter in _SAME_FORMATS:
            return match.group()
        if letter not in _LONG_FORMATS:
            raise Unsayable(f"the time format {match.group()}", "a plan")
        return _LONG_FORMATS[letter]

    return re.sub(r"%(.)", one, text)


def _strftime(e: Eval, args: list[Expression]) -> Expr:
    text, when = _written(e, args[1], "strftime's format"), e.time(e.read(args[0]))
    if text == "%s":
        return Cast(operand=call("floor", call("to_epoch", when)), to="string")
    return call("format_time", when, Constant(type="string", value=_format(text)))


def _strptime(e: Eval, args: list[Expression]) -> Expr:
    value, text = e.read(args[0]), _format(_written(e, args[1], "strptime's format"))
    if isinstance(value, Constant) and isinstance(value.value, str):
        try:
            return instant(datetime.strptime(value.value, text))
        except ValueError as error:
            raise Unsayable(f"the time '{value.value}' in the format {text}", "a plan") from error
    return call("parse_time", e.text(value), Constant(type="string", value=text))


# --- text, numbers, lists -----------------------------------------------------------------------------------------


def _tostring(e: Eval, args: list[Expression]) -> Expr:
    if len(args) > 1:
        raise Unsayable("tostring with a format", "a plan")
    value = e.read(args[0])
    return e.text(e.number(value) if e.type_of(value) == "datetime" else value)


def _tonumber(e: Eval, args: list[Expression]) -> Expr:
    """`tonumber(strftime(_time, "%H"))` is the hour of the time."""
    if len(args) > 1:
        raise Unsayable("tonumber with a base", "a plan")
    value = e.read(args[0])
    if isinstance(value, Call) and value.function == "format_time":
        part = _PARTS.get(str(getattr(value.args[1], "value", "")))
        if part is not None:
            return call("date_part", Constant(type="string", value=part), value.args[0])
    return e.number(value)


def _cast(to: DataType) -> Function:
    return lambda e, args: Cast(operand=e.number(e.read(args[0])), to=to)


def _substr(e: Eval, args: list[Expression]) -> Expr:
    value, start, *length = (e.read(arg) for arg in args)
    if not isinstance(start, Constant) or not isinstance(start.value, int) or start.value < 1:
        raise Unsayable("substr from a place counted from the end, or computed", "a plan")
    return call("substring", e.text(value), start, *length)


def _trim(name: FunctionName) -> Function:
    def function(e: Eval, args: list[Expression]) -> Expr:
        if len(args) > 1:
            raise Unsayable("trim of anything but space", "a plan")
        return call(name, e.text(e.read(args[0])))

    return function


def _log(e: Eval, args: list[Expression]) -> Expr:
    value, *base = (e.number(e.read(arg)) for arg in args)
    if not base or base[0] == Constant(type="int", value=10):
        return call("log10", value)
    return Arithmetic(op="/", left=call("log10", value), right=call("log10", base[0]))


def _mvindex(e: Eval, args: list[Expression]) -> Expr:
    value, place, *end = (e.read(arg) for arg in args)
    if end or not isinstance(place, Constant) or not isinstance(place.value, int):
        raise Unsayable("mvindex of several values or a computed place", "a plan")
    return Cast(operand=Path(operand=value, steps=(place.value,)), to="string")


def path(value: Expr, text: str) -> Expr:
    """spath's `a.b{0}.c` inside JSON text. Raises Unsayable for `{}`, which is every element."""
    steps: list[str | int] = []
    for name, place in _STEP.findall(text):
        if not name and not place:
            raise Unsayable("every element of a JSON list (`{}`)", "a plan")
        steps.append(name or int(place))
    return Cast(operand=Path(operand=Cast(operand=value, to="dynamic"), steps=tuple(steps)), to="string")


def _spath(e: Eval, args: list[Expression]) -> Expr:
    return path(e.text(e.read(args[0])), _written(e, args[1], "spath's path"))


def _constant(value: bool) -> Function:
    return lambda e, args: Constant(type="bool", value=value)


FUNCTIONS: dict[str, Function] = {
    "if": _if,
    "case": _case,
    "coalesce": _coalesce,
    "in": _in,
    "like": _like,
    "match": _match,
    "isnull": _is_null(negate=False),
    "isnotnull": _is_null(negate=True),
    "isnum": _is_number,
    "nullif": lambda e, args: call("null_if", *(e.read(arg) for arg in args)),
    "null": lambda e, args: Constant(),
    "true": _constant(True),
    "false": _constant(False),
    "now": lambda e, args: now(),
    "time": lambda e, args: now(),
    "relative_time": _relative_time,
    "strftime": _strftime,
    "strptime": _strptime,
    "abs": _numbers("abs"),
    "ceil": _numbers("ceil"),
    "ceiling": _numbers("ceil"),
    "floor": _numbers("floor"),
    "round": _numbers("round"),
    "sqrt": _numbers("sqrt"),
    "pow": _numbers("power"),
    "exp": _numbers("exp"),
    "ln": _numbers("ln"),
    "log": _log,
    "min": _numbers("least"),
    "max": _numbers("greatest"),
    "lower": _texts("lower"),
    "upper": _texts("upper"),
    "len": _texts("length"),
    "trim": _trim("trim"),
    "ltrim": _trim("trim_start"),
    "rtrim": _trim("trim_end"),
    "replace": _texts("replace_regex"),
    "substr": _substr,
    "split": _texts("split"),
    "tostring": _tostring,
    "tonumber": _tonumber,
    "toint": _cast("int"),
    "todouble": _cast("real"),
    "mvcount": lambda e, args: call("list_length", e.read(args[0])),
    "mvjoin": lambda e, args: call("list_join", *(e.read(arg) for arg in args)),
    "mvindex": _mvindex,
    "spath": _spath,
    "json_extract": _spath,
}
