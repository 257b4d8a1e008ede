"""A search cut short after each of its steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.data.platform import Stage
from agents.data.spl.ast import Command, Pipeline, Search, Where
from agents.data.spl.parser import conditions

# Steps that never take the last row away.
_KEEPING = frozenset(
    (
        *("accum", "addcoltotals", "addinfo", "addtotals", "append", "appendcols", "appendpipe", "bin", "bucket"),
        *("convert", "delta", "eval", "eventstats", "fieldformat", "fields", "filldown", "fillnull", "format"),
        *("highlight", "iconify", "lookup", "makemv", "mvcombine", "nomv", "rename", "replace", "reverse", "rex"),
        *("sort", "spath", "strcat", "streamstats", "table"),
    )
)
_INDEX = re.compile(r"\W*index\b", re.IGNORECASE)
_TIMES = re.compile(r"(earliest|latest)\b", re.IGNORECASE)


def stages(text: str, pipeline: Pipeline) -> list[Stage]:
    """After the base search and each `search`, `where` (one condition at a time), `stats` and the like of the main
    pipeline. text: what the pipeline was parsed from."""
    commands = pipeline.commands
    ends = [*(command.at for command in commands[1:]), len(text)]
    found: list[Stage] = []
    for command, end in zip(commands, ends, strict=True):
        written = text[command.at : end].rstrip().removesuffix("|").rstrip()
        found += _of(command, written, text[: command.at], is_base=command is commands[0])
    return found


def _of(command: Command, written: str, before: str, *, is_base: bool) -> Iterator[Stage]:
    if command.name in _KEEPING:
        return
    if not isinstance(command, Search | Where):
        yield Stage(written, before + written)
        return
    # Without its index a search has no rows to begin with.
    found = sorted(conditions(written), key=lambda one: _INDEX.match(one) is None)
    between = " AND " if isinstance(command, Where) else " "
    for number, condition in enumerate(found, 1):
        text = condition if is_base else f"{command.name} {condition}"
        about = ("_time",) if _TIMES.match(condition) else ()
        yield Stage(text, f"{before}{command.name} {between.join(found[:number])}", about)
