"""Calls of other languages, said as DuckDB says them: ISNULL(a, 0) is coalesce(a, 0) here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from agents.data.sql.functions import translated_calls

Build = Callable[[Sequence[exp.Expr]], exp.Expr | None]
# Names that sqlglot reads in DuckDB's SQL as just what they mean, and translates.
_TRANSLATED = """approx_distinct arrayagg booland_agg boolor_agg charindex current_timestamp date_from_parts
    datefromparts endswith iif json_extract_scalar leftpad locate logical_and logical_or nvl nvl2 parse_json rand
    regexp_like rightpad safe_divide signum space startswith stdev str_to_date timestamp_trunc truncate"""
_SURE = frozenset(_TRANSLATED.split())
_OWN = frozenset(("to_char", "datetime"))  # read with their arguments' meaning, below
_UNITS = {
    "second": "s ss second seconds sec secs",
    "minute": "m mi n minute minutes min mins",
    "hour": "h hh hour hours",
    "day": "d dd day days",
    "week": "w wk ww week weeks",
    "month": "mm month months",
    "year": "yy yyyy year years",
}
_UNIT_OF = {written: unit for unit, words in _UNITS.items() for written in words.split()}
_SPAN = re.compile(r"(\d{1,6})\s*([a-z]+)", re.IGNORECASE)
_SHIFT = re.compile(r"([+-]?)(\d{1,6}) (second|minute|hour|day|month|year)s?", re.IGNORECASE)
_START = re.compile(r"start of (day|month|year)", re.IGNORECASE)
_CODE = re.compile(r"%[YymdHMSjbBaA]")  # of the same meaning wherever a dialect has them


def say_here(query: str, select: exp.Query) -> list[str] | None:
    """What was borrowed, in words; changes the select, which was read from the query as DuckDB's. None where it calls
    what can't be said here for sure: nothing of it may then be written anew."""
    notes = []
    for token in translated_calls(query, select):
        name = token.text.lower()
        if name in _SURE:
            notes.append(f"said '{token.text}' as DuckDB does, which has no function of that name")
        elif name not in _OWN:
            return None
    for call in list(select.find_all(exp.Anonymous, exp.ToChar, exp.Date, exp.Datetime)):
        if found := _meant(call):
            name, label, meant = found
            call.replace(exp.Paren(this=meant) if _needs_brackets(call, meant) else meant)
            notes.append(f"used '{label}' for '{name}', as DuckDB does")
    if next(select.find_all(exp.ToChar, exp.Datetime), None):
        return None
    return notes


def ago(amount: str, unit: str) -> exp.Expr | None:
    """`now() - INTERVAL 7 DAY` for KQL's ago(7d); None for no unit of time, or for one that may be months."""
    if unit.lower() not in _UNIT_OF or unit in ("M", "MM", "mm"):
        return None
    return exp.Sub(this=_now(), expression=_interval(amount, unit))


def _meant(call: exp.Expr) -> tuple[str, str, exp.Expr] | None:
    """The call's name, what it is called here, and the call in its place."""
    if isinstance(call, exp.ToChar):
        shown = _format(("postgres",))([call.this, *([call.args["format"]] if call.args.get("format") else [])])
        return ("to_char", "strftime", shown) if shown else None
    if isinstance(call, exp.Date | exp.Datetime):
        moment = _moment(call)
        label = "current_date" if isinstance(call, exp.Date) else "now"
        return (type(call).__name__.lower(), label, moment) if moment else None
    name = str(call.this).lower() if isinstance(call.this, str) else ""
    label, build = _CALLS.get(name, ("", None))
    meant = build(call.expressions) if build else None
    if isinstance(meant, exp.Is):
        label = "IS NULL"
    elif name == "dateadd":
        label = "- INTERVAL" if isinstance(meant, exp.Sub) else "+ INTERVAL"
    return (name, label, meant) if meant else None


def _needs_brackets(call: exp.Expr, meant: exp.Expr) -> bool:
    if isinstance(meant, exp.Is):
        return isinstance(call.parent, exp.Binary | exp.Unary | exp.Cast)
    is_part = isinstance(call.parent, exp.Binary | exp.Cast) and not isinstance(call.parent, exp.Predicate)
    return is_part and isinstance(meant, exp.Sub | exp.Add)


def _moment(call: exp.Expr) -> exp.Expr | None:
    """SQLite's date('now', '-7 days'); None for a date of anything else."""
    if not call.this or not call.this.is_string or call.this.name.lower() != "now":
        return None
    is_date = isinstance(call, exp.Date)
    moment: exp.Expr = exp.CurrentDate() if is_date else _now()
    for change in _arguments(call):
        if not change.is_string:
            return None
        if shift := _SHIFT.fullmatch(change.name.strip()):
            step = exp.Sub if shift[1] == "-" else exp.Add
            moment = step(this=moment, expression=_interval(shift[2], shift[3]))
        elif start := _START.fullmatch(change.name.strip()):
            moment = exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(start[1].lower()), moment])
        else:
            return None
    return exp.cast(moment, "DATE") if is_date and not isinstance(moment, exp.CurrentDate) else moment


def _arguments(call: exp.Expr) -> Iterator[exp.Expr]:
    for key in ("zone", "expression"):
        if call.args.get(key):
            yield call.args[key]
    yield from call.args.get("expressions") or []


def _now() -> exp.Expr:
    return exp.Anonymous(this="now")


def _interval(amount: str, unit: str) -> exp.Interval:
    return exp.Interval(this=exp.Literal.string(amount), unit=exp.var(_UNIT_OF[unit.lower()].upper()))


def _bracketed(node: exp.Expr) -> exp.Expr:
    return exp.paren(node, copy=False) if isinstance(node, exp.Binary) else node


def _time(node: exp.Expr) -> exp.Expr:
    """DuckDB shifts no time that is written as a text."""
    return exp.cast(node, "TIMESTAMP") if node.is_string else _bracketed(node)


def _isnull(args: Sequence[exp.Expr]) -> exp.Expr | None:
    """T-SQL's with two arguments; KQL's and MySQL's with one."""
    if len(args) == 1:
        return exp.Is(this=_bracketed(args[0]), expression=exp.Null())
    return exp.Coalesce(this=args[0], expressions=[args[1]]) if len(args) == 2 else None


def _distinct(args: Sequence[exp.Expr]) -> exp.Expr | None:
    """KQL's dcount may be told how exact to be."""
    if len(args) == 1 or (len(args) == 2 and args[1].is_int):
        return exp.Count(this=exp.Distinct(expressions=[args[0]]))
    return None


def _constant(make: Callable[[], exp.Expr]) -> Build:
    return lambda args: None if args else make()


def _format(dialects: Sequence[str]) -> Build:
    """A time in a form: the first dialect in which every letter of the form means something."""

    def build(args: Sequence[exp.Expr]) -> exp.Expr | None:
        if len(args) != 2 or not args[1].is_string:
            return None
        for dialect in dialects:
            if ("%" in args[1].name) != (dialect == "mysql"):
                continue
            form = Dialect.get_or_raise(dialect).format_time(f"'{args[1].name}'")
            written = form.name if form is not None else ""
            if _CODE.search(written) and not re.search(r"[A-Za-z\d%]", _CODE.sub("", written)):
                return exp.Anonymous(this="strftime", expressions=[args[0], exp.Literal.string(written)])
        return None

    return build


def _date_sub(args: Sequence[exp.Expr]) -> exp.Expr | None:
    if len(args) == 2 and isinstance(args[1], exp.Interval):
        return exp.Sub(this=_time(args[0]), expression=args[1])
    return None


def _dateadd(args: Sequence[exp.Expr]) -> exp.Expr | None:
    """DATEADD(day, -7, x); a unit that is a column's name is none, and so is an amount that is computed."""
    if len(args) != 3 or args[0].name.lower() not in _UNIT_OF or args[0].name.lower() in ("m", "n", "w"):
        return None
    amount, step = (args[1].this, exp.Sub) if isinstance(args[1], exp.Neg) else (args[1], exp.Add)
    if not amount.is_int:
        return None
    return step(this=_time(args[2]), expression=_interval(amount.name, args[0].name))


def _ago(args: Sequence[exp.Expr]) -> exp.Expr | None:
    if len(args) != 1:
        return None
    if isinstance(args[0], exp.Interval):
        return exp.Sub(this=_now(), expression=args[0])
    span = _SPAN.fullmatch(args[0].name.strip()) if args[0].is_string else None
    return ago(span[1], span[2]) if span else None


def _epoch(args: Sequence[exp.Expr]) -> exp.Expr | None:
    if len(args) > 1:
        return None
    return exp.cast(exp.Anonymous(this="epoch", expressions=[*args] or [_now()]), "BIGINT")


_CALLS: dict[str, tuple[str, Build]] = {
    "isnull": ("coalesce", _isnull),
    "dcount": ("count(DISTINCT)", _distinct),
    "count_distinct": ("count(DISTINCT)", _distinct),
    "getdate": ("now", _constant(_now)),
    "sysdatetime": ("now", _constant(_now)),
    "curdate": ("current_date", _constant(exp.CurrentDate)),
    "date_format": ("strftime", _format(("mysql", "tsql"))),
    "date_sub": ("- INTERVAL", _date_sub),
    "dateadd": ("+ INTERVAL", _dateadd),
    "ago": ("now() - INTERVAL", _ago),
    "unix_timestamp": ("epoch", _epoch),
}
