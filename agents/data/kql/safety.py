"""What a KQL query may not do: leave the schema group, call out, or run a command.

Functions are judged by name wherever they are called, so that comments, brackets (`['cluster']`) and nesting hide
nothing. Plugins are allowed by list: an unknown one may run code or open a connection.
"""

from __future__ import annotations

from typing import Any

from agents.data.kql.analysis import Analysis
from agents.data.kql.bounds import unbounded
from agents.data.kql.problems import problem_at
from shared.catalog import Catalog
from shared.models import Problem

# Pure plugins: they reshape or score the rows they are given. Source: Kusto's plugin reference.
_PURE = """activity_counts_metrics activity_engagement activity_metrics active_users_count autocluster bag_unpack basket
    dcount_intersect diffpatterns diffpatterns_text funnel_sequence funnel_sequence_completion geo_line_simplify
    ipv4_lookup ipv6_lookup narrow
    new_activity_metrics pivot preview rolling_percentile rows_near schema_merge sequence_detect session_count
    sliding_window_counts"""
PURE_PLUGINS = frozenset(_PURE.split())
# Functions that reach other clusters, databases, workspaces, storage or stored state.
_OUTSIDE = """adx app arg cluster database entity_group external_table graph materialized_view resource
    stored_query_result workspace"""
OUTSIDE = frozenset(_OUTSIDE.split())
_NODES = {
    "ExternalDataExpression": ("external_data", "externaldata reads from outside the schema group"),
    "InlineExternalTableExpression": ("external_data", "an inline external table reads from outside"),
    "ExecuteAndCacheOperator": ("control_command", "execute_and_cache stores rows"),
    "MacroExpandOperator": ("cross_reference", "macro-expand reaches other databases"),
    "AliasStatement": ("cross_reference", "alias names another database"),
    "PatternStatement": ("cross_reference", "declare pattern stands for databases and what they hold"),
    "RestrictStatement": ("access_control", "restrict changes what the rest of the query may see"),
    "DirectiveBlock": ("directive", "a directive changes the connection"),
    "Directive": ("directive", "a directive changes the connection"),
}
# Client request properties that a query may set: they say what it means. Others lift the service's limits or its rules.
_OPTIONS = """best_effort query_bin_auto_at query_bin_auto_size query_datascope query_datetimescope_column
    query_datetimescope_from query_datetimescope_to query_now query_results_cache_max_age query_take_max_records"""
OPTIONS = frozenset(_OPTIONS.split())


def problems_of(analysis: Analysis, query: str) -> list[Problem]:
    """Every reason not to run the query, in the order of the text."""
    if analysis.is_command:
        return [problem_at("control_command", "a control command is not a query: only reading is allowed", query, 0)]
    found = [
        *_forbidden_nodes(analysis, query),
        *_forbidden_calls(analysis, query),
        *_options(analysis, query),
        *unbounded(analysis, query),
    ]
    return sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))


def _forbidden_nodes(analysis: Analysis, query: str) -> list[Problem]:
    return [
        problem_at(code, message, query, int(node.TextStart))
        for kind, (code, message) in _NODES.items()
        for node in analysis.nodes(kind)
    ]


def _forbidden_calls(analysis: Analysis, query: str) -> list[Problem]:
    problems = []
    plugins = [node.FunctionCall for node in analysis.nodes("EvaluateOperator")]
    for call in plugins:
        if (name := _name(call)) not in PURE_PLUGINS:
            text = f"the plugin '{name}' may run code or reach outside; allowed are those that only reshape rows"
            problems.append(problem_at("plugin", text, query, int(call.TextStart)))
    for call in analysis.called():
        if (name := _name(call)) in OUTSIDE:
            text = f"{name}() reaches outside the schema group"
            problems.append(problem_at("cross_reference", text, query, int(call.TextStart)))
    return problems


def _options(analysis: Analysis, query: str) -> list[Problem]:
    return [
        problem_at("lifted_limit", f"set {name} may lift a limit of the service", query, int(node.TextStart))
        for node in analysis.nodes("SetOptionStatement")
        if (name := str(node.Name.SimpleName)).lower() not in OPTIONS
    ]


def not_judged(analysis: Analysis, query: str, catalog: Catalog) -> list[Problem]:
    """Functions of the catalog that are still called by name, after those that were seen were written before the query:
    nobody has looked at what they do."""
    written = {function.name for function in catalog.functions if function.body}
    problems = []
    for node in analysis.nodes("NameReference") if written else ():
        symbol = node.ReferencedSymbol
        stored = symbol is not None and str(symbol.Kind) == "Function" and analysis.code.Globals.GetDatabase(symbol)
        if stored and str(symbol.Name) in written:
            text = f"what the function '{symbol.Name}' does can't be judged where it is called"
            problems.append(problem_at("not_judged", text, query, int(node.TextStart)))
    return problems


def _name(call: Any) -> str:
    return str(call.Name.SimpleName)
