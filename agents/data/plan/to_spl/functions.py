"""The plan's functions in eval's words."""

from __future__ import annotations

import re
from collections.abc import Callable

from agents.data.plan.model import Call, Constant, Duration, Expr, Unsayable
from agents.data.plan.read_spl.times import offset
from agents.data.plan.to_spl.expressions import JOIN, PRODUCT, SUM, Evaluator, Text
from agents.data.plan.to_spl.moments import in_seconds
from agents.data.plan.to_spl.names import number, quoted

Rule = Callable[[Evaluator, tuple[Expr, ...]], Text]

_SAME = {
    "lower": "lower", "upper": "upper", "length": "len", "trim": "trim", "trim_start": "ltrim", "trim_end": "rtrim",
    "split": "split", "abs": "abs", "floor": "floor", "ceil": "ceiling", "sqrt": "sqrt", "power": "pow", "exp": "exp",
    "ln": "ln", "round": "round", "least": "min", "greatest": "max", "coalesce": "coalesce", "null_if": "nullif",
    "list_length": "mvcount", "list_join": "mvjoin", "substring": "substr", "format_time": "strftime",
    "parse_time": "strptime",
}  # fmt: skip
_PARTS = {
    "year": "%Y", "month": "%m", "week": "%V", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S",
    "day_of_week": "%w", "day_of_year": "%j",
}  # fmt: skip
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def render(e: Evaluator, call: Call) -> Text:
    """Raises Unsayable."""
    if call.function in _SAME:
        return Text(f"{_SAME[call.function]}({', '.join(e.value(arg) for arg in call.args)})")
    rule = _RULES.get(call.function)
    if rule is None:
        raise Unsayable(f"the function {call.function}", "SPL")
    return rule(e, call.args)


def _text_of(value: Expr, what: str) -> str:
    if not isinstance(value, Constant) or not isinstance(value.value, str):
        raise Unsayable(f"{what} that is computed", "SPL")
    return value.value


def _inner(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    """Times and durations are numbers of seconds already."""
    return Text(e.value(args[0]))


def _date_part(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    part, when = _text_of(args[0], "a part of a time"), e.value(args[1])
    if part == "quarter":
        return Text(f'ceiling(tonumber(strftime({when}, "%m"))/3)')
    return Text(f'tonumber(strftime({when}, "{_PARTS[part]}"))')


def _date_diff(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    """How many of the unit's boundaries lie between the two."""
    unit = _text_of(args[0], "a unit")
    start, end = e.value(args[1]), e.value(args[2])
    if unit in _SECONDS:
        size = _SECONDS[unit]
        per = "" if size == 1 else f"/{size}"
        return Text(f"floor({e.operand(args[2], PRODUCT - 1)}{per})-floor({e.operand(args[1], PRODUCT - 1)}{per})", SUM)
    if unit == "week":
        return Text(f'round((relative_time({end}, "@w1")-relative_time({start}, "@w1"))/604800)')
    years = f'tonumber(strftime({end}, "%Y"))-tonumber(strftime({start}, "%Y"))'
    if unit == "year":
        return Text(years, SUM)
    if unit == "month":
        return Text(f'12*({years})+tonumber(strftime({end}, "%m"))-tonumber(strftime({start}, "%m"))', SUM)
    raise Unsayable(f"a difference in {unit}s", "SPL")


def _bin(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    size = args[1]
    width = number(in_seconds(size)) if isinstance(size, Duration) else e.operand(size, PRODUCT)
    shift = offset(size) if isinstance(size, Duration) else 0
    if not shift:
        return Text(f"floor({e.operand(args[0], PRODUCT - 1)}/{width})*{width}", PRODUCT)
    return Text(f"floor(({e.operand(args[0], SUM - 1)}-{shift})/{width})*{width}+{shift}", SUM)


def _concat(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    """A null counts as nothing."""
    pieces = [quoted(str(arg.value)) if isinstance(arg, Constant) else f'coalesce({e.value(arg)}, "")' for arg in args]
    return Text(".".join(pieces), JOIN)


def _append(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    return Text(".".join(_piece(e, arg) for arg in args), JOIN)


def _piece(e: Evaluator, arg: Expr) -> str:
    """A number before the operator `.` would be read with it."""
    is_number = isinstance(arg, Constant) and not isinstance(arg.value, str)
    return f"tostring({e.value(arg)})" if is_number else e.operand(arg, JOIN - 1)


def _replace(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    old, new = _text_of(args[1], "text to replace"), _text_of(args[2], "text to put in")
    return Text(f"replace({e.value(args[0])}, {quoted(re.escape(old))}, {quoted(new.replace(chr(92), chr(92) * 2))})")


def _replace_regex(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    pattern, new = _text_of(args[1], "a pattern"), _text_of(args[2], "text to put in")
    return Text(f"replace({e.value(args[0])}, {quoted(pattern)}, {_replacement(new)})")


def _replacement(text: str) -> str:
    r"""`\1` stays as it is."""
    return '"' + text.replace('"', '\\"') + '"'


def _split_part(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    place = args[2]
    if not isinstance(place, Constant) or not isinstance(place.value, int) or place.value < 1:
        raise Unsayable("a part that is computed", "SPL")
    return Text(f'coalesce(mvindex(split({e.value(args[0])}, {e.value(args[1])}), {place.value - 1}), "")')


def _regex_extract(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    """Where no field is made of it by rex: all of the text replaced by the group."""
    pattern, group = _text_of(args[1], "a pattern"), args[2]
    if not isinstance(group, Constant) or not isinstance(group.value, int):
        raise Unsayable("a group that is computed", "SPL")
    text = e.value(args[0])
    inner = f"({pattern})" if group.value == 0 else f"(?:{pattern})"
    whole = quoted(f"(?s)^.*?{inner}.*$")
    return Text(f'if(match({text}, {quoted(pattern)}), replace({text}, {whole}, "\\{group.value or 1}"), null())')


def _negate(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    return Text(f"-{e.operand(args[0], PRODUCT)}", PRODUCT)


def _position(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    text, part = e.value(args[0]), e.value(args[1])
    first = f"mvindex(split({text}, {part}), 0)"
    return Text(f"if(len({first})=len({text}), 0, len({first})+1)")


def _sign(e: Evaluator, args: tuple[Expr, ...]) -> Text:
    text = e.value(args[0])
    return Text(f"case({text}>0, 1, {text}<0, -1, {text}=0, 0)")


_RULES: dict[str, Rule] = {
    "to_seconds": _inner,
    "to_epoch": _inner,
    "from_epoch": _inner,
    "date_part": _date_part,
    "date_diff": _date_diff,
    "bin": _bin,
    "concat": _concat,
    "append": _append,
    "replace": _replace,
    "replace_regex": _replace_regex,
    "split_part": _split_part,
    "regex_extract": _regex_extract,
    "position": _position,
    "negate": _negate,
    "sign": _sign,
    "log10": lambda e, args: Text(f"log({e.value(args[0])})"),
    "log2": lambda e, args: Text(f"log({e.value(args[0])}, 2)"),
}
