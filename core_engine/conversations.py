"""Follow-ups: a question that leans on those before it in its conversation is asked together with them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.models import Question

TURNS = 3
"""Most earlier questions that a follow-up is asked with."""
LONGEST_TURN = 300
"""Characters of each that are kept."""
_FEW_WORDS = 3
_STARTS = re.compile(
    r"(and|but|or|also|now|then|so|only|just|instead|what about|how about|why|the same|same|break|group|sort)\b", re.I
)
_POINTS_BACK = re.compile(
    r"\b(those|these|them|they|their|it|its|the same|that one|of that|for that|as before|instead|the (last|previous) "
    r"(question|query|answer|one))\b",
    re.I,
)


def leans(question: str) -> bool:
    """Whether a question can't be understood by itself: `And by host?`, `Which of those failed?`, `For admins only`."""
    text = question.strip()
    return len(text.split()) <= _FEW_WORDS or bool(_STARTS.match(text) or _POINTS_BACK.search(text))


def follow_up(question: Question, earlier: Sequence[Question]) -> Question:
    """The question as agents are asked it: with the earlier ones that it leans on, up to one that stands by itself, and
    where those were asked if it does not say. earlier: those of its conversation, the newest first.
    """
    if not earlier or not leans(question.question):
        return question
    turns: list[str] = []
    for one in earlier[:TURNS]:
        turns.insert(0, one.question[:LONGEST_TURN])
        if not leans(one.question):
            break
    changes: dict[str, object] = {"question": f"{' '.join(turns)} Follow-up: {question.question}"}
    if not question.schema_group and not question.platforms:
        changes |= {"schema_group": earlier[0].schema_group, "platforms": earlier[0].platforms}
    return question.model_copy(update=changes)
