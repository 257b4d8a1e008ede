"""The plan's functions and aggregates as Kusto's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agents.data.plan.expressions import Call, Case, Compare, Constant, Duration, Expr, When
from agents.data.plan.model import Measure, Unsayable
from agents.data.plan.to_kql.text import ADD, COMPARE, MULTIPLY, WHERE, Kql, listed, string

if TYPE_CHECKING:
    from agents.data.plan.to_kql.expressions import Scalars

Function = Callable[["Scalars", tuple[Expr, ...]], Kql]
_SAME = {
    "now": "now", "lower": "tolower", "upper": "toupper", "concat": "strcat", "append": "strcat",
    "replace": "replace_string", "replace_regex": "replace_regex", "split": "split", "reverse": "reverse",
    "abs": "abs", "ceil": "ceiling", "sqrt": "sqrt", "power": "pow", "exp": "exp", "ln": "log", "log10": "log10",
    "log2": "log2", "sign": "sign", "least": "min_of", "greatest": "max_of", "length": "strlen", "round": "round",
    "from_epoch": "unixtime_seconds_todatetime", "list_length": "array_length", "list_contains": "set_has_element",
    "list_join": "strcat_array",
}  # fmt: skip
_TEXT = ("lower", "upper", "replace", "replace_regex", "split", "reverse", "length", "concat", "append")
_PARTS = {
    "year": "getyear({})", "month": "monthofyear({})", "day": "dayofmonth({})", "hour": "hourofday({})",
    "day_of_year": "dayofyear({})", "week": "week_of_year({})", "day_of_week": "toint(dayofweek({}) / 1d)",
}  # fmt: skip
_WEEKS = (Duration(amount=1, unit="week"), Duration(amount=7, unit="day"))
_STARTS = {"day": "startofday", "month": "startofmonth", "year": "startofyear"}
_FORMATS = {
    "%Y": "yyyy",
    "%m": "MM",
    "%d": "dd",
    "%H": "HH",
    "%M": "mm",
    "%S": "ss",
    "%f": "ffffff",
    "%y": "yy",
    "%I": "hh",
}
_BETWEEN_FORMATS = " /-:,._[]"
_READABLE = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")


def call(s: Scalars, value: Call) -> Kql:
    if value.function in _SPECIAL:
        return _SPECIAL[value.function](s, value.args)
    if len(value.args) == 1 and value.function in ("least", "greatest"):
        return s.kql(value.args[0])
    args = [s.as_text(arg) if value.function in _TEXT else s.arg(arg) for arg in value.args]
    return Kql(f"{_SAME[value.function]}({listed(args)})")


def _word(value: Expr) -> str:
    if not isinstance(value, Constant) or not isinstance(value.value, str):
        raise Unsayable("a computed unit of time", WHERE)
    return value.value


def _whole(value: Expr) -> int | None:
    held = value.value if isinstance(value, Constant) else None
    return held if isinstance(held, int) and not isinstance(held, bool) else None


def _bin(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    value, size = args
    if isinstance(size, Duration) and size.unit in ("month", "quarter", "year"):
        if size.amount != 1:
            raise Unsayable(f"a bin of {size.amount:g} {size.unit}s", WHERE)
        return _start(s, size.unit, value)
    if size in _WEEKS:
        return _start(s, "week", value)
    return Kql(f"bin({s.arg(value)}, {s.arg(size)})")


def _trunc(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return _start(s, _word(args[0]), args[1])


def _start(s: Scalars, unit: str, value: Expr) -> Kql:
    """Kusto's weeks start on Sunday, the plan's on Monday."""
    text = s.arg(s.alike(value, Call(function="now")))
    if unit in _STARTS:
        return Kql(f"{_STARTS[unit]}({text})")
    if unit == "quarter":
        return Kql(f'datetime_add("month", -((monthofyear({text}) - 1) % 3), startofmonth({text}))')
    if unit == "week":
        return Kql(f"startofweek({s.text(value, ADD)} - 1d) + 1d", ADD)
    sizes = {"hour": "1h", "minute": "1m", "second": "1s"}
    if unit not in sizes:
        raise Unsayable(f"the start of the {unit}", WHERE)
    return Kql(f"bin({text}, {sizes[unit]})")


def _part(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    part = _word(args[0])
    return Kql(_PARTS.get(part, f'datetime_part("{part}", {{}})').format(s.arg(args[1])))


def _diff(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return Kql(f"datetime_diff({string(_word(args[0]))}, {s.arg(args[2])}, {s.arg(args[1])})")


def _to_seconds(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return Kql(f"{s.text(args[0], MULTIPLY)} / 1s", MULTIPLY)


def _to_epoch(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return Kql(f"({s.text(args[0], ADD)} - datetime(1970-01-01)) / 1s", MULTIPLY)


def _format(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    pattern, found = _word(args[1]), ""
    while pattern:
        piece = pattern[:2] if pattern[0] == "%" else pattern[0]
        if piece not in _FORMATS and piece not in _BETWEEN_FORMATS:
            raise Unsayable(f"the time format {piece}", WHERE)
        found += _FORMATS.get(piece, piece)
        pattern = pattern[len(piece) :]
    return Kql(f"format_datetime({s.arg(args[0])}, {string(found)})")


def _parse(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    if _word(args[1]) not in _READABLE:
        raise Unsayable(f"reading a time as {_word(args[1])}", WHERE)
    return Kql(f"todatetime({s.arg(args[0])})")


def _substring(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    start = _whole(args[1])
    begin = str(start - 1) if start is not None else f"{s.text(args[1], ADD)} - 1"
    return Kql(f"substring({listed([s.as_text(args[0]), begin, *(s.arg(arg) for arg in args[2:])])})")


def _split_part(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    number = _whole(args[2])
    place = str(number - 1 if number > 0 else number) if number is not None else f"{s.text(args[2], ADD)} - 1"
    return Kql(f"tostring(split({s.as_text(args[0])}, {s.arg(args[1])})[{place}])")


def _extract(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return Kql(f"extract({s.arg(args[1])}, {s.arg(args[2])}, {s.as_text(args[0])})")


def _trim(function: str) -> Function:
    return lambda s, args: Kql(rf'{function}(@"\s+", {s.as_text(args[0])})')


def _position(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return Kql(f"indexof({s.as_text(args[0])}, {s.as_text(args[1])}) + 1", ADD)


def _negate(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return Kql(f"-{s.text(args[0], MULTIPLY + 1)}", MULTIPLY)


def _floor(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return Kql(f"floor({s.arg(args[0])}, 1)")


def _coalesce(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    if len(args) == 1:
        return s.kql(args[0])
    kind = s.type_of(Call(function="coalesce", args=args))
    return Kql(f"coalesce({listed([s.branch(arg, kind) for arg in args])})")


def _null_if(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    same = When(condition=Compare(op="==", left=args[0], right=args[1]), result=Constant())
    return s.kql(Case(whens=(same,), otherwise=args[0]))


def _is_empty(s: Scalars, args: tuple[Expr, ...]) -> Kql:
    return Kql(f"isempty({s.as_text(args[0])})")


_SPECIAL: dict[str, Function] = {
    "bin": _bin,
    "date_trunc": _trunc,
    "date_part": _part,
    "date_diff": _diff,
    "to_seconds": _to_seconds,
    "to_epoch": _to_epoch,
    "format_time": _format,
    "parse_time": _parse,
    "substring": _substring,
    "split_part": _split_part,
    "regex_extract": _extract,
    "trim": _trim("trim"),
    "trim_start": _trim("trim_start"),
    "trim_end": _trim("trim_end"),
    "position": _position,
    "negate": _negate,
    "floor": _floor,
    "coalesce": _coalesce,
    "null_if": _null_if,
    "is_empty": _is_empty,
}

# --- aggregates

_AGGREGATES = {
    "sum": "sum", "avg": "avg", "min": "min", "max": "max", "stddev": "stdev", "variance": "variance",
    "list": "make_list", "set": "make_set", "any": "take_any", "count_distinct": "dcount",
}  # fmt: skip
_CONDITIONAL = {"list": "make_list_if", "set": "make_set_if"}
_ZERO, _ONE = Constant(type="int", value=0), Constant(type="int", value=1)


def measure(s: Scalars, value: Measure) -> Kql:
    """`countif(…)`. `sum(CASE WHEN c THEN 1 ELSE 0 END)` counts, as Kusto's people write it."""
    value = _counted(value)
    conditions = [s.true(value.where).text] if value.where is not None else []
    if value.function == "count":
        return _count(s, value)
    if value.function in ("percentile", "percentile_disc", "median"):
        return _percentile(s, value)
    if value.function in ("any_true", "all_true"):
        return _truth(s, value)
    if value.function not in _AGGREGATES or len(value.args) != 1:
        raise Unsayable(f"{value.function} of {len(value.args)} values", WHERE)
    function = _AGGREGATES[value.function]
    if conditions:
        function = _CONDITIONAL.get(value.function, f"{function}if")
    return Kql(f"{function}({listed([_value(s, value), *conditions])})")


def _value(s: Scalars, value: Measure) -> str:
    arg = value.args[0]
    numeric = value.function in ("sum", "avg", "stddev", "variance")
    return f"todouble({s.arg(arg)})" if numeric and s.type_of(arg) == "dynamic" else s.arg(arg)


def _counted(value: Measure) -> Measure:
    case = value.args[0] if value.function == "sum" and value.args else None
    if (
        not isinstance(case, Case)
        or len(case.whens) != 1
        or case.otherwise not in (None, _ZERO)
        or value.where is not None
    ):
        return value
    condition, result = case.whens[0].condition, case.whens[0].result
    if result == _ONE:
        return Measure(name=value.name, function="count", where=condition)
    return Measure(name=value.name, function="sum", args=(result,), where=condition)


def _count(s: Scalars, value: Measure) -> Kql:
    """Of a value: where it is not null; text is there where it is not empty."""
    conditions = [s.true(value.where)] if value.where is not None else []
    if value.args:
        word = "isnotempty" if s.type_of(value.args[0]) == "string" else "isnotnull"
        conditions.append(Kql(f"{word}({s.arg(value.args[0])})"))
    if not conditions:
        return Kql("count()")
    return Kql(
        f"countif({' and '.join(one.at(COMPARE - 1) if len(conditions) > 1 else one.text for one in conditions)})"
    )


def _percentile(s: Scalars, value: Measure) -> Kql:
    share = value.args[1].value if len(value.args) > 1 and isinstance(value.args[1], Constant) else 0.5
    if not isinstance(share, int | float) or value.where is not None:
        raise Unsayable("a computed percentile, or one of some rows only", WHERE)
    return Kql(f"percentile({s.arg(value.args[0])}, {share * 100:g})")


def _truth(s: Scalars, value: Measure) -> Kql:
    if value.where is not None:
        raise Unsayable(f"{value.function} of some rows only", WHERE)
    if value.function == "any_true":
        return Kql(f"countif({s.true(value.args[0]).text}) > 0", COMPARE)
    return Kql(f"countif({s.false(value.args[0]).text}) == 0", COMPARE)
