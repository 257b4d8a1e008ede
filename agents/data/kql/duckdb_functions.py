"""Functions that duckdb-kql's tables lack: rows for its registries, in its own form, each by Kusto's reference.

A row is added only where DuckDB can give what Kusto gives, null included; `register` leaves alone what duckdb-kql
knows by then.
"""

from __future__ import annotations

from duckdb_kql.translate.functions import AGGREGATE_FUNCTIONS, SCALAR_FUNCTIONS, AggregateSpec, FunctionSpec

_OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"^{_OCTET}(\.{_OCTET}){{{{3}}}}$"


def _once(argument: str, body: str) -> str:
    """An expression of `x` that works the argument out once."""
    return f"list_transform([{argument}], lambda x: {body})[1]"


def _number(text: str) -> str:
    """An IPv4 address as a number; null for anything else."""
    parts = f"list_transform(str_split({text}, '.'), lambda part: CAST(part AS BIGINT))"
    number = f"list_reduce({parts}, lambda a, b: a * 256 + b)"
    return f"CASE WHEN regexp_matches({text}, '{_IPV4}') THEN {number} END"


_PRIVATE = " OR ".join(f"starts_with(x, '{prefix}')" for prefix in ("10.", "192.168."))
_PRIVATE_172 = r"regexp_matches(x, '^172\.(1[6-9]|2\d|3[01])\.')"
_MASK = "CAST(str_split({1}, '/')[2] AS INTEGER)"
_RANGE = _number("str_split({1}, '/')[1]")
_IN_RANGE = f"(({_number('{0}')}) >> (32 - {_MASK})) = (({_RANGE}) >> (32 - {_MASK}))"
_ARRAYS = "CAST(to_json({0}) AS JSON[])", "CAST(to_json({1}) AS JSON[])"


# `type:key` of every entry of a bag, a row each (rewriting/plugins.py).
_KIND = (
    "CASE json_type(json_extract({0}, '/' || replace(replace(key, '~', '~0'), '/', '~1'))) "
    "WHEN 'VARCHAR' THEN 'string' WHEN 'BIGINT' THEN 'long' WHEN 'UBIGINT' THEN 'long' "
    "WHEN 'DOUBLE' THEN 'double' WHEN 'BOOLEAN' THEN 'bool' "
    "ELSE 'dynamic' END"
)
_PAIRS = (
    f"unnest(list_transform(CASE WHEN json_type({{0}}) = 'OBJECT' THEN json_keys({{0}}) ELSE [] END, "
    f"lambda key: {_KIND} || ':' || key))"
)
# A series (rewriting/series.py): the bins from start to stop, and a value for each, from a map of those there are.
_BINS = "generate_series({0}, {1} - INTERVAL 1 microsecond, {2})"
_AT = "lambda bin: CASE WHEN list_contains(map_keys({0}), bin) THEN {0}[bin] ELSE {1} END"


def _scalar(name: str, template: str, *arities: int) -> FunctionSpec:
    return FunctionSpec(name, "template", template, arities)


_SCALARS = (
    _scalar("notempty", "({0} IS NOT NULL AND CAST({0} AS VARCHAR) <> '')", 1),
    _scalar("unixtime_seconds_todatetime", "(to_timestamp({0}) AT TIME ZONE 'UTC')", 1),
    _scalar("unixtime_milliseconds_todatetime", "make_timestamp(CAST({0} AS BIGINT) * 1000)", 1),
    _scalar("unixtime_microseconds_todatetime", "make_timestamp(CAST({0} AS BIGINT))", 1),
    _scalar("bin_at", "time_bucket({1}, {0}, {2})", 3),
    _scalar(
        "ipv4_is_private",
        _once("{0}", f"CASE WHEN regexp_matches(x, '{_IPV4}') THEN {_PRIVATE} OR {_PRIVATE_172} END"),
        1,
    ),
    _scalar("ipv4_is_in_range", f"({_IN_RANGE})", 2),
    _scalar("bag_keys", "(CASE WHEN json_type({0}) = 'OBJECT' THEN to_json(json_keys({0})) END)", 1),
    _scalar("set_union", f"to_json(list_distinct(list_concat({_ARRAYS[0]}, {_ARRAYS[1]})))", 2),
    _scalar("set_intersect", f"to_json(list_distinct(list_intersect({_ARRAYS[0]}, {_ARRAYS[1]})))", 2),
    _scalar(
        "set_difference",
        f"to_json(list_distinct(list_filter({_ARRAYS[0]}, lambda x: NOT list_contains({_ARRAYS[1]}, x))))",
        2,
    ),
    FunctionSpec("pack_dictionary", "template", "json_object({})"),
    _scalar("rand", "random()", 0),
    _scalar("lexiquery_pairs", _PAIRS, 1),
    _scalar(
        "lexiquery_bins",
        f"to_json(list_transform({_BINS}, lambda bin: strftime(bin, '%Y-%m-%dT%H:%M:%S.%f') || '0Z'))",
        3,
    ),
    _scalar(
        "lexiquery_filled",
        f"to_json(list_transform({_BINS.replace('{2}', '{4}').replace('{1}', '{3}').replace('{0}', '{2}')}, {_AT}))",
        5,
    ),
    _scalar(
        "lexiquery_some",
        "(CASE WHEN {0} > 0 THEN true ELSE error('make-series: a group has no row within its range') END)",
        1,
    ),
)
_AGGREGATES = (
    AggregateSpec("lexiquery_map", "map(list({0}), list({1}))", (2,)),
    AggregateSpec("maxif", "max({0}) FILTER (WHERE {1})", (2,)),
    AggregateSpec("minif", "min({0}) FILTER (WHERE {1})", (2,)),
    AggregateSpec("count_distinct", "count(DISTINCT {0})", (1,)),
    AggregateSpec("count_distinctif", "count(DISTINCT {0}) FILTER (WHERE {1})", (2,)),
    AggregateSpec("take_anyif", "any_value({0}) FILTER (WHERE {1})", (2,), name_is_argument=True),
    AggregateSpec("stdevp", "coalesce(stddev_pop({0}), 0.0)", (1,)),
    AggregateSpec("variancep", "coalesce(var_pop({0}), 0.0)", (1,)),
    AggregateSpec(
        "make_list_if",
        "coalesce(list({0}) FILTER (WHERE {0} IS NOT NULL AND {1}), [])",
        (2, 3),
        name_prefix="list",
    ),
    AggregateSpec(
        "make_set_if",
        "to_json(coalesce(list_distinct(flatten(list(CASE WHEN json_type(TRY_CAST({0} AS JSON)) = 'ARRAY' "
        "THEN CAST(to_json({0}) AS JSON[]) ELSE [to_json({0})] END) FILTER (WHERE {0} IS NOT NULL AND {1}))), []))",
        (2, 3),
        name_prefix="set",
    ),
)


def register() -> None:
    """Add the rows that duckdb-kql lacks to its registries, which every translation of this process reads."""
    for scalar in _SCALARS:
        SCALAR_FUNCTIONS.setdefault(scalar.name, scalar)
    for aggregate in _AGGREGATES:
        AGGREGATE_FUNCTIONS.setdefault(aggregate.name, aggregate)
