"""chart, timechart, top and rare: rows by one field, and counts of values."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from dataclasses import replace

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Aggregate, Aggregation, FieldRef, Top
from agents.data.spl.functions import TIME_CHART_ONLY
from agents.data.spl.transpile.binning import binned, chosen_span
from agents.data.spl.transpile.pivoting import COUNTS, pivoted
from agents.data.spl.transpile.relation import Relation, Translation
from agents.data.spl.transpile.stats import grouped
from agents.data.spl.transpile.steps import field, needs_time
from agents.data.spl.transpile.times import Span
from agents.data.spl.transpile.values import Kind, Sql, quote, whole

_MOST_BUCKETS = 50_000  # Splunk's own limit of a chart's rows
_PER_SECONDS = {"per_second": 1, "per_minute": 60, "per_hour": 3600, "per_day": 86400}
_UNSUPPORTED = frozenset(("start", "end", "minspan", "aligntime", "agg", "partial", "dedup_splitvals"))


def timechart(t: Translation, relation: Relation, command: Aggregate) -> Relation:
    _supported(command)
    needs_time(relation, "timechart")
    size = chosen_span(relation, command.option("span"), whole(command.option("bins", "100")))
    slotted = t.with_columns(relation, {"_time": Sql(size.bucket(field(relation, FieldRef("_time", 0)).text), "time")})
    rated = [_rate(item, size) for item in command.aggregations]
    rates = {item.output: divisor for item, divisor in rated if divisor}
    summed = replace(command, aggregations=[item for item, _ in rated])
    if command.by:
        series = command.by[0].name
        slotted = _spanned(t, slotted, series, command)
        result = pivoted(t, slotted, "_time", series, summed, lambda cells: _divided(t, cells, rates))
        counts = set(result.columns) if all(item.function in COUNTS for item in command.aggregations) else set()
    else:
        result = _divided(t, grouped(t, slotted, ["_time"], summed.aggregations), rates)
        counts = {item.output for item in command.aggregations if item.function in COUNTS}
    if command.option("cont", "t").lower() in ("f", "false"):
        return result
    return _continuous(t, result, relation, size, counts)


def _supported(command: Aggregate) -> None:
    if found := command.options.keys() & _UNSUPPORTED:
        raise NotExecutable(f"{command.name}'s option {sorted(found)[0]} is not translated")
    if command.option("fixedrange", "t").lower() in ("f", "false", "0"):
        raise NotExecutable("timechart's fixedrange=f is not translated")
    if command.name == "timechart" and len(command.by) > 1:
        raise NotExecutable("timechart takes one field after by")


def _rate(item: Aggregation, size: Span) -> tuple[Aggregation, float | None]:
    """per_hour(x) is the sum of x over a bucket's hours."""
    if item.function not in TIME_CHART_ONLY:
        return item, None
    if size.seconds is None:
        raise NotExecutable(f"{item.function} needs a span of days or less")
    summed = Aggregation("sum", item.argument, FieldRef(item.output, item.at), item.at, item.text)
    return summed, size.seconds / _PER_SECONDS[item.function]


def _divided(t: Translation, cells: Relation, rates: dict[str, float]) -> Relation:
    changes = {name: Sql(f"({quote(name)} / {by})", "num") for name, by in rates.items()}
    return t.with_columns(cells, changes) if changes else cells


def _continuous(t: Translation, result: Relation, events: Relation, size: Span, counts: set[str]) -> Relation:
    """A row for every bucket of the range, also where nothing happened: counts are 0 there."""
    time = quote("_time")
    low = size.bucket(events.low or f"(SELECT min({time}) FROM {events.name})")
    last = f"({events.high} - INTERVAL '1 microsecond')" if events.high else f"(SELECT max({time}) FROM {events.name})"
    high = size.bucket(last)
    high = f"least({high}, {low} + {_MOST_BUCKETS} * {size.interval})"
    buckets = t.add(f"SELECT unnest(generate_series({low}, {high}, {size.interval})) AS {time}")
    items = [f"b.{time}"]
    for name in result.columns:
        cell = f"v.{quote(name)}"
        if name != "_time":
            items.append(f"coalesce({cell}, 0) AS {quote(name)}" if name in counts else cell)
    sql = f"SELECT {', '.join(items)} FROM {buckets} AS b LEFT JOIN {result.name} AS v ON b.{time} = v.{time}"
    return replace(t.step(result, sql), order=time)


def chart(t: Translation, relation: Relation, command: Aggregate) -> Relation:
    _supported(command)
    keys = [*([command.over] if command.over else []), *command.by]
    if len(keys) > 2:
        raise NotExecutable("chart takes at most two fields")
    for key in keys:
        relation = _spanned(t, relation, key.name, command)
    if keys and {"span", "bins"} & command.options.keys():
        relation = binned(t, relation, keys[0], None, command.options)
    if len(keys) < 2:
        return grouped(t, relation, [key.name for key in keys], command.aggregations)
    return pivoted(t, relation, keys[0].name, keys[1].name, command)


def _spanned(t: Translation, relation: Relation, name: str, command: Aggregate) -> Relation:
    """`by bytes span=100`: the field in ranges."""
    if name not in command.spans:
        return relation
    return binned(t, relation, FieldRef(name, 0), None, {"span": command.spans[name]})


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
