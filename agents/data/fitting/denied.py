"""What a question rules out: what `wasn't successful` is no success."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.conditions import conditions
from agents.data.fitting.scopes import may_be_denied
from agents.data.times import without_times
from agents.data.words import pieces, stem

_DENIAL = re.compile(
    r"(?:(?<!\bor )\bnot|n['\u2019]t|\b(?:never|without|except(?:\s+for)?|excluding|other\s+than|apart\s+from))\s+"
    r"(?:(?:been|being|yet|an?|the|any|of|from|in|on|by|for)\s+)*$",
    re.IGNORECASE,
)
_DENIES_ITSELF = frozenset(("no", "non", "not", "never", "without"))
_WORD = re.compile(r"[^\W_]+")
_ROOT = 5  # letters that two forms of a word share: `success` and `successful`


def hold_denied(select: exp.Select, question: str) -> Iterator[str]:
    """`a = 'Success'` becomes `a <> 'Success'` where the question says the value behind a denial, and nowhere else.
    Changes the select."""
    told = without_times(question)
    for condition in conditions(select):
        text = condition.expression if isinstance(condition, exp.EQ | exp.Like | exp.ILike) else None
        if not isinstance(text, exp.Literal) or not text.is_string or not isinstance(condition.this, exp.Column):
            continue
        value = text.this.strip("%")
        if may_be_denied(condition) or not (said := list(_said(pieces(value), told))):
            continue
        if all(_DENIAL.search(told[:start]) for start in said):
            is_whole = isinstance(condition, exp.EQ)
            condition.replace(
                exp.NEQ(this=condition.this.copy(), expression=text.copy())
                if is_whole
                else exp.Not(this=condition.copy())
            )
            yield f"left out '{value}' of {condition.this.name}, which the question rules out"


def _said(words: Sequence[str], question: str) -> Iterator[int]:
    """Where the question says the words, one after the other. None of a value that denies something itself."""
    if not words or _DENIES_ITSELF & {*words}:
        return
    heard = list(_WORD.finditer(question))
    for at in range(len(heard) - len(words) + 1):
        window = (stem(one[0].lower()) for one in heard[at : at + len(words)])
        if all(_alike(word, one) for word, one in zip(words, window, strict=True)):
            yield heard[at].start()


def _alike(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return short == long or (len(short) >= _ROOT and long.startswith(short))
