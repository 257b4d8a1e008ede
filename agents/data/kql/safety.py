"""What a KQL query may not do: leave the schema group, call out, or run a command.

Functions are judged by name wherever they are called, so that comments, brackets (`['cluster']`) and nesting hide
nothing. Plugins are allowed by list: an unknown one may run code or open a connection.
"""

from __future__ import annotations

from typing import Any

from agents.data.kql.analysis import Analysis
from agents.data.proof import position
from shared.models import Problem

# Pure plugins: they reshape or score the rows they are given. Source: Kusto's plugin reference.
_PURE = """activity_counts_metrics activity_engagement activity_metrics active_users_count autocluster bag_unpack basket
    dcount_intersect diffpatterns diffpatterns_text funnel_sequence funnel_sequence_completion geo_line_simplify narrow
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
    "RestrictStatement": ("access_control", "restrict changes what the rest of the query may see"),
    "DirectiveBlock": ("directive", "a directive changes the connection"),
    "Directive": ("directive", "a directive changes the connection"),
}
# Client request properties that lift the service's own limits.
LIFTED = frozenset(("notruncation", "norequesttimeout", "truncationmaxsize", "truncationmaxrecords", "servertimeout"))


def problems_of(analysis: Analysis, query: str) -> list[Problem]:
    """Every reason not to run the query, in the order of the text."""
    if analysis.is_command:
        return [_problem("control_command", "a control command is not a query: only reading is allowed", query, 0)]
    found = [*_forbidden_nodes(analysis, query), *_forbidden_calls(analysis, query), *_options(analysis, query)]
    return sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))


def _forbidden_nodes(analysis: Analysis, query: str) -> list[Problem]:
    return [
        _problem(code, message, query, int(node.TextStart))
        for kind, (code, message) in _NODES.items()
        for node in analysis.nodes(kind)
    ]


def _forbidden_calls(analysis: Analysis, query: str) -> list[Problem]:
    problems = []
    plugins = [node.FunctionCall for node in analysis.nodes("EvaluateOperator")]
    for call in plugins:
        if (name := _name(call)) not in PURE_PLUGINS:
            text = f"the plugin '{name}' may run code or reach outside; allowed are those that only reshape rows"
            problems.append(_problem("plugin", text, query, int(call.TextStart)))
    for call in analysis.called():
        if (name := _name(call)) in OUTSIDE:
            text = f"{name}() reaches outside the schema group"
            problems.append(_problem("cross_reference", text, query, int(call.TextStart)))
    return problems


def _options(analysis: Analysis, query: str) -> list[Problem]:
    return [
        _problem("lifted_limit", f"set {name} lifts a limit", query, int(node.TextStart))
        for node in analysis.nodes("SetOptionStatement")
        if (name := str(node.Name.SimpleName)).lower() in LIFTED
    ]


def _name(call: Any) -> str:
    return str(call.Name.SimpleName)


def _problem(code: str, message: str, query: str, utf16_start: int) -> Problem:
    before = query.encode("utf-16-le")[: 2 * utf16_start].decode("utf-16-le", errors="ignore")
    line, column = position(query, len(before))
    return Problem(code=code, message=message, line=line, column=column)
