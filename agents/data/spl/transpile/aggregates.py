"""The functions of stats as DuckDB aggregates, plain or over a window."""

from __future__ import annotations

from collections.abc import Callable

from agents.data.platform import NotExecutable
from agents.data.spl.functions import PERCENTILE
from agents.data.spl.transpile.relation import Relation
from agents.data.spl.transpile.values import Kind, Sql, as_num, as_str

_NUMERIC = {
    "sum": "sum({0})",
    "avg": "avg({0})",
    "mean": "avg({0})",
    "stdev": "stddev_samp({0})",
    "stdevp": "stddev_pop({0})",
    "var": "var_samp({0})",
    "varp": "var_pop({0})",
    "range": "(max({0}) - min({0}))",
    "sumsq": "sum({0} * {0})",
}
_TIME = '"_time"'
_LIST_LIMIT = 100


Rule = Callable[["Argument", Sql], Sql]


class Argument:
    """What an aggregation works on: over is the window, empty for a plain aggregate."""

    def __init__(self, value: Sql | None, relation: Relation, over: str = "") -> None:
        self.value, self.relation, self.over = value, relation, over

    def call(self, text: str, where: str = "") -> str:
        """An aggregate call, with its filter and window."""
        kept = f" FILTER (WHERE {where})" if where else ""
        return f"{text}{kept}{self.over}"


def aggregate_sql(function: str, argument: Argument) -> Sql:
    """One stats function as a DuckDB aggregate. Raises NotExecutable for those it lacks."""
    value = argument.value
    if value is None:
        if function in ("count", "c"):
            return Sql(argument.call("count(*)"), "int")
        raise NotExecutable(f"{function} without a field is not translated")
    if value.kind == "null":
        return Sql("0", "int") if function in ("count", "c", "dc") else Sql("CAST(NULL AS VARCHAR)", "str")
    if function in ("count", "c"):
        return _count(argument, value)
    if value.kind == "mv" and (function in _NUMERIC or function in ("min", "max") or PERCENTILE.fullmatch(function)):
        return _over_values(function, argument, value)
    if function in _NUMERIC:
        kind: Kind = "int" if function == "sum" and value.kind == "int" else "num"
        number = as_num(value)
        parts = _NUMERIC[function].format(number)
        if argument.over and function == "range":
            parts = f"({argument.call(f'max({number})')} - {argument.call(f'min({number})')})"
            return Sql(parts, "num")
        cast = f"CAST({argument.call(parts)} AS BIGINT)" if kind == "int" else argument.call(parts)
        return Sql(cast, kind)
    if function in ("min", "max"):
        return _extreme(function, argument, value)
    if match := PERCENTILE.fullmatch(function):
        return Sql(argument.call(f"quantile_disc({as_num(value)}, {float(match.group(1)) / 100})"), "num")
    rule = _RULES.get(function)
    if rule is None:
        raise NotExecutable(f"stats' {function} is not translated")
    return rule(argument, value)


def _over_values(function: str, argument: Argument, value: Sql) -> Sql:
    """Each value of a multivalue field counts by itself."""
    numbers = f"list_filter(list_transform({value.text}, lambda e: TRY_CAST(e AS DOUBLE)), lambda e: e IS NOT NULL)"
    total = argument.call(f"sum(list_sum({numbers}))")
    if function == "sum":
        return Sql(total, "num")
    if function in ("avg", "mean"):
        return Sql(f"({total} / {argument.call(f'sum(len({numbers}))')})", "num")
    if function in ("min", "max"):
        return Sql(argument.call(f"{function}(list_{function}({numbers}))"), "num")
    raise NotExecutable(f"stats' {function} of a multivalue field is not translated")


def _count(argument: Argument, value: Sql) -> Sql:
    if value.kind == "mv":
        return Sql(f"coalesce({argument.call(f'sum(len({value.text}))')}, 0)", "int")
    return Sql(argument.call(f"count({value.text})"), "int")


def _extreme(function: str, argument: Argument, value: Sql) -> Sql:
    """As numbers if every value is one, else as text."""
    if value.kind == "time":
        return Sql(f"epoch({argument.call(f'{function}({value.text})')})", "num")
    if value.kind in ("num", "int"):
        return Sql(argument.call(f"{function}({value.text})"), value.kind)
    text, number = as_str(value), as_num(value)
    all_numbers = f"{argument.call(f'count({text})')} = {argument.call(f'count({number})')}"
    best = as_str(Sql(argument.call(f"{function}({number})"), "num"))
    return Sql(f"(CASE WHEN {all_numbers} THEN {best} ELSE {argument.call(f'{function}({text})')} END)", "str")


def _distinct(argument: Argument, value: Sql) -> Sql:
    if value.kind == "mv":
        return Sql(f"len(list_distinct(flatten({argument.call(f'list({value.text})')})))", "int")
    return Sql(argument.call(f"count(DISTINCT {value.text})"), "int")


def _values(argument: Argument, value: Sql) -> Sql:
    if value.kind == "mv":
        gathered = f"flatten({argument.call(f'list({value.text})', f'{value.text} IS NOT NULL')})"
        return Sql(f"list_sort(list_distinct({gathered}))", "mv")
    return Sql(f"list_sort({argument.call(f'list(DISTINCT {as_str(value)})', f'{value.text} IS NOT NULL')})", "mv")


def _list(argument: Argument, value: Sql) -> Sql:
    order = f" ORDER BY {argument.relation.order}" if argument.relation.order and not argument.over else ""
    gathered = argument.call(f"list({_element(value)}{order})", f"{value.text} IS NOT NULL")
    if value.kind == "mv":
        gathered = f"flatten({gathered})"
    return Sql(f"list_slice({gathered}, 1, {_LIST_LIMIT})", "mv")


def _element(value: Sql) -> str:
    return value.text if value.kind == "mv" else as_str(value)


def _first(function: str) -> Rule:
    def rule(argument: Argument, value: Sql) -> Sql:
        if argument.over:
            return _moment(Sql(f"{function}_value({value.text} IGNORE NULLS){argument.over}", value.kind))
        ordered = f" ORDER BY {argument.relation.order}" if argument.relation.order else ""
        return _moment(
            Sql(argument.call(f"{function}({value.text}{ordered})", f"{value.text} IS NOT NULL"), value.kind)
        )

    return rule


def _by_time(function: str) -> Rule:
    def rule(argument: Argument, value: Sql) -> Sql:
        if "_time" not in argument.relation.columns:
            raise NotExecutable("earliest and latest need _time")
        return _moment(Sql(argument.call(f"{function}({value.text}, {_TIME})"), value.kind))

    return rule


def _moment(value: Sql) -> Sql:
    """A time that leaves `_time` is a number."""
    return Sql(f"epoch({value.text})", "num") if value.kind == "time" else value


def _when(function: str) -> Rule:
    def rule(argument: Argument, value: Sql) -> Sql:
        return Sql(f"epoch({argument.call(f'{function}({_TIME})', f'{value.text} IS NOT NULL')})", "num")

    return rule


def _median(argument: Argument, value: Sql) -> Sql:
    """The higher of the middle two, as Splunk documents it."""
    number = as_num(value)
    numbers = argument.call(f"list({number})", f"{number} IS NOT NULL")
    return Sql(f"(list_sort({numbers}))[CAST(floor({argument.call(f'count({number})')} / 2) AS BIGINT) + 1]", "num")


def _mode(argument: Argument, value: Sql) -> Sql:
    return Sql(argument.call(f"mode({value.text})"), value.kind)


_RULES: dict[str, Rule] = {
    "dc": _distinct,
    "distinct_count": _distinct,
    "estdc": _distinct,
    "values": _values,
    "list": _list,
    "first": _first("first"),
    "last": _first("last"),
    "earliest": _by_time("arg_min"),
    "latest": _by_time("arg_max"),
    "earliest_time": _when("min"),
    "latest_time": _when("max"),
    "median": _median,
    "mode": _mode,
}
