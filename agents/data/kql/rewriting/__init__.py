"""KQL that duckdb-kql can't translate, in KQL that it can.

Microsoft's own parser knows every name, type and output column, so most of what the translation lacks can be said in
what it has: `project-reorder` is a `project` of columns in another order. Each rewriting is an edit of the text at a
place of the syntax tree. Kusto.Language then has to find that the new text binds, and gives the columns the old one
gave; otherwise, and for what can't be said, the query is not executable here. Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agents.data.kql.analysis import Analysis
from agents.data.kql.rewriting import aggregates, columns, lets, plugins, searching, series, watchlists
from agents.data.kql.rewriting.edits import Edit, Source
from agents.data.platform import NotExecutable

Rewriting = Callable[[Any, Source], Iterator[Edit]]

# Syntax class → what to write instead, in stages: a later one reads names and columns that those before make known.
_REWRITINGS: tuple[dict[str, Rewriting], ...] = (
    {"NameDeclaration": columns.quoted, "NameReference": columns.quoted},
    {"LetStatement": watchlists.renamed},
    {"FunctionCallExpression": watchlists.read_as_table},
    {"LetStatement": lets.written_out, "AsOperator": lets.named_by_as},
    {
        "PipeExpression": columns.unwrapped,
        "ExpressionStatement": columns.unwrapped_statement,
        "PathExpression": columns.stepped,
        "ProjectReorderOperator": columns.projected,
        "ProjectKeepOperator": columns.projected,
        "ProjectAwayOperator": columns.projected,
        "MvExpandOperator": columns.expanded,
        "SampleOperator": columns.sampled,
        "SampleDistinctOperator": columns.sampled_distinct,
        "CountOperator": columns.counted,
        "TakeOperator": columns.limited,
        "TopOperator": columns.limited,
        "UnionOperator": columns.united,
        "InExpression": columns.listed,
        "SearchOperator": searching.searched,
        "BinaryExpression": searching.starred,
        "SummarizeOperator": aggregates.summarized,
    },
)
# What Kusto itself would not bind any more, once it is certain that all else does.
_LAST: dict[str, Rewriting] = {"MakeSeriesOperator": series.made_series}
# Each pass rewrites what does not lie within another; people nest a few deep.
_MOST_PASSES = 12


def rewritten(query: str, analyze: Callable[[str], Analysis], ask: plugins.AskKql) -> str:
    """The query as duckdb-kql can translate it, as far as this module can say it. Raises NotExecutable.

    ask: answers a query that this module makes with the values of its first column, for what only the rows can tell.
    """
    original, text = analyze(query), query
    stages = (*_REWRITINGS, {"EvaluateOperator": plugins.evaluated(ask)})
    for _ in range(_MOST_PASSES):
        analysis = analyze(text)
        edits = next((edits for stage in stages if (edits := _edits(stage, analysis, text))), [])
        if not edits:
            _check(text, query, analysis, original)
            return Source(text).edited(_edits(_LAST, analysis, text))
        text = Source(text).edited(edits)
    raise NotExecutable("it is nested too deeply to rewrite")


def _edits(rewritings: dict[str, Rewriting], analysis: Analysis, text: str) -> list[Edit]:
    source = Source(text)
    return [
        edit
        for kind, rewriting in rewritings.items()
        for node in analysis.nodes(kind)
        for edit in rewriting(node, source)
    ]


def _check(text: str, query: str, analysis: Analysis, original: Analysis) -> None:
    if text == query:
        return
    if problems := [*analysis.syntax, *analysis.semantic]:
        raise NotExecutable(f"rewritten for the sandbox it does not bind: {problems[0].message}")
    if original.column_names is not None and analysis.column_names != original.column_names:
        raise NotExecutable("rewritten for the sandbox it gives other columns")
