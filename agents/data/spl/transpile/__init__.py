"""SPL to one DuckDB SELECT, command by command. `to_duckdb` is its whole face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any as Anything

from agents.data.platform import Ask, NotExecutable
from agents.data.spl.ast import Command, Pipeline
from agents.data.spl.transpile import charts, combining, extracting, shaping, stats, templates
from agents.data.spl.transpile.binning import bin_command
from agents.data.spl.transpile.reading import from_source, input_lookup, make_results, search
from agents.data.spl.transpile.relation import Relation, Translation
from shared.catalog import Catalog

Rule = Callable[[Translation, Anything, Anything], Relation]

_READS: dict[str, Rule] = {
    "search": search,
    "inputlookup": input_lookup,
    "makeresults": make_results,
    "from": from_source,
    "datamodel": from_source,
    "tstats": stats.tstats,
    "mstats": stats.tstats,
    "union": combining.union,
    "multisearch": combining.union,
}
_BY_NAME: dict[str, Rule] = {
    "stats": stats.stats,
    "eventstats": stats.eventstats,
    "streamstats": stats.streamstats,
    "chart": charts.chart,
    "timechart": charts.timechart,
    "fields": shaping.fields,
    "table": shaping.fields,
    "fillnull": shaping.fill_null,
    "filldown": shaping.fill_down,
    "addtotals": shaping.add_totals,
    "addcoltotals": shaping.add_totals,
    "reverse": shaping.reverse,
    "rex": extracting.rex,
    "regex": extracting.regex,
    "spath": extracting.spath,
    "makemv": extracting.make_multivalue,
    "mvexpand": extracting.expand,
    "mvcombine": extracting.combine_values,
    "nomv": extracting.join_values,
    "join": combining.join,
    "append": combining.append,
    "appendpipe": combining.append_pipe,
    "appendcols": combining.append_columns,
    "foreach": templates.foreach,
    "return": combining.returned,
    "where": shaping.where,
    "eval": shaping.evaluate,
    "rename": shaping.rename,
    "top": charts.top,
    "rare": charts.top,
    "sort": shaping.sort,
    "dedup": shaping.dedup,
    "head": shaping.head,
    "tail": shaping.head,
    "bin": bin_command,
    "bucket": bin_command,
    "lookup": combining.lookup,
    "transaction": combining.transaction,
    "convert": extracting.conversion,
    "replace": extracting.replace_values,
    "strcat": extracting.words,
    "accum": extracting.words,
    "delta": extracting.words,
    "highlight": extracting.words,
    "format": extracting.words,
    "iconify": extracting.words,
}
EXECUTABLE = frozenset(_READS) | frozenset(_BY_NAME)


def to_duckdb(pipeline: Pipeline, catalog: Catalog, ask: Ask | None = None) -> str:
    """One SELECT that computes the search's rows, over tables named as the catalog's. Raises NotExecutable.

    ask: runs a SELECT over those tables, for the commands whose columns depend on the rows.
    """
    translation = Translation(catalog, ask)
    translation.run = lambda inner, rows: _run(translation, inner, rows)
    return translation.finish(_run(translation, pipeline, None))


def _run(t: Translation, pipeline: Pipeline, relation: Relation | None) -> Relation:
    for command in pipeline.commands:
        relation = _step(t, relation, command)
    assert relation is not None, "a pipeline has at least one command"
    return relation


def _step(t: Translation, relation: Relation | None, command: Command) -> Relation:
    if command.name in _READS:
        return _READS[command.name](t, relation, command)
    rule = _BY_NAME.get(command.name)
    if rule is None:
        raise NotExecutable(f"the command {command.name} is not translated")
    if relation is None:
        raise NotExecutable(f"'{command.name}' has no rows to work on")
    return rule(t, relation, command)
