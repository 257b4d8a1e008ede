"""Seeds one fault of a kind into a search, or says that it has no place for it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from agents.data.spl.catalogue import COMMANDS
from agents.data.spl.functions import EVAL_FUNCTIONS, is_stats_function

_OPAQUE = re.compile(r'\\.|"(?:[^"\\]|\\.)*"|```.*?```|`[^`]*`', re.DOTALL)
_COMMAND = re.compile(r"[|\[]\s*([a-z]+)\b(?=\s+[\w(\[\"*-])")
_FUNCTION = re.compile(r"\b([a-z]+)\s*\(")
_EVALUATES = re.compile(r"\|\s*(?:eval|where|stats|eventstats)\b[^|]*")
_BY = re.compile(r"\bby\b([^|\]]+)", re.IGNORECASE)
_STATS = re.compile(r"\|\s*t?stats\b[^|\[\]]*\bby\b[^|\[\]]*(?=\|)", re.IGNORECASE)

Fault = Callable[[str, random.Random], str | None]


def _visible(spl: str) -> str:
    """The search with quoted text, comments and macros blanked, offsets kept."""
    return _OPAQUE.sub(lambda match: "\x00" * len(match.group()), spl)


def _without(spl: str, at: int) -> str:
    return spl[:at] + spl[at + 1 :]


def _misspelt(name: str, chance: random.Random, known: Callable[[str], bool]) -> str | None:
    at = chance.randrange(len(name))
    variants = [_without(name, at), name[:at] + name[at] + name[at:], name[:at] + "q" + name[at + 1 :], name + "s"]
    wrong = [variant for variant in variants if variant and not known(variant)]
    return chance.choice(wrong) if wrong else None


def command(spl: str, chance: random.Random) -> str | None:
    found = [match for match in _COMMAND.finditer(_visible(spl)) if match.group(1) in COMMANDS]
    if not found:
        return None
    match = chance.choice(found)
    wrong = _misspelt(match.group(1), chance, COMMANDS.__contains__)
    return spl[: match.start(1)] + wrong + spl[match.end(1) :] if wrong else None


def function(spl: str, chance: random.Random) -> str | None:
    visible = _visible(spl)
    found = [
        match
        for part in _EVALUATES.finditer(visible)
        for match in _FUNCTION.finditer(visible, part.start(), part.end())
        if _known_function(match.group(1))
    ]
    if not found:
        return None
    match = chance.choice(found)
    wrong = _misspelt(match.group(1), chance, _known_function)
    return spl[: match.start(1)] + wrong + spl[match.end(1) :] if wrong else None


def _known_function(name: str) -> bool:
    return name in EVAL_FUNCTIONS or is_stats_function(name)


def bracket(spl: str, chance: random.Random) -> str | None:
    places = [at for at, char in enumerate(_visible(spl)) if char in "()[]"]
    return _without(spl, chance.choice(places)) if places else None


def quote(spl: str, chance: random.Random) -> str | None:
    visible = _OPAQUE.sub(lambda match: match.group() if match.group()[0] == '"' else "\x00" * len(match.group()), spl)
    places = [at for at, char in enumerate(visible) if char == '"' and visible[at - 1] != "\\"]
    return _without(spl, chance.choice(places)) if places else None


def empty_by(spl: str, chance: random.Random) -> str | None:
    found = list(_BY.finditer(_visible(spl)))
    found = [match for match in found if "stats" in spl[: match.start()].rpartition("|")[2]]
    if not found:
        return None
    match = chance.choice(found)
    return f"{spl[: match.start(1)]} {spl[match.end(1) :]}"


def unknown_field(spl: str, chance: random.Random) -> str | None:
    """A field that stats did not make, used right after it."""
    found = list(_STATS.finditer(_visible(spl)))
    if not found:
        return None
    match = chance.choice(found)
    use = chance.choice(['where no_such_field="x"', "sort - no_such_field", "eval x=lower(no_such_field)"])
    return f"{spl[: match.end()]}| {use} {spl[match.end() :]}"


FAULTS: dict[str, Fault] = {
    "command": command,
    "function": function,
    "bracket": bracket,
    "quote": quote,
    "empty by": empty_by,
    "unknown field": unknown_field,
}
