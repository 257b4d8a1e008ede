"""Whether the question says a value, in a word of it or in another form; and what the examples' questions say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.data.accounting import Accounted
from agents.data.fitting.flags import is_said
from agents.data.literals import comparisons, mostly_said
from agents.data.words import content_words, pieces
from shared.catalog import Example, Table

_LONG = 5  # letters of a word that others are made of
_FILE = re.compile(r"(\w[\w-]+)\.[A-Za-z]\w{0,3}")  # `7z.exe`, said as 7-Zip
# Of columns whose numbers stand for something: `ErrorCode`, `ResultType`, `StatusCode`, `RemotePort`.
_CODED = frozenset(pieces("code status result error port event reason"))


def means_something_said(one: Accounted, question: str, tables: Sequence[Table]) -> bool:
    """Whether a word of the value is said (`LogonFailed` of failed logins), or it is a code, which stands for words.

    tables: those whose names and descriptions are what the question says such words for.
    """
    if one.literal.lstrip("-").isdigit():
        return bool(set(pieces(one.column)) & _CODED)
    if "month" in pieces(one.column) or is_said(one.column, one.literal, question):
        return True
    words = set(pieces(one.literal))
    names = {word for table in tables for word in pieces(f"{table.name} {table.description}")}
    said = set(content_words(question))
    if any(word in said or _is_within(word, said) for word in words - names or words):
        return True
    file = _FILE.fullmatch(one.literal.strip("%*"))
    return file is not None and any(_squeezed(word).startswith(_squeezed(file[1])) for word in question.split())


def _squeezed(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _is_within(word: str, said: set[str]) -> bool:
    """`crypto` of cryptomining."""
    return len(word) >= _LONG and any(one.startswith(word) or one.endswith(word) for one in said)


def own_values(examples: Sequence[Example]) -> set[str]:
    """Texts in the examples' queries that their questions say: of those questions alone, and no custom of the group."""
    return {
        one.literal.lower()
        for example in examples
        for one in comparisons(example.query)
        if mostly_said(one.literal, example.question) or _is_said_in_part(one.literal, example.question)
    }


def _is_said_in_part(value: str, question: str) -> bool:
    """`success` of successful sign-ins."""
    words, said = pieces(value), set(content_words(question))
    return bool(words) and all(word in said or _is_within(word, said) for word in words)
