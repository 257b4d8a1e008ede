"""Watchlists: the sandbox holds each as a table of its name, so a call of `_GetWatchlist` becomes that name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.data.kql.analysis import Analysis
from agents.data.kql.declared import WATCHLIST, watchlists
from agents.data.kql.problems import problem_at
from agents.data.kql.rewriting.edits import Edit, Source, items, named, nodes_in, replaced
from agents.data.names import nearest_name
from agents.data.platform import NotExecutable
from shared.catalog import Catalog
from shared.models import Problem


def read_as_table(call: Any, source: Source) -> Iterator[Edit]:
    if str(call.Name.SimpleName) != WATCHLIST:
        return
    name = watchlist_of(call)
    if name is None:
        raise NotExecutable("which watchlist it reads is worked out when it runs")
    yield replaced(call, named(name))


def watchlist_of(call: Any) -> str | None:
    """The name in a call of `_GetWatchlist`, where it is a constant."""
    arguments = items(call.ArgumentList.Expressions)
    value = arguments[0].ConstantValue if arguments and arguments[0].IsConstant else None
    return str(value) if value is not None else None


def unknown_watchlists(analysis: Analysis, query: str, catalog: Catalog) -> list[Problem]:
    """Calls that name a watchlist which the catalog does not declare."""
    known = [table.name for table in watchlists(catalog)]
    problems = []
    for call in analysis.called() if known else ():
        name = watchlist_of(call) if str(call.Name.SimpleName) == WATCHLIST else None
        if name is not None and name not in known:
            message = f"unknown watchlist '{name}'"
            near = nearest_name(name, known)
            problems.append(problem_at("unknown_watchlist", message, query, _argument_start(call), near))
    return problems


def _argument_start(call: Any) -> int:
    return int(items(call.ArgumentList.Expressions)[0].TextStart)


def renamed(let: Any, source: Source) -> Iterator[Edit]:
    """`let hosts = _GetWatchlist('hosts')`: DuckDB would take the name within for the let itself."""
    name = str(let.Name.SimpleName)
    calls = [call for call in nodes_in(let, "FunctionCallExpression") if str(call.Name.SimpleName) == WATCHLIST]
    if name not in [watchlist_of(call) for call in calls]:
        return
    other = f"{name}_rows"
    yield replaced(let.Name, other)
    root = let
    while root.Parent is not None:
        root = root.Parent
    for reference in nodes_in(root, "NameReference"):
        symbol = reference.ReferencedSymbol
        after = int(reference.TextStart) >= int(let.End)
        if after and str(reference.SimpleName) == name and symbol is not None and str(symbol.Kind) == "Variable":
            yield replaced(reference, other)
