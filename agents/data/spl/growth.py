"""How long a search may make a row's text, told from the search alone: doubling must not go on for ever."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from agents.data.spl.ast import Binary, Call, Combine, Command, Eval, Expression, Generic, Literal, Name, Unary
from agents.data.spl.source import SplError
from agents.data.spl.sources import walk

_LONGEST = 10_000_000  # characters
_FIELD = 100.0  # what a field of an event has, more or less
_NUMBER = 5.0
_FOREACH_FIELDS = 20
# Commands after which a field is as long as before; after the others any field may hold what any other did.
_CHOOSING_ROWS = frozenset(("search", "where", "head", "tail", "sort", "dedup", "fields", "table", "reverse", "regex"))
_ADDING = frozenset(
    ["mvappend", "mvzip", "printf", "json_object", "json_array", "json_append", "json_set", "json_extend"]
)
# Functions whose value is no longer than the longest of their arguments; of the rest it is a number or a condition.
_LARGEST = """
if case coalesce nullif validate min max lower upper trim ltrim rtrim split mvdedup mvsort mvreverse mvfilter mvindex
tostring urldecode tomv mv_to_json_array json_array_to_mv spath json_extract substr
"""
_CHOOSING = frozenset(_LARGEST.split())


class Growth:
    """The lengths that fields have reached, command by command. An estimate: too high rather than too low."""

    def __init__(self) -> None:
        self._lengths: dict[str, float] = {}
        self._other = _FIELD
        self._replacements: list[str] = []

    def follow(self, steps: list[Command]) -> Iterator[SplError]:
        """The first field of these commands that grows beyond bounds."""
        for command in steps:
            for name, at, length in self._made(command):
                if length > _LONGEST:
                    message = f"'{name}' may grow to {length:.0e} characters"
                    yield SplError("resource_limit", message, at, "build it in fewer steps")
                    return
                self._lengths[name] = length
            if command.name not in _CHOOSING_ROWS and not isinstance(command, Eval):
                self._other = max(self._other, *self._lengths.values(), _FIELD)

    def _made(self, command: Command) -> Iterator[tuple[str, int, float]]:
        if isinstance(command, Eval):
            for target, expression in command.assignments:
                yield target.name, target.at, self.length(expression)
        elif isinstance(command, Combine) and command.name == "foreach":
            for item in [*command.subsearches] * _FOREACH_FIELDS:
                for step in item.pipeline.commands:
                    yield from self._made(step)
        elif isinstance(command, Generic) and command.name == "strcat" and command.words:
            *parts, joined = command.words
            lengths = (len(part.text) if part.quoted else self._field(part.text) for part in parts)
            yield joined.text, joined.at, sum(lengths)

    def _field(self, name: str) -> float:
        return self._lengths.get(name, self._other)

    def length(self, node: Expression) -> float:
        if isinstance(node, Literal):
            return float(len(node.value)) if isinstance(node.value, str) else _NUMBER
        if isinstance(node, Name):
            parts = node.name.split(".") if node.dotted and node.name not in self._lengths else [node.name]
            return sum(map(self._field, parts))
        if isinstance(node, Binary) and node.op in (".", "+"):
            return self.length(node.left) + self.length(node.right)
        return self._call(node) if isinstance(node, Call) and node.args else _NUMBER

    def _call(self, node: Call) -> float:
        inner = [self.length(argument) for argument in node.args]
        if node.name == "mvrange":
            return _NUMBER * range_size(node)
        if node.name == "replace" and len(node.args) == 3:
            return self._replaced(node, inner)
        if node.name == "mvjoin" and len(inner) == 2:
            return inner[0] * (1 + inner[1])
        if node.name == "mvmap" and len(inner) == 2:
            names = {item.name for item in walk(node) if isinstance(item, Name)}
            return inner[1] if len(names) == 1 else inner[0] * inner[1] / _FIELD
        if node.name in _ADDING:
            return sum(inner)
        return max(inner) if node.name in _CHOOSING else _NUMBER

    def _replaced(self, node: Call, inner: list[float]) -> float:
        """Multiplied where the pattern can match what an earlier replacement, or this one, put in."""
        pattern, new = node.args[1], node.args[2]
        if not (isinstance(pattern, Literal) and isinstance(new, Literal)):
            return inner[0] * max(1.0, inner[2])
        self._replacements.append(str(new.value))
        if any(_matches(str(pattern.value), text) for text in self._replacements):
            return inner[0] * max(1.0, inner[2])
        return inner[0] + _FIELD * inner[2]


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


def range_size(node: Call) -> float:
    """How many values mvrange makes; 1 where its bounds are fields."""
    bounds = [_constant(argument) for argument in node.args]
    if len(bounds) < 2 or None in bounds:
        return 1
    start, stop, step = (*(bound or 0.0 for bound in bounds), 1.0)[:3]
    return max(1.0, (stop - start) / step) if step else math.inf


def _constant(node: Expression) -> float | None:
    if isinstance(node, Unary) and (inner := _constant(node.operand)) is not None:
        return -inner if node.op == "-" else inner
    if isinstance(node, Binary) and node.op in ("*", "+"):
        left, right = _constant(node.left), _constant(node.right)
        if left is None or right is None:
            return None
        return left * right if node.op == "*" else left + right
    return float(node.value) if isinstance(node, Literal) and not isinstance(node.value, str) else None
