"""Aggregates as summarize."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agents.data.plan.expressions import Column
from agents.data.plan.model import Aggregate, Measure, Named, Unsayable
from agents.data.plan.to_kql import functions
from agents.data.plan.to_kql.expressions import Scalars
from agents.data.plan.to_kql.text import LONGEST_LINE, WHERE, listed, name

if TYPE_CHECKING:
    from agents.data.plan.to_kql.pipeline import Pipeline


def summarize(pipeline: Pipeline, step: Aggregate, *, closed: bool) -> None:
    """A line for each measure where one line would be long. closed: a later step says which columns there are."""
    scalars = pipeline.scalars()
    groups = [_group(scalars, one) for one in step.groups]
    by = f"by {listed(groups)}" if groups else ""
    if not step.measures:
        plain = all(one.value == Column(name=one.name) for one in step.groups) and all("=" not in one for one in groups)
        pipeline.add(f"distinct {listed(groups)}" if plain else f"summarize {by}")
        return
    found = _Measures(pipeline, scalars, step)
    for one in step.measures:
        found.add(one)
    joined = listed(found.texts)
    if found.texts == ["Count = count()"] and not groups:
        pipeline.add("count")
    elif len(joined) + len(by) > LONGEST_LINE and len(found.texts) > 1:
        pipeline.add("summarize\n    " + ",\n    ".join(found.texts) + (f"\n    {by}" if by else ""))
    else:
        pipeline.add(f"summarize {joined} {by}".rstrip())
    if found.is_renamed or (found.is_rearranged and not closed):
        columns = [name(one.name) for one in step.groups]
        pipeline.add(f"project {listed([*columns, *found.wanted()])}")


def _group(scalars: Scalars, one: Named) -> str:
    """`bin(t, 1h)` is called t by Kusto itself."""
    text = scalars.plain(one.value)
    if (isinstance(one.value, Column) and text == name(one.name)) or text.startswith(f"bin({name(one.name)}, "):
        return text
    return f"{name(one.name)} = {text}"


@dataclass
class _Measures:
    """columns: what each measure is called after summarize, in Kusto's order.

    Kusto's arg_max gives the greatest value and the row's values together, under their columns' names.
    """

    pipeline: Pipeline
    scalars: Scalars
    step: Aggregate
    texts: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    unwanted: bool = False

    @property
    def is_renamed(self) -> bool:
        return any(wanted != column for wanted, column in self.columns.items())

    @property
    def is_rearranged(self) -> bool:
        return self.unwanted or list(self.columns) != [one.name for one in self.step.measures]

    def wanted(self) -> list[str]:
        """The measures as the plan has them, for a projection."""
        columns = [(one.name, self.columns[one.name]) for one in self.step.measures]
        return [name(a) if a == b else f"{name(a)} = {name(b)}" for a, b in columns]

    def add(self, one: Measure) -> None:
        if one.name in self.columns:
            return
        measures = self.step.measures
        extreme: Measure | None = one
        values = [other for other in measures if _goes_with(other, one)]
        if one.function in ("arg_max", "arg_min"):
            values = [other for other in measures if other.function == one.function and other.args[1:] == one.args[1:]]
            extreme = next((other for other in measures if _goes_with(one, other)), None)
        if not values:
            self.texts.append(f"{name(one.name)} = {functions.measure(self.scalars, one).text}")
            self.columns[one.name] = one.name
        elif any(other.where is not None for other in values):
            raise Unsayable("arg_max of some rows only", WHERE)
        else:
            self._row_of(extreme, values)

    def _row_of(self, extreme: Measure | None, values: list[Measure]) -> None:
        args = [values[0].args[1], *(one.args[0] for one in values)]
        call = f"{values[0].function}({listed([self.scalars.arg(arg) for arg in args])})"
        names = [extreme.name if extreme else self.pipeline.new_name("by"), *(one.name for one in values)]
        own = [arg.name for arg in args if isinstance(arg, Column)]
        others = {one.name for one in (*self.step.groups,)} | {one.name for one in self.step.measures} - set(names)
        if len(set(own)) == len(args) and not set(own) & others:
            self.texts.append(call)
        else:
            self.texts.append(f"({listed([name(one) for one in names])}) = {call}")
            own = names
        self.columns |= dict(list(zip(names, own, strict=True))[0 if extreme else 1 :])
        self.unwanted = self.unwanted or extreme is None


def _goes_with(value: Measure, extreme: Measure) -> bool:
    """Whether the one is arg_max by what the other is the greatest of."""
    pairs = {("arg_max", "max"), ("arg_min", "min")}
    return (value.function, extreme.function) in pairs and value.args[1:] == extreme.args and extreme.where is None
