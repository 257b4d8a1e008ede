"""Kusto's scalar functions as the plan's: one entry a function; what is not here has no words in a plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from agents.data.plan.functions import FunctionName
from agents.data.plan.model import (
    Arithmetic,
    Call,
    Case,
    Cast,
    Constant,
    DataType,
    Duration,
    Expr,
    IsNull,
    Not,
    Path,
    Unit,
    When,
)
from agents.data.plan.read_kql.expressions import Scalars, as_text
from agents.data.plan.read_kql.syntax import text_of, type_of, unsayable

Function = Callable[[Scalars, list[Any]], Expr]

_UNITS: dict[str, Unit] = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "hour": "hour",
    "minute": "minute", "second": "second", "millisecond": "millisecond",
}  # fmt: skip
_PARTS = {
    "year": "year", "quarter": "quarter", "month": "month", "week_of_year": "week", "day": "day", "hour": "hour",
    "minute": "minute", "second": "second", "dayofyear": "day_of_year",
}  # fmt: skip
_FORMATS = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I",
    "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "tt": "%p",
}  # fmt: skip
_FORMAT = re.compile(r"([A-Za-z])\1*|[^A-Za-z]")
# The smallest step of a stored time: DuckDB and Splunk keep microseconds.
_INSTANT = Duration(amount=0.001, unit="millisecond")
_DAY = Duration(amount=1, unit="day")
_SPACES = frozenset((" ", r"\s", r"\s+", " +", r"\s*"))


def call(name: FunctionName, *args: Expr) -> Call:
    return Call(function=name, args=args)


def word(text: str) -> Constant:
    return Constant(type="string", value=text)


def whole(number: int) -> Constant:
    return Constant(type="int", value=number)


def _same(name: FunctionName, *types: DataType) -> Function:
    """A function that the plan has with the same arguments. types: what its arguments are if they come out of JSON."""

    def function(s: Scalars, args: list[Any]) -> Expr:
        wanted = [*types, *[types[-1]] * len(args)] if types else []
        values = [s.as_type(arg, wanted[n]) if types else s.read(arg) for n, arg in enumerate(args)]
        return call(name, *values)

    return function


def _constant(s: Scalars, node: Any) -> str | int | float:
    found = s.read(node)
    if isinstance(found, Constant) and isinstance(found.value, str | int | float):
        return found.value
    raise unsayable("a computed argument", node)


def _cast(to: DataType) -> Function:
    def function(s: Scalars, args: list[Any]) -> Expr:
        value = s.read(args[0])
        return value if type_of(args[0]) == to else Cast(operand=value, to=to)

    return function


def _to_string(s: Scalars, args: list[Any]) -> Expr:
    value = s.read(args[0])
    if isinstance(value, Path) and isinstance(split := value.operand, Call) and split.function == "split":
        number = value.steps[0]
        if len(value.steps) == 1 and isinstance(number, int) and number >= 0:
            return call("split_part", *split.args, whole(number + 1))
    return as_text(value, type_of(args[0]))


def _ago(s: Scalars, args: list[Any]) -> Expr:
    return Arithmetic(op="-", left=call("now"), right=s.read(args[0]))


def _now(s: Scalars, args: list[Any]) -> Expr:
    return Arithmetic(op="+", left=call("now"), right=s.read(args[0])) if args else call("now")


def _bin(s: Scalars, args: list[Any]) -> Expr:
    value, size = args
    if type_of(value) == "duration":
        raise unsayable("bin of a time span", value)
    return call("bin", s.as_type(value, "real"), s.read(size))


def _shifted(when: Expr, offset: Expr | None, unit: Unit) -> Expr:
    if offset is None or offset == whole(0):
        return when
    if not isinstance(offset, Constant) or not isinstance(offset.value, int):
        raise ValueError("a computed number of periods")
    return Arithmetic(op="+", left=when, right=Duration(amount=offset.value, unit=unit))


def _start_of(unit: Unit) -> Function:
    """Kusto's weeks start on Sunday, the plan's on Monday."""

    def function(s: Scalars, args: list[Any]) -> Expr:
        when = _shifted(s.read(args[0]), s.read(args[1]) if len(args) > 1 else None, unit)
        if unit != "week":
            return call("date_trunc", word(unit), when)
        monday = call("date_trunc", word(unit), Arithmetic(op="+", left=when, right=_DAY))
        return Arithmetic(op="-", left=monday, right=_DAY)

    return function


def _end_of(unit: Unit) -> Function:
    start = _start_of(unit)

    def function(s: Scalars, args: list[Any]) -> Expr:
        following = Arithmetic(op="+", left=start(s, args), right=Duration(amount=1, unit=unit))
        return Arithmetic(op="-", left=following, right=_INSTANT)

    return function


def _part(name: str) -> Function:
    return lambda s, args: call("date_part", word(name), s.read(args[0]))


def _datetime_part(s: Scalars, args: list[Any]) -> Expr:
    name = str(_constant(s, args[0])).lower()
    if name not in _PARTS:
        raise unsayable(f"the part {name} of a time", args[0])
    return call("date_part", word(_PARTS[name]), s.read(args[1]))


def _unit(s: Scalars, node: Any) -> Unit:
    name = str(_constant(s, node)).lower()
    if name not in _UNITS:
        raise unsayable(f"the unit {name}", node)
    return _UNITS[name]


def _datetime_diff(s: Scalars, args: list[Any]) -> Expr:
    return call("date_diff", word(_unit(s, args[0])), s.read(args[2]), s.read(args[1]))


def _datetime_add(s: Scalars, args: list[Any]) -> Expr:
    return _shifted(s.read(args[2]), s.read(args[1]), _unit(s, args[0]))


def _format_datetime(s: Scalars, args: list[Any]) -> Expr:
    text = str(_constant(s, args[1]))
    pieces = [match.group() for match in _FORMAT.finditer(text)]
    if unknown := [piece for piece in pieces if piece[0].isalpha() and piece not in _FORMATS]:
        raise unsayable(f"the time format {unknown[0]}", args[1])
    return call("format_time", s.read(args[0]), word("".join(_FORMATS.get(piece, piece) for piece in pieces)))


def _iff(s: Scalars, args: list[Any]) -> Expr:
    *tests, otherwise = args
    pairs = zip(tests[::2], tests[1::2], strict=True)
    whens = tuple(When(condition=s.read(test), result=s.read(result)) for test, result in pairs)
    return Case(whens=whens, otherwise=s.read(otherwise))


def _is_empty(negate: bool) -> Function:
    def function(s: Scalars, args: list[Any]) -> Expr:
        found_type = type_of(args[0])
        value = s.read(args[0])
        empty: Expr = call("is_empty", as_text(value, found_type)) if found_type in ("string", "dynamic") else IsNull(
            operand=value
        )  # fmt: skip
        return Not(operand=empty) if negate else empty

    return function


def _is_null(negate: bool) -> Function:
    """Text is never null in Kusto."""

    def function(s: Scalars, args: list[Any]) -> Expr:
        if type_of(args[0]) == "string":
            return Constant(type="bool", value=negate)
        found = IsNull(operand=s.read(args[0]))
        return Not(operand=found) if negate else found

    return function


def _parse_json(s: Scalars, args: list[Any]) -> Expr:
    value = s.read(args[0])
    return value if type_of(args[0]) == "dynamic" else Cast(operand=value, to="dynamic")


def _extract(s: Scalars, args: list[Any]) -> Expr:
    found = call("regex_extract", s.text(args[2]), s.read(args[0]), s.read(args[1]))
    if len(args) < 4:
        return found
    named = text_of(args[3]).removeprefix("typeof(").removesuffix(")").strip()
    types: dict[str, DataType] = {"string": "string", "long": "int", "int": "int", "real": "real", "double": "real",
                                  "datetime": "datetime"}  # fmt: skip
    return found if named == "string" else Cast(operand=found, to=types[named])


def _substring(s: Scalars, args: list[Any]) -> Expr:
    start = int(_constant(s, args[1]))
    if start < 0:
        raise ValueError("a start counted from the end")
    return call("substring", s.text(args[0]), whole(start + 1), *(s.read(arg) for arg in args[2:]))


def _split(s: Scalars, args: list[Any]) -> Expr:
    text, separator = args
    return call("split", s.text(text), s.read(separator))


def _trim(name: FunctionName) -> Function:
    def function(s: Scalars, args: list[Any]) -> Expr:
        if _constant(s, args[0]) not in _SPACES:
            raise unsayable("trim of anything but space", args[0])
        return call(name, s.text(args[1]))

    return function


def _index_of(s: Scalars, args: list[Any]) -> Expr:
    text, part = args
    return Arithmetic(op="-", left=call("position", s.text(text), s.read(part)), right=whole(1))


def _joined(s: Scalars, args: list[Any]) -> Expr:
    separator, *values = (s.read(arg) for arg in args)
    pieces = [values[0]]
    for value in values[1:]:
        pieces += [separator, value]
    return call("concat", *pieces)


FUNCTIONS: dict[str, Function] = {
    "ago": _ago,
    "now": _now,
    "bin": _bin,
    "floor": _bin,
    **{f"startof{unit}": _start_of(unit) for unit in ("day", "week", "month", "year")},
    **{f"endof{unit}": _end_of(unit) for unit in ("day", "week", "month", "year")},
    "hourofday": _part("hour"),
    "dayofmonth": _part("day"),
    "dayofyear": _part("day_of_year"),
    "monthofyear": _part("month"),
    "getmonth": _part("month"),
    "getyear": _part("year"),
    "week_of_year": _part("week"),
    "datetime_part": _datetime_part,
    "datetime_diff": _datetime_diff,
    "datetime_add": _datetime_add,
    "format_datetime": _format_datetime,
    "unixtime_seconds_todatetime": _same("from_epoch", "real"),
    "tostring": _to_string,
    "toint": _cast("int"),
    "tolong": _cast("int"),
    "todouble": _cast("real"),
    "toreal": _cast("real"),
    "todecimal": _cast("real"),
    "tobool": _cast("bool"),
    "toboolean": _cast("bool"),
    "todatetime": _cast("datetime"),
    "totimespan": _cast("duration"),
    "parse_json": _parse_json,
    "todynamic": _parse_json,
    "toobject": _parse_json,
    "iff": _iff,
    "iif": _iff,
    "case": _iff,
    "coalesce": _same("coalesce"),
    "isempty": _is_empty(negate=False),
    "isnotempty": _is_empty(negate=True),
    "notempty": _is_empty(negate=True),
    "isnull": _is_null(negate=False),
    "isnotnull": _is_null(negate=True),
    "notnull": _is_null(negate=True),
    "tolower": _same("lower", "string"),
    "toupper": _same("upper", "string"),
    "strlen": _same("length", "string"),
    "reverse": _same("reverse", "string"),
    "strcat": _same("concat"),
    "strcat_delim": _joined,
    "strcat_array": _same("list_join"),
    "substring": _substring,
    "split": _split,
    "trim": _trim("trim"),
    "trim_start": _trim("trim_start"),
    "trim_end": _trim("trim_end"),
    "replace_string": _same("replace", "string"),
    "replace_regex": _same("replace_regex", "string"),
    "replace": lambda s, args: call("replace_regex", s.text(args[2]), s.read(args[0]), s.read(args[1])),
    "extract": _extract,
    "indexof": _index_of,
    "array_length": _same("list_length"),
    "set_has_element": _same("list_contains"),
    "abs": _same("abs", "real"),
    "round": _same("round", "real"),
    "ceiling": _same("ceil", "real"),
    "sqrt": _same("sqrt", "real"),
    "pow": _same("power", "real"),
    "exp": _same("exp", "real"),
    "log": _same("ln", "real"),
    "log10": _same("log10", "real"),
    "log2": _same("log2", "real"),
    "sign": _same("sign", "real"),
    "min_of": _same("least"),
    "max_of": _same("greatest"),
}
