"""The columns of `chart ... by` and `timechart ... by`: one for each value of a field, which only the rows know."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

import re
from collections.abc import Callable

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Aggregate, FieldRef
from agents.data.spl.transpile.relation import Relation, Translation
from agents.data.spl.transpile.stats import grouped
from agents.data.spl.transpile.steps import ensured, expanded, field
from agents.data.spl.transpile.values import Kind, Sql, as_num, as_str, is_number, quote, string, whole

COUNTS = frozenset(("count", "c", "dc", "distinct_count", "estdc"))
_SERIES = "#series"
_LIMIT = re.compile(r"(top|bottom)?\s*(\d+)")
_OVER_CELLS = {"sum": "sum", "count": "count", "avg": "avg", "mean": "avg", "max": "max", "min": "min"}


def pivoted(
    t: Translation,
    relation: Relation,
    row: str,
    series: str,
    command: Aggregate,
    adjust: Callable[[Relation], Relation] = lambda cells: cells,
) -> Relation:
    """One row for each value of `row`, a column for each value of `series`; adjust: changes the cells, once grouped.

    The values beyond the limit become OTHER and events without the field NULL, where there are any. Raises
    NotExecutable where no rows can be asked for the values.
    """
    relation = expanded(t, ensured(t, relation, [row, series]), [series])
    text = as_str(field(relation, FieldRef(series, 0)))
    null, other = command.option("nullstr", "NULL"), command.option("otherstr", "OTHER")
    kept = _kept(t, t.with_columns(relation, {_SERIES: Sql(text, "str")}), row, command)
    cases = f" WHEN {text} IS NULL THEN {string(null) if command.flag('usenull', True) else 'NULL'}"
    if kept:
        beyond = string(other) if command.flag("useother", True) else "NULL"
        cases += f" WHEN {text} NOT IN (SELECT name FROM {kept}) THEN {beyond}"
    labelled = t.with_columns(relation, {_SERIES: Sql(f"(CASE{cases} ELSE {text} END)", "str")})
    cells = adjust(grouped(t, labelled, [row, _SERIES], command.aggregations))
    shown = " OR ".join(_shown(name, command) for name in cells.columns if name not in (row, _SERIES))
    values = f"SELECT DISTINCT {quote(_SERIES)} FROM {cells.name} WHERE {shown}"
    names = in_order(t.asked(values), last=(null, other))
    return _columns(t, cells, row, names, command)


def _shown(output: str, command: Aggregate) -> str:
    """A cell for which its series gets a column: a count above 0, or any value."""
    counts = {item.output for item in command.aggregations if item.function in COUNTS}
    return f"{quote(output)} > 0" if output in counts else f"{quote(output)} IS NOT NULL"


def in_order(names: list[str], last: tuple[str, ...] = ()) -> list[str]:
    """As columns stand: numbers by value, then text, then these."""
    return sorted(names, key=lambda name: (last.index(name) if name in last else -1, *_natural(name)))


def _natural(name: str) -> tuple[int, float, str]:
    """Numbers by value, before text."""
    return (0, float(name), name) if is_number(name) else (1, 0.0, name)


def _columns(t: Translation, cells: Relation, row: str, names: list[str], command: Aggregate) -> Relation:
    outputs = [name for name in cells.columns if name not in (row, _SERIES)]
    functions = {item.output: item.function for item in command.aggregations}
    columns: dict[str, Kind] = {row: cells.columns[row]}
    items = [quote(row)]
    for output in outputs:
        for name in names:
            label = name if len(outputs) == 1 else _label(command, output, name)
            cell = f"any_value({quote(output)}) FILTER (WHERE {quote(_SERIES)} = {string(name)})"
            zero = functions.get(output) in COUNTS
            items.append(f"{f'coalesce({cell}, 0)' if zero else cell} AS {quote(label)}")
            columns[label] = cells.columns[output]
    sql = f"SELECT {', '.join(items)} FROM {cells.name} GROUP BY {quote(row)}"
    return t.fresh(sql, columns, quote(row), open=True)


def _label(command: Aggregate, output: str, name: str) -> str:
    """`count: web1`, as sep and format say."""
    form = command.option("format", f"$AGG${command.option('sep', ': ')}$VAL$")
    return form.replace("$AGG$", output).replace("$VAL$", name)


def _kept(t: Translation, relation: Relation, row: str, command: Aggregate) -> str:
    """A step with the series that get a column of their own; empty for all of them.

    A series ranks by the sum of its cells; with several functions, by how often its value occurs; ties by name.
    """
    order, where = "DESC", ""
    found = _LIMIT.fullmatch(command.option("limit", "10").strip().lower())
    if command.series is not None:
        function = _OVER_CELLS.get(command.series.function)
        if function is None:
            raise NotExecutable(f"series chosen by their {command.series.function} are not translated")
        score = f"{function}(score)"
        found = _LIMIT.fullmatch(command.series.value.lower())
        if command.series.comparison in ("<", ">"):
            if not is_number(command.series.value):
                raise NotExecutable(f"series are compared with numbers, not '{command.series.value}'")
            where, found = f" HAVING {score} {command.series.comparison} {command.series.value}", None
        elif command.series.comparison == "notin":
            raise NotExecutable("series chosen by NOTIN are not translated")
    else:
        score = "sum(score)"
    if not where and (found is None or whole(found.group(2)) == 0):
        if found is None:
            raise NotExecutable("the series' limit must be a number, topN or bottomN")
        return ""
    if found and found.group(1) == "bottom":
        order = "ASC"
    scores = _scores(t, relation, row, command)
    limit = f" LIMIT {found.group(2)}" if found and not where else ""
    return t.add(f"SELECT name FROM {scores} GROUP BY name{where} ORDER BY {score} {order} NULLS LAST, name{limit}")


def _scores(t: Translation, relation: Relation, row: str, command: Aggregate) -> str:
    """A step with the cells of each series: its name and score."""
    series = quote(_SERIES)
    if len(command.aggregations) > 1:
        return t.add(f"SELECT {series} AS name, 1 AS score FROM {relation.name} WHERE {series} IS NOT NULL")
    cells = grouped(t, relation, [row, _SERIES], command.aggregations)
    outputs = [Sql(quote(name), kind) for name, kind in cells.columns.items() if name not in (row, _SERIES)]
    score = as_num(outputs[0]) if outputs else "0"
    return t.add(f"SELECT {series} AS name, {score} AS score FROM {cells.name}")
