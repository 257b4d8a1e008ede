"""The plan's functions, aggregates and windows as DuckDB's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agents.data.plan.expressions import Call, Constant, Duration, Expr
from agents.data.plan.model import Frame, Measure, SortKey, Unsayable, WindowColumn
from agents.data.plan.to_sql.text import ADD, COMPARE, MULTIPLY, OR, Sql, listed, string

if TYPE_CHECKING:
    from agents.data.plan.to_sql.expressions import Scalars

_SAME = {
    "now": "now", "lower": "lower", "upper": "upper", "substring": "substr", "concat": "concat", "replace": "replace",
    "split": "string_split", "split_part": "split_part", "regex_extract": "regexp_extract", "trim": "trim",
    "trim_start": "ltrim", "trim_end": "rtrim", "position": "strpos", "reverse": "reverse", "abs": "abs",
    "round": "round", "floor": "floor", "ceil": "ceil", "sqrt": "sqrt", "power": "pow", "exp": "exp", "ln": "ln",
    "log10": "log10", "log2": "log2", "sign": "sign", "least": "least", "greatest": "greatest",
    "coalesce": "coalesce", "null_if": "nullif", "to_seconds": "epoch", "to_epoch": "epoch", "format_time": "strftime",
    "parse_time": "try_strptime", "length": "length", "date_diff": "date_diff", "date_trunc": "date_trunc",
}  # fmt: skip
_PARTS = {"day_of_week": "dow", "day_of_year": "doy"}
_AGGREGATES = {
    "count": "COUNT", "sum": "SUM", "avg": "AVG", "min": "MIN", "max": "MAX", "stddev": "stddev",
    "variance": "var_samp", "percentile": "quantile_cont", "percentile_disc": "quantile_disc", "median": "median",
    "arg_max": "arg_max", "arg_min": "arg_min", "list": "list", "any": "any_value", "any_true": "bool_or",
    "all_true": "bool_and",
}  # fmt: skip
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
# Bins of these sizes begin where the unit does; others are counted from the first Monday.
_TRUNCATED = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")


def call(s: Scalars, value: Call) -> Sql:
    if value.function in _SAME:
        return Sql(f"{_SAME[value.function]}({listed([s.as_text(arg, OR) for arg in value.args])})")
    return _SPECIAL[value.function](s, value.args)


def _bin(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    value, size = args
    if not isinstance(size, Duration):
        step = s.text(size, MULTIPLY + 1)
        return Sql(f"floor({s.text(value, MULTIPLY)} / {step}) * {step}", MULTIPLY)
    if size.amount == 1 and size.unit in _TRUNCATED:
        return Sql(f"date_trunc({string(size.unit)}, {s.arg(value)})")
    if size.amount == 7 and size.unit == "day":
        return Sql(f"date_trunc('week', {s.arg(value)})")
    if size.unit in ("month", "quarter", "year"):
        return Sql(f"time_bucket({s.arg(size)}, {s.arg(value)})")
    origin = "" if 86400 % (_SECONDS.get(size.unit, 86400) * size.amount) == 0 else ", TIMESTAMP '0001-01-01'"
    return Sql(f"time_bucket({s.arg(size)}, {s.arg(value)}{origin})")


def _part(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    word = args[0].value if isinstance(args[0], Constant) else None
    if not isinstance(word, str):
        raise Unsayable("a computed part of a time", "SQL")
    return Sql(f"EXTRACT({_PARTS.get(word, word).upper()} FROM {s.arg(args[1])})")


def _regex_replace(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    return Sql(f"regexp_replace({listed([s.as_text(arg, OR) for arg in args])}, 'g')")


def _append(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    return Sql(" || ".join(s.as_text(arg, ADD + 1) for arg in args), ADD)


def _negate(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    return Sql(f"-{s.text(args[0], MULTIPLY + 1)}", MULTIPLY)


def _is_empty(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    text = s.as_text(args[0], ADD)
    return Sql(f"{text} IS NULL", COMPARE) if s.familiar else Sql(f"{text} IS NULL OR {text} = ''", OR)


def _list_length(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    return Sql(f"{'len' if s.is_list(args[0]) else 'json_array_length'}({s.arg(args[0])})")


def _list(s: Scalars, value: Expr) -> str:
    return s.arg(value) if s.is_list(value) else f"TRY_CAST({s.arg(value)} AS VARCHAR[])"


def _list_contains(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    return Sql(f"list_contains({_list(s, args[0])}, {s.arg(args[1])})")


def _list_join(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    return Sql(f"array_to_string({_list(s, args[0])}, {s.arg(args[1])})")


def _from_epoch(s: Scalars, args: tuple[Expr, ...]) -> Sql:
    return Sql(f"CAST(to_timestamp({s.arg(args[0])}) AS TIMESTAMP)")


_SPECIAL: dict[str, Callable[[Scalars, tuple[Expr, ...]], Sql]] = {
    "bin": _bin,
    "date_part": _part,
    "replace_regex": _regex_replace,
    "append": _append,
    "negate": _negate,
    "is_empty": _is_empty,
    "list_length": _list_length,
    "list_contains": _list_contains,
    "list_join": _list_join,
    "from_epoch": _from_epoch,
}


def measure(s: Scalars, value: Measure) -> Sql:
    """`COUNT(*) FILTER (WHERE …)`."""
    where = f" FILTER (WHERE {s.arg(value.where)})" if value.where is not None else ""
    if value.where is None and value.function == "list" and not s.familiar:
        where = f" FILTER (WHERE {s.text(value.args[0], ADD)} IS NOT NULL)"
    return Sql(_aggregate(s, value.function, value.args) + where)


def _aggregate(s: Scalars, function: str, args: tuple[Expr, ...]) -> str:
    texts = [s.arg(arg) for arg in args]
    if function == "count":
        return f"COUNT({texts[0] if texts else '*'})"
    if function == "count_distinct":
        return f"COUNT(DISTINCT {texts[0] if len(texts) == 1 else f'({listed(texts)})'})"
    if function == "set":
        return f"list(DISTINCT {texts[0]})"
    return f"{_AGGREGATES[function]}({listed(texts)})"


def window(s: Scalars, value: WindowColumn, partition: tuple[Expr, ...], order: tuple[SortKey, ...]) -> Sql:
    inside = []
    if partition:
        inside.append(f"PARTITION BY {listed([s.arg(one) for one in partition])}")
    if order:
        inside.append(f"ORDER BY {listed([sort_key(s, one) for one in order])}")
    if value.frame is not None:
        inside.append(_frame(value.frame))
    known = value.function in _AGGREGATES or value.function in ("count_distinct", "set")
    function = (
        _aggregate(s, value.function, value.args)
        if known
        else f"{value.function}({listed([s.arg(arg) for arg in value.args])})"
    )
    return Sql(f"{function} OVER ({' '.join(inside)})")


def _frame(frame: Frame) -> str:
    return f"ROWS BETWEEN {_bound(frame.start, 'PRECEDING')} AND {_bound(frame.end, 'FOLLOWING')}"


def _bound(offset: int | None, open_end: str) -> str:
    if offset is None:
        return f"UNBOUNDED {open_end}"
    if offset == 0:
        return "CURRENT ROW"
    return f"{abs(offset)} {'PRECEDING' if offset < 0 else 'FOLLOWING'}"


def sort_key(s: Scalars, key: SortKey) -> str:
    return s.arg(key.value) + order_words(key)


def order_words(key: SortKey) -> str:
    return (" DESC" if key.descending else "") + (" NULLS FIRST" if key.nulls == "first" else "")
