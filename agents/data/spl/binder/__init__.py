"""Does every index, lookup, field, function and macro exist? Follows which fields there are after each pipe."""

from __future__ import annotations

from collections.abc import Mapping

from agents.data.spl.ast import Pipeline
from agents.data.spl.binder.commands import bind_commands
from agents.data.spl.binder.context import Binding
from agents.data.spl.source import Macro, SplError
from shared.catalog import Catalog


def bind_pipeline(pipeline: Pipeline, catalog: Catalog | None, macros: Mapping[str, Macro]) -> list[SplError]:
    """Every problem found, in the order of the text. catalog: None checks only what needs none (no index is wrong,
    base searches have unknown fields, unknown macros are let pass)."""
    binding = Binding(catalog, macros)
    bind_commands(binding, pipeline, None)
    return sorted(binding.problems, key=lambda problem: problem.at)
