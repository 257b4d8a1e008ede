"""How much a search makes out of nothing: rows, joins, values and padding that grow whatever the data is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from agents.data.spl.ast import (
    Call,
    Combine,
    Command,
    Fields,
    Literal,
    Pipeline,
    Subsearch,
)
from agents.data.spl.growth import Growth, range_size
from agents.data.spl.source import SplError
from agents.data.spl.sources import commands, walk

_MOST_ROWS = 100_000
_MOST_EXPANDED = 1_000_000
_LONGEST_RANGE = 10_000
_MOST_SUBSEARCHES = 50
_MOST_FULL_JOINS = 3
_WIDEST = 1_000

_WIDTH = re.compile(r"%[-+ #0]*(\d+|\*)?(?:\.(\d+|\*))?")


def exceeded(pipeline: Pipeline) -> list[SplError]:
    """What goes beyond the bounds, wherever it stands."""
    found = [*_rows(pipeline), *_combined(pipeline)]
    for node in walk(pipeline):
        if isinstance(node, Pipeline):
            found += Growth().follow(node.commands)
        elif isinstance(node, Call):
            found += _calls(node)
    return found


def _problem(message: str, at: int, suggestion: str) -> SplError:
    return SplError("resource_limit", message, at, suggestion)


def _rows(pipeline: Pipeline) -> Iterator[SplError]:
    made = sum(map(_made, commands(pipeline)))
    if made > _MOST_ROWS:
        yield _problem(f"makeresults makes {made:,} rows in all", pipeline.at, f"at most {_MOST_ROWS:,}")
    for node in walk(pipeline):
        if isinstance(node, Combine) and _is_full_join(node) and (rows := _multiplied(node, made)) > _MOST_EXPANDED:
            yield _problem(f"this join may make {rows:,.0f} rows", node.at, f"at most {_MOST_EXPANDED:,}")
        if isinstance(node, Pipeline) and any(isinstance(c, Fields) and c.name == "mvexpand" for c in node.commands):
            ranges = [range_size(call) for call in walk(node) if isinstance(call, Call) and call.name == "mvrange"]
            if (rows := max(made, 1) * math.prod(ranges)) > _MOST_EXPANDED:
                yield _problem(f"mvexpand makes about {rows:,.0f} rows", node.at, f"at most {_MOST_EXPANDED:,}")


def _combined(pipeline: Pipeline) -> Iterator[SplError]:
    subsearches = [node for node in walk(pipeline) if isinstance(node, Subsearch)]
    if len(subsearches) > _MOST_SUBSEARCHES:
        message = f"the search has {len(subsearches)} subsearches"
        yield _problem(message, subsearches[_MOST_SUBSEARCHES].at, f"at most {_MOST_SUBSEARCHES}")
    full = [node for node in walk(pipeline) if isinstance(node, Combine) and _is_full_join(node)]
    if len(full) > _MOST_FULL_JOINS:
        message = f"{len(full)} joins with max=0 multiply the rows each time"
        yield _problem(message, full[_MOST_FULL_JOINS].at, f"at most {_MOST_FULL_JOINS}, or aggregate first")


def _multiplied(join: Combine, made: int) -> float:
    """How many rows a full join of generated rows may have."""
    inside = sum(_made(command) for item in join.subsearches for command in commands(item.pipeline))
    return inside * (made - inside)


def _made(command: Command) -> int:
    if command.name != "makeresults":
        return 0
    count = command.option("count", "1")
    return int(count) if count.isdecimal() else 1


def _is_full_join(command: Combine) -> bool:
    most = command.option("max", "1")
    return command.name == "join" and (most == "0" or (most.isdecimal() and int(most) > _WIDEST))


def _calls(node: Call) -> Iterator[SplError]:
    if node.name == "mvrange" and (size := range_size(node)) > _LONGEST_RANGE:
        yield _problem(f"mvrange makes {size:,.0f} values", node.at, f"at most {_LONGEST_RANGE:,}")
    first = node.args[0] if node.args else None
    if node.name == "printf" and isinstance(first, Literal) and isinstance(first.value, str):
        for width in (part for match in _WIDTH.finditer(first.value) for part in match.groups() if part):
            if width == "*" or len(width) > 4 or int(width) > _WIDEST:
                yield _problem(f"printf pads to {width[:20]} characters", node.at, f"at most {_WIDEST:,}")
