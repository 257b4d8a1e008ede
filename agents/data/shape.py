"""What form of answer a question asks for: one number, a number for each of something, a course over time, a share, a
list. Questions of one form have queries of one form, whatever they are about."""

from __future__ import annotations

import re

_FORMS = {
    "count": r"how (?:many|often)|count|number of|how much",
    "measure": r"average|mean|total|sum|max(?:imum)?|min(?:imum)?|longest|shortest|slowest|fastest|percentile|median|"
    r"highest|lowest|largest|smallest|p\d\d",
    "share": r"percent(?:age)?|share|rate|ratio|proportion|fraction|%",
    "group": r"per|each|every|by|for all|split|grouped|compare[ds]?|distribution|breakdown",
    "course": r"(?:per|by|each|every|over) (?:the )?(?:time|second|minute|hour|day|week|month|year)s?|hourly|daily|"
    r"weekly|monthly|trend|develop(?:ed|ment)?|steps?|timeline",
    "best": r"top|most|least|best|worst|highest|lowest|largest|smallest|first|last \d+|latest|newest|oldest|longest|"
    r"slowest",
    "distinct": r"different|distinct|unique|which|who|whose",
    "list": r"list|show|find|give|get|display|what did|details?",
    "without": r"without|never|not|no|n't|missing|except|outside",
    "more_than": r"more than|less than|fewer than|at least|over|above|below|exceed\w*|longer than|under",
}
_PATTERNS = {form: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) for form, words in _FORMS.items()}


def forms(question: str) -> frozenset[str]:
    """The forms that the question's words ask for: `how many requests per day` → count, group, course."""
    return frozenset(form for form, pattern in _PATTERNS.items() if pattern.search(question))


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """0 to 1: shared forms of all forms; two questions without any are alike by half."""
    return len(one & other) / len(one | other) if one | other else 0.5
