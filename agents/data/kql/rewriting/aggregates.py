"""Aggregates that give several columns at once, or go by an older name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.data.kql.rewriting.edits import Edit, Source, items, named, names_of, replaced
from agents.data.platform import NotExecutable

_OLDER = {"argmax": ("arg_max", "max_"), "argmin": ("arg_min", "min_")}


def summarized(operator: Any, source: Source) -> Iterator[Edit]:
    edits = [edit for item in items(operator.Aggregates) for edit in _percentiles(item, source)]
    if whole := [item for item in items(operator.Aggregates) if _is_whole_row(item, source)]:
        edits.append(_any_row(operator, whole[0], source))
    older = [item for item in items(operator.Aggregates) if _function(item) in _OLDER]
    if older and not edits:
        edits.append(_renamed(operator, older, source))
    yield from edits


def _percentiles(item: Any, source: Source) -> Iterator[Edit]:
    """`percentiles(x, 5, 95)` is two columns, `percentile_x_5` and `percentile_x_95`."""
    call, names = item, None
    if str(item.Kind) == "CompoundNamedExpression":
        call, names = item.Expression, [source.of(name) for name in items(item.Names.Names)]
    if _function(call) != "percentiles":
        return
    value, *ranks = [source.of(argument) for argument in items(call.ArgumentList.Expressions)]
    given = [f"{name} = " for name in names] if names else [""] * len(ranks)
    if len(given) != len(ranks):
        raise NotExecutable("percentiles with fewer names than values")
    yield replaced(
        item, ", ".join(f"{name}percentile({value}, {rank})" for name, rank in zip(given, ranks, strict=True))
    )


def _is_whole_row(item: Any, source: Source) -> bool:
    return _function(item) in ("take_any", "any") and [
        source.of(one) for one in items(item.ArgumentList.Expressions)
    ] == ["*"]


def _any_row(operator: Any, call: Any, source: Source) -> Edit:
    """`take_any(*)` is any row of the group: the one where its first column is highest. The older `any(*)` calls its
    columns `any_x`."""
    if len(items(operator.Aggregates)) > 1:
        raise NotExecutable("take_any(*) beside other aggregates")
    names, keys = names_of(operator), len(items(operator.ByClause.Expressions)) if operator.ByClause else 0
    prefix = "any_" if _function(call) == "any" else ""
    row = {name: name.removeprefix(prefix) for name in names[keys:]}
    if not row:
        raise NotExecutable("take_any(*) of rows that are grouped by all their columns")
    text, at = source.of(operator), int(call.TextStart) - int(operator.TextStart)
    text = f"{text[:at]}arg_max({named(row[names[keys]])}, *){text[at + len(source.of(call)) :]}"
    shown = [*map(named, names[:keys]), *(f"{named(name)} = {named(own)}" for name, own in row.items())]
    return replaced(operator, f"{text} | project {', '.join(shown)}")


def _renamed(operator: Any, older: list[Any], source: Source) -> Edit:
    """`argmax(t, x)` is `arg_max(t, x)`, but its columns are called `max_t` and `max_t_x`."""
    text, start = source.of(operator), int(operator.TextStart)
    renames = []
    for call in reversed(older):
        name, prefix = _OLDER[_function(call)]
        at = int(call.TextStart) - start
        text = text[:at] + name + text[at + len(_function(call)) :]
        first = source.of(items(call.ArgumentList.Expressions)[0])
        lead = f"{prefix}{first}"
        found = [one for one in names_of(operator) if one == lead or one.startswith(f"{lead}_")]
        renames += [f"{named(one)} = {named(one.removeprefix(lead).removeprefix('_') or first)}" for one in found]
    if len(older) > 1 or not renames:
        raise NotExecutable("several argmax in one summarize")
    return replaced(operator, f"{text} | project-rename {', '.join(renames)}")


def _function(node: Any) -> str:
    return str(node.Name.SimpleName) if str(node.Kind) == "FunctionCallExpression" else ""
