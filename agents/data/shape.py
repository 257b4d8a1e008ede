"""What form of answer a question asks for: one number, a number for each of something, a course over time, a share, a
list. Questions of one form have queries of one form, whatever they are about."""

from __future__ import annotations

import re
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Unmet:
    """A form that the question asks for (its words), and that the query, in KQL, SPL or SQL, has no part for."""

    form: str
    words: str
    message: str


# What a question asks for by these words, and what a query that does it has: in the words of any of the languages.
_NEEDS: tuple[tuple[str, str, str, str], ...] = (
    (
        "count",
        r"how many(?!\s+(?:seconds|minutes|hours|days|weeks|months|years)\b)|how often|count",
        r"\bcount|\bdc\s*\(|dcount|\bsum\s*\(|\btop\b|\brare\b|\btimechart\b|num_|_count|total",
        "the question asks how many, the query counts nothing",
    ),
    (
        "average",
        r"averages?|mean",
        r"\bavg|\bmean\b|average|percentile|/",
        "the question asks for an average, the query computes none",
    ),
    (
        "percentile",
        r"median|percentile|\d+(?:st|nd|rd|th) percentile|p\d\d",
        r"percentile|\bperc\d|\bp\d\d|median|quantile",
        "the question asks for a percentile, the query computes none",
    ),
    (
        "share",
        r"percentage|(?:what|which|in) percent|what (?:share|proportion)|ratio of|(?:success|failure|error) rate",
        r"/|\*\s*1\.0|percent|ratio|\bavg\s*\(",
        "the question asks for a share, the query divides nothing",
    ),
    (
        "order",
        r"top \d+|top (?:two|three|four|five|six|seven|eight|nine|ten)|most|highest|lowest|largest|smallest|longest|"
        r"slowest|fastest|latest \d+|newest|oldest",
        r"\btop\b|\border\s+by\b|\bsort\b|\bmax|\bmin|arg_max|arg_min|\brank|\brow_number|\bhead\b|\brare\b|\bdedup\b|"
        r"\bfirst\b|\blast\b|latest|earliest|[<>]",
        "the question asks for the first in an order, the query sorts nothing",
    ),
    (
        "course",
        r"(?:per|each|every|by) (?:minute|hour|day|week|month|quarter|year)|over time|on which days?",
        r"\bbin\b|\bbin_at\b|span\s*=|startof\w+|date_trunc|make-series|timechart|strftime|extract\s*\(|date_part|format_datetime|"
        r"\bto_char|\bdate\s*\(|::\s*date|dayof|hourof|monthof|getyear|datetime_part|date_\w+|\bmonth\b|\bday\b|\byear\b|\bhour\b|"
        r"\bweek\b|floor",
        "the question asks for a course over time, the query groups by no unit of time",
    ),
    (
        "distinct",
        r"distinct|unique|how many different",
        r"distinct|dcount|\bdc\s*\(|\bby\b|values\s*\(|make_set|dedup|group\s+by|count_distinct|\buniq",
        "the question asks for different ones, the query removes no repetition",
    ),
)
_PAIRS = [
    (form, re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE), re.compile(parts, re.IGNORECASE), message)
    for form, words, parts, message in _NEEDS
]


def unmet(question: str, query: str) -> list[Unmet]:
    """Forms that the question's words ask for and the query has no part for: to be told, not proof of an error."""
    return [
        Unmet(form, asked[0], message)
        for form, words, parts, message in _PAIRS
        if (asked := words.search(question)) and not parts.search(query)
    ]
