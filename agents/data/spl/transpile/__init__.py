"""SPL to one DuckDB SELECT, command by command. `to_duckdb` is its whole face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any as Anything

from agents.data.platform import Ask, NotExecutable
from agents.data.spl.ast import Command, FieldRef, Name, Pipeline
from agents.data.spl.sources import commands, walk
from agents.data.spl.transpile import charts, combining, extracting, reshaping, shaping, stats, templates
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
    "xyseries": reshaping.wide,
    "untable": reshaping.long,
    "uniq": reshaping.without_repeats,
    "fieldformat": reshaping.shown_otherwise,
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
# Options that change the rows and have no translation; without them, or set to false, the command is translated.
_UNTRANSLATED: dict[str, tuple[str, ...]] = {
    "append": ("maxout",),
    "appendcols": ("maxout",),
    "eventstats": ("allnum",),
    "lookup": ("event_time_field",),
    "makemv": ("setsv",),
    "makeresults": ("annotate",),
    "rare": ("useother",),
    "stats": ("allnum", "prestats"),
    "strcat": ("allrequired",),
    "streamstats": ("allnum",),
    "top": ("useother",),
    "union": ("maxout",),
}
# Fields that transaction makes and its translation does not.
_NOT_MADE = frozenset(("closed_txn", "field_match_sum", "linecount"))
EXECUTABLE = frozenset(_READS) | frozenset(_BY_NAME)


def to_duckdb(pipeline: Pipeline, catalog: Catalog, ask: Ask | None = None) -> str:
    """One SELECT that computes the search's rows, over tables named as the catalog's. Raises NotExecutable.

    ask: runs a SELECT over those tables, for the commands whose columns depend on the rows.
    """
    translation = Translation(catalog, ask)
    _translated_whole(pipeline)
    translation.run = lambda inner, rows: _run(translation, inner, rows)
    return translation.finish(_run(translation, pipeline, None))


def _run(t: Translation, pipeline: Pipeline, relation: Relation | None) -> Relation:
    for command in pipeline.commands:
        relation = _step(t, relation, command)
    assert relation is not None, "a pipeline has at least one command"
    return relation


def _translated_whole(pipeline: Pipeline) -> None:
    """Raises NotExecutable for what would be left out silently."""
    used = {node.name for node in walk(pipeline) if isinstance(node, FieldRef | Name)}
    for command in commands(pipeline):
        for option in _UNTRANSLATED.get(command.name, ()):
            if command.option(option, "f").lower() not in ("f", "false", "0"):
                raise NotExecutable(f"{command.name}'s option {option} is not translated")
        if command.name == "transaction" and (missing := used & _NOT_MADE):
            raise NotExecutable(f"transaction is translated without {sorted(missing)[0]}")
    if pipeline.commands[-1].name == "format":
        raise NotExecutable("format is translated in a subsearch only")


def _step(t: Translation, relation: Relation | None, command: Command) -> Relation:
    if command.name in _READS:
        return _READS[command.name](t, relation, command)
    rule = _BY_NAME.get(command.name)
    if rule is None:
        raise NotExecutable(f"the command {command.name} is not translated")
    if relation is None:
        raise NotExecutable(f"'{command.name}' has no rows to work on")
    return rule(t, relation, command)
