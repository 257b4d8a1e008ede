"""chart, timechart, top and rare: rows by one field, a column for each value of another."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from dataclasses import replace

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Aggregate, Aggregation, FieldRef, Top
from agents.data.spl.functions import TIME_CHART_ONLY
from agents.data.spl.transpile.binning import chosen_span
from agents.data.spl.transpile.relation import Relation, Translation
from agents.data.spl.transpile.stats import grouped, outputs
from agents.data.spl.transpile.steps import field
from agents.data.spl.transpile.times import Span
from agents.data.spl.transpile.values import Kind, Sql, as_str, quote, string

_COUNTS = ("count", "c", "dc", "distinct_count", "estdc")
_MOST_BUCKETS = 50_000  # Splunk's own limit of a chart's rows
_PER_SECONDS = {"per_second": 1, "per_minute": 60, "per_hour": 3600, "per_day": 86400}
_SERIES, _VALUE = "#series", "#value"

# Whether columns may come from the rows' values, by DuckDB's PIVOT. DuckDB calls such a statement MULTI, not SELECT, so
# this needs a sandbox that takes it; without, only fields whose values the catalog lists can become columns.
SERIES_FROM_ROWS = False
_UNSUPPORTED = frozenset(("start", "end", "minspan", "aligntime", "format", "sep", "agg", "otherstr", "nullstr"))
_NULL, _OTHER = "NULL", "OTHER"


def timechart(t: Translation, relation: Relation, command: Aggregate) -> Relation:
    _supported(command)
    size = chosen_span(relation, command.option("span"), int(command.option("bins", "100")))
    binned = t.with_columns(relation, {"_time": Sql(size.bucket(field(relation, FieldRef("_time", 0)).text), "time")})
    items = [_rate(item, size) for item in command.aggregations]
    if not command.by:
        result = grouped(t, binned, ["_time"], [item for item, _ in items])
        result = _divided(t, result, items)
    else:
        if any(divisor for _, divisor in items):
            raise NotExecutable("per_second and its kin are translated without by")
        result = pivoted(t, binned, "_time", command.by[0].name, command)
    if command.option("cont", "t").lower() in ("f", "false"):
        return result
    only_counts = all(item.function in _COUNTS for item in command.aggregations)
    filled = _continuous(t, result, relation, size, only_counts)
    if command.by or only_counts:
        return filled
    counts = {item.output for item in command.aggregations if item.function in _COUNTS}
    zeros = {name: Sql(f"coalesce({quote(name)}, 0)", filled.columns[name]) for name in counts}
    return t.with_columns(filled, zeros) if zeros else filled


def _supported(command: Aggregate) -> None:
    if found := command.options.keys() & _UNSUPPORTED:
        raise NotExecutable(f"{command.name}'s option {sorted(found)[0]} is not translated")


def _rate(item: Aggregation, size: Span) -> tuple[Aggregation, float | None]:
    """per_hour(x) is the sum of x over a bucket's hours."""
    if item.function not in TIME_CHART_ONLY:
        return item, None
    if size.seconds is None:
        raise NotExecutable(f"{item.function} needs a span of days or less")
    summed = Aggregation("sum", item.argument, FieldRef(item.output, item.at), item.at, item.text)
    return summed, size.seconds / _PER_SECONDS[item.function]


def _divided(t: Translation, result: Relation, items: list[tuple[Aggregation, float | None]]) -> Relation:
    changes = {item.output: Sql(f"({quote(item.output)} / {by})", "num") for item, by in items if by}
    return t.with_columns(result, changes) if changes else result


def _continuous(t: Translation, result: Relation, events: Relation, size: Span, zero: bool) -> Relation:
    """A row for every bucket of the range, also where nothing happened."""
    time = quote("_time")
    low = size.bucket(events.low) if events.low else f"(SELECT min({time}) FROM {result.name})"
    high = (
        size.bucket(f"({events.high} - INTERVAL '1 microsecond')")
        if events.high
        else f"(SELECT max({time}) FROM {result.name})"
    )
    high = f"least({high}, {low} + {_MOST_BUCKETS} * {size.interval})"
    buckets = t.add(f"SELECT unnest(generate_series({low}, {high}, {size.interval})) AS {time}")
    rest = _cells(result, zero)
    sql = f"SELECT b.{time}, {rest} FROM {buckets} AS b LEFT JOIN {result.name} AS v ON b.{time} = v.{time}"
    return replace(t.step(result, sql), order=time)


def _cells(result: Relation, zero: bool) -> str:
    """Every column but the time; counts are 0 where nothing happened."""
    time = quote("_time")
    if result.open:
        return f"coalesce(COLUMNS(v.* EXCLUDE ({time})), 0)" if zero else f"v.* EXCLUDE ({time})"
    names = [quote(name) for name in result.columns if name != "_time"]
    return ", ".join(f"coalesce(v.{name}, 0) AS {name}" if zero else f"v.{name}" for name in names)


def chart(t: Translation, relation: Relation, command: Aggregate) -> Relation:
    _supported(command)
    if command.option("span"):
        raise NotExecutable("chart's span is translated as bin before it")
    keys = [*([command.over] if command.over else []), *command.by]
    if len(keys) > 2:
        raise NotExecutable("chart takes at most two fields")
    if len(keys) < 2:
        return grouped(t, relation, [key.name for key in keys], command.aggregations)
    return pivoted(t, relation, keys[0].name, keys[1].name, command)


def pivoted(t: Translation, relation: Relation, row: str, series: str, command: Aggregate) -> Relation:
    """A column for each value of `series` (the ten largest, then OTHER), one row for each value of `row`."""
    listed = _listed(relation, series)
    named = _with_series(t, relation, series, command, listed)
    long = grouped(t, named, [row, _SERIES], command.aggregations)
    values = [name for name in long.columns if name not in (row, _SERIES)]
    selects = []
    for name in values:
        label = quote(_SERIES) if len(values) == 1 else f"{string(name + ': ')} || {quote(_SERIES)}"
        value = f"CAST({quote(name)} AS DOUBLE)" if long.columns[name] in ("int", "num") else quote(name)
        selects.append(f"SELECT {quote(row)}, {label} AS {quote(_SERIES)}, {value} AS {quote(_VALUE)} FROM {long.name}")
    cells = t.add(" UNION ALL ".join(selects))
    zero = all(item.function in _COUNTS for item in command.aggregations)
    return _pivot(t, cells, row, long.columns[row], _labels(listed, values), zero)


def _labels(listed: list[str] | None, outputs: list[str]) -> list[str] | None:
    if listed is None:
        return None
    names = [*listed, _NULL, _OTHER]
    return names if len(outputs) == 1 else [f"{output}: {name}" for output in outputs for name in names]


def _with_series(
    t: Translation, relation: Relation, series: str, command: Aggregate, listed: list[str] | None
) -> Relation:
    """The series of each event: its value, NULL where it has none, OTHER beyond the limit or the listed ones."""
    text = as_str(field(relation, FieldRef(series, 0)))
    limit = command.option("limit", "10").removeprefix("top").strip()
    if not limit.isdigit():
        raise NotExecutable(f"limit={limit} is not translated")
    other = string(_OTHER) if command.flag("useother", True) else "NULL"
    cases = f" WHEN {text} IS NULL THEN {string(_NULL) if command.flag('usenull', True) else 'NULL'}"
    if listed is not None:
        cases += f" WHEN {text} NOT IN ({', '.join(map(string, listed))}) THEN {other}"
    if int(limit):
        names = t.add(
            f"SELECT {text} AS name FROM {relation.name} WHERE {text} IS NOT NULL GROUP BY 1 "
            f"ORDER BY {_rank(t, relation, command)} DESC NULLS LAST, 1 LIMIT {limit}"
        )
        cases += f" WHEN {text} NOT IN (SELECT name FROM {names}) THEN {other}"
    return t.with_columns(relation, {_SERIES: Sql(f"(CASE{cases} ELSE {text} END)", "str")})


def _rank(t: Translation, relation: Relation, command: Aggregate) -> str:
    """Series are chosen by the sum of their values; for counts and sums that is the total."""
    if len(command.aggregations) != 1 or command.aggregations[0].function not in ("count", "c", "sum"):
        return "count(*)"
    return outputs(t, relation, command.aggregations)[0].sql.text


def _listed(relation: Relation, series: str) -> list[str] | None:
    """The values the catalog lists for the field; None where the rows may say. Raises NotExecutable for neither."""
    if SERIES_FROM_ROWS:
        return None
    values = sorted(relation.values.get(series, []))
    if not values:
        raise NotExecutable(f"the columns depend on which values '{series}' has; the catalog does not list them")
    return values


def _pivot(t: Translation, cells: str, row: str, kind: Kind, labels: list[str] | None, zero: bool) -> Relation:
    if labels is None:
        value = f"any_value({quote(_VALUE)})"
        using = f"coalesce({value}, 0)" if zero else value
        # DuckDB reads the values in a query of its own, which sees no outer WITH: the source brings its steps along.
        source = f"({t.with_steps(f'SELECT * FROM {cells}')})"
        pivot = f"PIVOT {source} ON {quote(_SERIES)} USING {using} GROUP BY {quote(row)}"
        return replace(t.fresh(f"SELECT * FROM ({pivot})", {row: kind}, quote(row)), open=True)
    items = []
    columns: dict[str, Kind] = {row: kind}
    for label in labels:
        cell = f"any_value({quote(_VALUE)}) FILTER (WHERE {quote(_SERIES)} = {string(label)})"
        items.append(f"{f'coalesce({cell}, 0)' if zero else cell} AS {quote(label)}")
        columns[label] = "num"
    sql = f"SELECT {', '.join([quote(row), *items])} FROM {cells} GROUP BY {quote(row)}"
    return t.fresh(sql, columns, quote(row))


def top(t: Translation, relation: Relation, command: Top) -> Relation:
    """The most (or, for rare, least) frequent combinations, with their count and share."""
    keys = [key.name for key in command.by]
    names = [*keys, *(item.name for item in command.fields)]
    count, percent = command.option("countfield", "count"), command.option("percentfield", "percent")
    counting = Aggregation("count", None, FieldRef(count, 0), 0, "count")
    counted = grouped(t, relation, names, [counting])
    within = f"PARTITION BY {', '.join(map(quote, keys))}" if keys else ""
    direction = "DESC" if command.name == "top" else "ASC"
    fields = ", ".join(quote(item.name) for item in command.fields)
    share = f"round({quote(count)} * 100.0 / sum({quote(count)}) OVER ({within}), 6)"
    place = f"row_number() OVER ({within} ORDER BY {quote(count)} {direction}, {fields})"
    kept = f" QUALIFY {place} <= {command.limit}" if command.limit else ""
    shown = [*names]
    columns: dict[str, Kind] = {name: counted.columns[name] for name in names}
    if command.flag("showcount", True):
        columns[count] = "int"
    if command.flag("showperc", True):
        columns[percent] = "num"
    items = [quote(name) for name in [*shown, count]]
    sql = f'SELECT {", ".join(items)}, {share} AS {quote(percent)}, {place} AS "#" FROM {counted.name}{kept}'
    result = t.fresh(sql, columns, ", ".join([*map(quote, keys), '"#"']))
    return replace(result, pinned=True)
