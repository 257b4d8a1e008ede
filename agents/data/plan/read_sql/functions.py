"""SQL's functions as the plan's: those that sqlglot knows by class, and those that it leaves by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from agents.data.plan.expressions import Arithmetic, Call, Cast, Constant, Duration, Expr, Match, Not
from agents.data.plan.functions import FunctionName
from agents.data.plan.read_sql.casts import cast
from agents.data.plan.read_sql.constants import unit_of
from agents.data.plan.read_sql.scope import unsayable

if TYPE_CHECKING:
    from agents.data.plan.read_sql.expressions import Scalars

Function = Callable[["Scalars", Any], Expr]
_PARTS = {
    "dow": "day_of_week", "dayofweek": "day_of_week", "weekday": "day_of_week", "doy": "day_of_year",
    "dayofyear": "day_of_year", "mon": "month", "hours": "hour", "minutes": "minute", "seconds": "second",
    "days": "day", "months": "month", "years": "year", "weekofyear": "week", "day_of_week": "day_of_week",
}  # fmt: skip
_PLAIN_PARTS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")


def read(s: Scalars, node: exp.Expr) -> Expr:
    """Raises Unsayable for a function that the plan does not have."""
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        if name not in _BY_NAME:
            raise unsayable(f"the function {node.name}", node)
        return _BY_NAME[name](s, node)
    for kind in type(node).__mro__:
        if kind in _BY_CLASS:
            return _BY_CLASS[kind](s, node)
    what = f"the function {node.sql_name().lower()}" if isinstance(node, exp.Func) else type(node).__name__
    raise unsayable(what, node)


def call(function: FunctionName, *args: Expr) -> Call:
    return Call(function=function, args=args)


def word(text: str) -> Constant:
    return Constant(type="string", value=text)


def whole(count: int) -> Constant:
    return Constant(type="int", value=count)


def _args(node: exp.Expr) -> list[exp.Expr]:
    """The arguments in the order they are written."""
    found: list[exp.Expr] = []
    for key in node.arg_types:
        value = node.args.get(key)
        found += value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else []
    return found


def _same(function: FunctionName, least: int = 1, most: int = 1) -> Function:
    """A function that the plan has with the same arguments."""

    def read_call(s: Scalars, node: exp.Expr) -> Expr:
        args = _args(node)
        if not least <= len(args) <= most:
            raise unsayable("this call", node)
        return call(function, *(s.read(arg) for arg in args))

    return read_call


def _many(function: FunctionName) -> Function:
    return _same(function, 1, 10_000)


def _trunc(s: Scalars, node: exp.Expr) -> Expr:
    unit = unit_of(node.args["unit"].name, node)
    value = s.read(node.this)
    return call("date_trunc", word(unit), _time(s, value))


def _time(s: Scalars, value: Expr) -> Expr:
    """Text as the time it is."""
    return s.alike(value, Call(function="now")) if s.type_of(value) == "string" else value


def _part(s: Scalars, node: exp.Expr) -> Expr:
    """`EXTRACT(hour FROM t)`, `date_part('hour', t)`."""
    args = node.expressions if isinstance(node, exp.Anonymous) else [node.this, node.expression]
    if len(args) != 2:
        raise unsayable("this call", node)
    name, value = args
    return part(s, name.name, s.read(value), node)


def part(s: Scalars, name: str, value: Expr, node: exp.Expr) -> Expr:
    lower = _PARTS.get(name.lower(), name.lower())
    kind = s.type_of(value)
    if lower in ("epoch", "epoch_s"):
        return call("to_seconds" if kind == "duration" else "to_epoch", value)
    if kind == "duration" and lower == "day":
        return Arithmetic(op="//", left=call("to_seconds", value), right=whole(86400))
    if kind == "duration":
        raise unsayable(f"the part {name} of an interval", node)
    if lower == "isodow":
        sunday = Arithmetic(op="+", left=call("date_part", word("day_of_week"), value), right=whole(6))
        return Arithmetic(op="+", left=Arithmetic(op="%", left=sunday, right=whole(7)), right=whole(1))
    if lower not in _PLAIN_PARTS and lower not in _PARTS.values():
        raise unsayable(f"the part {name} of a time", node)
    return call("date_part", word(lower), value)


def _named_part(name: str) -> Function:
    return lambda s, node: part(s, name, s.read(_only(node)), node)


def _only(node: exp.Expr) -> exp.Expr:
    args = _args(node)
    if len(args) != 1:
        raise unsayable("this call", node)
    return args[0]


def _diff(s: Scalars, node: exp.Expr) -> Expr:
    """`date_diff('day', start, end)`; sqlglot keeps the end first. Without a boundary it counts whole units."""
    unit = unit_of(node.args["unit"].name, node) if node.args.get("unit") else "day"
    end, start = s.read(node.this), s.read(node.expression)
    return call("date_diff", word(unit), _time(s, start), _time(s, end))


def _bin(s: Scalars, node: exp.Expr) -> Expr:
    origin = node.args.get("unit")
    if origin is not None and s.read(origin) != Constant(type="datetime", value="0001-01-01T00:00:00"):
        raise unsayable("a bin from another beginning", node)
    return call("bin", s.read(node.expression), s.read(node.this))


def _unix(s: Scalars, node: exp.Expr) -> Expr:
    value = s.read(node.this)
    return call("to_seconds" if s.type_of(value) == "duration" else "to_epoch", value)


def _from_unix(s: Scalars, node: exp.Expr) -> Expr:
    written = node.args["scale"].name if node.args.get("scale") else "0"
    if not written.isdigit():
        raise unsayable("this call", node)
    scale = int(written)
    value = s.read(node.this)
    return call("from_epoch", Arithmetic(op="/", left=value, right=whole(10**scale)) if scale else value)


def _date(s: Scalars, node: exp.Expr) -> Expr:
    return cast(s, s.read(_only(node)), "date")


def _substring(s: Scalars, node: exp.Expr) -> Expr:
    start = s.read(node.args.get("start"))
    if not isinstance(start, Constant) or not isinstance(start.value, int) or start.value < 1:
        raise unsayable("a substring that does not start at a number from 1", node)
    length = [s.read(node.args.get("length"))] if node.args.get("length") else []
    return call("substring", s.read(node.this), start, *length)


def _left(s: Scalars, node: exp.Expr) -> Expr:
    return call("substring", s.read(node.this), whole(1), s.read(node.expression))


def _match(op: Any) -> Function:
    def read_match(s: Scalars, node: exp.Expr) -> Expr:
        operand, pattern = (s.read(arg) for arg in _args(node)[:2])
        uncased = isinstance(operand, Call) and operand.function == "lower" and isinstance(pattern, Constant)
        if uncased and isinstance(operand, Call) and str(pattern.value).lower() == pattern.value:  # type: ignore[union-attr]
            return Match(op=op, operand=operand.args[0], pattern=pattern, ignore_case=True)
        return Match(op=op, operand=operand, pattern=pattern)

    return read_match


def _contains(s: Scalars, node: exp.Expr) -> Expr:
    """Of text a match, of a list a member."""
    if s.type_of(s.read(_args(node)[0])) == "dynamic":
        return call("list_contains", *(s.read(arg) for arg in _args(node)[:2]))
    return _match("contains")(s, node)


def _regex_extract(s: Scalars, node: exp.Expr) -> Expr:
    group = node.args.get("group")
    return call("regex_extract", s.read(node.this), s.read(node.expression), s.read(group) if group else whole(0))


def _regex_replace(s: Scalars, node: exp.Expr) -> Expr:
    modifiers = node.args.get("modifiers")
    if modifiers is None or modifiers.name != "g":
        raise unsayable("the replacement of the first match only", node)
    return call("replace_regex", s.read(node.this), s.read(node.expression), s.read(node.args.get("replacement")))


def _position(s: Scalars, node: exp.Expr) -> Expr:
    return call("position", s.read(node.this), s.read(node.args.get("substr")))


def _length(s: Scalars, node: exp.Expr) -> Expr:
    value = s.read(node.this)
    return call("list_length" if s.type_of(value) == "dynamic" else "length", value)


def _trim(s: Scalars, node: exp.Expr) -> Expr:
    if node.args.get("expression"):
        raise unsayable("trim of anything but space", node)
    names: dict[str, FunctionName] = {"LEADING": "trim_start", "TRAILING": "trim_end"}
    return call(names.get(str(node.args.get("position") or "").upper(), "trim"), s.read(node.this))


def _append(s: Scalars, node: exp.Expr) -> Expr:
    return call("append", *(s.read(one) for one in node.flatten()))


def _log(s: Scalars, node: exp.Expr) -> Expr:
    """`log(x)` is to the base of 10; `log(2, x)`."""
    if node.expression is None:
        return call("log10", s.read(node.this))
    names: dict[str, FunctionName] = {"10": "log10", "2": "log2"}
    if node.this.name not in names:
        raise unsayable("a logarithm to this base", node)
    return call(names[node.this.name], s.read(node.expression))


def _round(s: Scalars, node: exp.Expr) -> Expr:
    digits = node.args.get("decimals")
    return call("round", s.read(node.this), *([s.read(digits)] if digits else []))


def _truncated(s: Scalars, node: exp.Expr) -> Expr:
    if len(_args(node)) > 1:
        raise unsayable("trunc to digits", node)
    value = s.read(node.this)
    if isinstance(value, Arithmetic) and value.op == "/":
        return value.model_copy(update={"op": "//"})
    return Arithmetic(op="//", left=value, right=whole(1))


def _days_of(unit: Any) -> Function:
    def read_days(s: Scalars, node: exp.Expr) -> Expr:
        count = s.read(_only(node))
        if isinstance(count, Constant) and isinstance(count.value, int | float):
            return Duration(amount=count.value, unit=unit)
        return Arithmetic(op="*", left=count, right=Duration(amount=1, unit=unit))

    return read_days


def _json_type(s: Scalars, node: exp.Expr) -> Expr:
    return Cast(operand=s.read(node.this), to="dynamic")


def _split_part(s: Scalars, node: exp.Expr) -> Expr:
    return call(
        "split_part", s.read(node.this), s.read(node.args.get("delimiter")), s.read(node.args.get("part_index"))
    )


def _format(s: Scalars, node: exp.Expr) -> Expr:
    """`strftime(t, '%Y')`, and `strftime('%Y', t)`, which DuckDB takes too."""
    value, pattern = s.read(node.this), s.read(node.args.get("format"))
    if isinstance(value, Constant) and not isinstance(pattern, Constant):
        value, pattern = pattern, value
    return call("format_time", value, pattern)


def _shown(pattern: str) -> Function:
    return lambda s, node: call("format_time", s.read(node.this), word(pattern))


def _shifted(sign: Any) -> Function:
    """MySQL's `date_sub(t, INTERVAL 7 DAY)`."""

    def read_shifted(s: Scalars, node: exp.Expr) -> Expr:
        args = _args(node)
        if len(args) != 2:
            raise unsayable("this call", node)
        return Arithmetic(op=sign, left=s.read(args[0]), right=s.read(args[1]))

    return read_shifted


def _parse(s: Scalars, node: exp.Expr) -> Expr:
    return call("parse_time", s.read(node.this), s.read(node.args.get("format")))


_BY_CLASS: dict[type[Any], Function] = {
    exp.CurrentTimestamp: lambda s, node: call("now"),
    exp.CurrentDatetime: lambda s, node: call("now"),
    exp.Localtimestamp: lambda s, node: call("now"),
    exp.TimestampTrunc: _trunc,
    exp.DateTrunc: _trunc,
    exp.DateBin: _bin,
    exp.Extract: _part,
    exp.DateDiff: _diff,
    exp.TimestampDiff: _diff,
    exp.TimeToUnix: _unix,
    exp.UnixToTime: _from_unix,
    exp.Date: _date,
    exp.TimeToStr: _format,
    exp.StrToTime: _parse,
    exp.Monthname: _shown("%B"),
    exp.Dayname: _shown("%A"),
    exp.ToDays: _days_of("day"),
    exp.DayOfWeek: _named_part("day_of_week"),
    exp.DayOfYear: _named_part("day_of_year"),
    exp.DayOfMonth: _named_part("day"),
    exp.WeekOfYear: _named_part("week"),
    exp.Year: _named_part("year"),
    exp.Quarter: _named_part("quarter"),
    exp.Month: _named_part("month"),
    exp.Week: _named_part("week"),
    exp.Day: _named_part("day"),
    exp.Hour: _named_part("hour"),
    exp.Minute: _named_part("minute"),
    exp.Second: _named_part("second"),
    exp.Lower: _same("lower"),
    exp.Upper: _same("upper"),
    exp.Length: _length,
    exp.Substring: _substring,
    exp.Left: _left,
    exp.Concat: lambda s, node: call("concat", *(s.read(one) for one in node.expressions)),
    exp.DPipe: _append,
    exp.Replace: _same("replace", 3, 3),
    exp.Split: _same("split", 2, 2),
    exp.SplitPart: _split_part,
    exp.RegexpExtract: _regex_extract,
    exp.RegexpReplace: _regex_replace,
    exp.Trim: _trim,
    exp.StrPosition: _position,
    exp.Reverse: _same("reverse"),
    exp.Contains: _contains,
    exp.StartsWith: _match("startswith"),
    exp.EndsWith: _match("endswith"),
    exp.Abs: _same("abs"),
    exp.Round: _round,
    exp.Trunc: _truncated,
    exp.Floor: _same("floor"),
    exp.Ceil: _same("ceil"),
    exp.Sqrt: _same("sqrt"),
    exp.Pow: _same("power", 2, 2),
    exp.Exp: _same("exp"),
    exp.Ln: _same("ln"),
    exp.Log: _log,
    exp.Sign: _same("sign"),
    exp.Least: _many("least"),
    exp.Greatest: _many("greatest"),
    exp.Coalesce: _many("coalesce"),
    exp.Nullif: _same("null_if", 2, 2),
    exp.ArraySize: _same("list_length"),
    exp.ArrayContains: _same("list_contains", 2, 2),
    exp.ArrayToString: _same("list_join", 2, 2),
    exp.ParseJSON: _json_type,
}
_BY_NAME: dict[str, Function] = {
    "now": lambda s, node: call("now"),
    "get_current_timestamp": lambda s, node: call("now"),
    "transaction_timestamp": lambda s, node: call("now"),
    "date_part": _part,
    "datepart": _part,
    "getdate": lambda s, node: call("now"),
    "date_sub": _shifted("-"),
    "try_strptime": _same("parse_time", 2, 2),
    **{f"to_{unit}s": _days_of(unit) for unit in ("second", "minute", "hour", "week", "month", "year")},
    "suffix": _match("endswith"),
    "ends_with": _match("endswith"),
    "prefix": _match("startswith"),
    "log2": _same("log2"),
    "json_array_length": _same("list_length"),
    "strlen": _same("length"),
    "not": lambda s, node: Not(operand=s.read(_only(node))),
}
