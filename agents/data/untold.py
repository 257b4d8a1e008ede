"""Questions that ask by name for what a group neither names nor holds: `the temperature of the CPUs`, where no table
has temperatures. A model computes something all the same, of columns that are about something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agents.data.linking import Linked, likeness
from agents.data.times.calendar import NUMBER
from agents.data.vague import COMPUTED, told_words
from agents.data.words import subjects
from shared.llm.client import Models

_END = (
    r"of|for|in|on|by|did|do|does|is|was|are|were|has|have|had|per|from|to|with|at|and|or|that|who|which|where|when|each|"
    r"every|the|a|an|as|between|during|after|before|since|across|among|within|under|over|not"
)
_WORD = rf"(?:(?!(?:{_END})\b)[\w-]+)"
_THE_X_OF = re.compile(
    rf"\bwhat(?:'s|\s+(?:is|was|are|were))\s+(?:the\s+)?(?P<thing>{_WORD}(?:\s+{_WORD}){{0,3}})(?=\s+(?:of|for)\b)",
    re.I,
)
_WHICH_XS = re.compile(r"\bwhich\s+(?P<thing>(?:[\w-]*(?:[^s\W]|[sui]s)\s+)?[\w-]*[^sui\W]s)(?=\s)", re.I)
_UNITS_OF_X = re.compile(
    rf"\bhow\s+(?:many\s+\w+s|much)\s+of\s+(?P<thing>{_WORD})|\bhow\s+much\s+(?P<mass>{_WORD})", re.I
)
_THAN_XS = re.compile(
    rf"\b(?:(?:more|fewer|less)\s+than|at\s+(?:least|most))\s+{NUMBER}\s+"
    r"(?P<thing>(?:[\w-]+\s+)?[\w-]*[^sui\W]s)(?=\W|$)",
    re.I,
)
_EXPLAINED = re.compile(r"\(.+\)\s*\.?\s*$|\bFollow-up: ", re.S)
"""A reply to what was asked back stands in brackets at the end; a question that follows others was told there."""
_CODED = re.compile(r"[a-z][A-Z]|[\d_.]")
_IN = r"(?:in|from|table)\s+(?:the\s+)?"
_UNLIKE = 0.25
"""Cosine to all tables and columns of a group below which a name means none of them. Of 466 dev questions with an
answer (seed, SPL, Defog, NL2KQL) none asks for a thing below it, the nearest at 0.32; of 60 more, in words that the
groups don't have, none that has one (`crawlers`, where there are bots: 0.26)."""


async def held_nowhere(question: str, linked: Linked, knowledge: Sequence[str], models: Models) -> list[str]:
    """What the question asks for in words that the group's names, values, descriptions and examples don't have, nor
    what runbooks say of it (knowledge: passages and hints), and that means nothing like any of its tables and columns.

    Nothing is embedded where the words are known, and nothing is told of a question that names a table or explains
    itself, as one does that was asked back already. Raises ModelUnavailable.
    """
    if not (things := dict(_asked(question))) or _EXPLAINED.search(question) or _names_table(question, linked):
        return []
    known = told_words(linked, knowledge)
    asked = [thing for thing, named in things.items() if _names(named) - known]
    if not asked:
        return []
    alike = await likeness(asked, linked.catalog.tables, models)
    return [thing for thing, cosine in zip(asked, alike, strict=True) if cosine < _UNLIKE]


def _asked(question: str) -> Iterator[tuple[str, str]]:
    """The things that the question asks for, the X of `what is the X of`, `which Xs`, `fewer than three Xs` and `how
    much X`, each with the part of it that has to be known: in `which five paths` the noun."""
    for found in _THE_X_OF.finditer(question):
        yield found["thing"], found["thing"]
    for found in _WHICH_XS.finditer(question):
        yield found["thing"], found["thing"].split()[-1]
    for found in _THAN_XS.finditer(question):
        yield found["thing"], found["thing"].split()[-1]
    for found in _UNITS_OF_X.finditer(question):
        thing = found["thing"] or found["mass"]
        yield thing, thing


def _names_table(question: str, linked: Linked) -> bool:
    """Whether it says which table to ask: in a name that is no word of the language, or as `in people`."""
    return any(
        re.search(rf"(?<!\w){'' if _CODED.search(table.name) else _IN}{re.escape(table.name)}(?!\w)", question)
        for table in linked.catalog.tables
    )


def _names(thing: str) -> set[str]:
    """The words that name it. Short forms in capitals, which a team has of its own, name nothing here."""
    words = [word for word in thing.split() if not any(one.isdigit() for one in word) and not word.isupper()]
    return set(subjects(" ".join(words))) - COMPUTED
