"""Log lines to templates: fixed words stay, what varies becomes `<*>`.

Drain (He, Zhu, Zheng and Lyu, ICWS 2017) with a tree of two levels: the number of tokens, and the first one. A line
joins the template of its branch that shares most tokens, if that is half of them; tokens that differ become wildcards.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from agents.knowledge.known_errors.templates import WILDCARD, Template

_VARIABLE = re.compile(
    r"""
      \b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?   # 2026-03-10T14:05:01Z
    | \b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b | \b0x[0-9a-f]+\b | \b[0-9a-f]{16,}\b
    | \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b | (?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+
    | (?<![\w/])/(?:[\w.-]+/)*[\w.-]+ | (?<![\w-])[+-]?\d+(?:[.,:]\d+)*(?:ms|s|m|h|%|[KMG]i?B)?(?![\w-])
    | "[^"]*" | '[^']*'
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ALIKE = 0.5


def masked(line: str) -> str:
    """The line with its times, numbers, addresses, ids, paths and quoted texts as wildcards."""
    return _VARIABLE.sub(WILDCARD, line)


def template_of(signature: str) -> Template:
    """A signature as it is written; one without wildcards is taken as a log line, whose variable parts are masked."""
    return Template(signature if WILDCARD in signature else masked(signature))


@dataclass
class Mined:
    """A template's tokens, and the first of its lines as it was."""

    tokens: list[str]
    line: str


def mine(lines: Iterable[str]) -> list[Mined]:
    """The templates of the lines, in the order in which the first line of each came; empty lines are left out."""
    branches: dict[tuple[int, str], list[Mined]] = defaultdict(list)
    found: list[Mined] = []
    for line in lines:
        tokens = masked(line).split()
        if not tokens:
            continue
        branch = branches[len(tokens), tokens[0]]
        best = max(branch, key=lambda one: _likeness(one.tokens, tokens), default=None)
        if best is None or _likeness(best.tokens, tokens) < _ALIKE:
            branch.append(Mined(tokens, line))
            found.append(branch[-1])
        else:
            pairs = zip(best.tokens, tokens, strict=True)
            best.tokens = [one if one == other else WILDCARD for one, other in pairs]
    return found


def _likeness(known: list[str], tokens: list[str]) -> float:
    """The share of tokens that are the same; a wildcard is like nothing."""
    same = sum(one == other != WILDCARD for one, other in zip(known, tokens, strict=True))
    return same / len(tokens)
