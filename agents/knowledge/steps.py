"""Numbered steps of a document, and those that follow what was found of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agents.knowledge.store.passages import Passage

_LINE = re.compile(r"^\s*(\d{1,3}(?:\.\d+)*)[.)]\s+(.+)$")
_MOST_NEXT = 3
_ENOUGH = 40  # characters by which a step is known again in an excerpt


def step_lines(passages: Sequence[Passage]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(titles above, number, text) of each numbered step, in order."""
    for passage in passages:
        if passage.kind == "text":
            for line in passage.text.split("\n"):
                if found := _LINE.match(line):
                    yield passage.path, found[1], found[2]


def next_steps(passages: Sequence[Passage], title: str, excerpt: str) -> list[str]:
    """The steps that follow those of the excerpt, under the same heading; where it holds none, the first of the list
    that comes behind it. passages: of one document; title: of the hit, its headings joined by ` > `."""
    steps = list(step_lines(passages))
    said = " ".join(excerpt.split())
    quoted = [number for number, (_, _, text) in enumerate(steps) if " ".join(text.split())[:_ENOUGH] in said]
    if quoted:
        last = quoted[-1]
        following = [one for one in steps[last + 1 :] if one[0] == steps[last][0]]
    else:
        order = [" > ".join(passage.path) for passage in passages]
        here = order.index(title) if title in order else 0
        behind = {" > ".join(passage.path) for passage in passages[here:]}
        after = [one for one in steps if " > ".join(one[0]) in behind]
        following = [one for one in after if one[0] == after[0][0]]
    return [f"{number}. {text}"[:1000] for _, number, text in following[:_MOST_NEXT]]
