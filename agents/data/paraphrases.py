"""What people say in other words than a glossary: `get into` for a successful sign-in, `busy` for use."""

from __future__ import annotations

import re

_UNDONE = r"(?:not|n't|never|(?:fail|tr[iy]|attempt|want)\w*\s+to|unable\s+to)\s+"
_TERMS = (
    (r"(?:get|gets|got|getting|gotten)\s+in(?:to)?|gain(?:s|ed|ing)?\s+access", "successful sign-in login logon"),
    (
        r"(?:can't|cannot|couldn't|(?:can|could)\s+not|unable\s+to|fail(?:s|ed|ing)?\s+to)\s+(?:log|sign)[\s-]?(?:in|on)",
        "failed sign-in login logon",
    ),
    (r"busy|utili[sz](?:ed|ation)", "use usage utilization"),
)
_SAID = [
    (re.compile(rf"(?P<undone>{_UNDONE})?(?<!\w)(?:{said})(?!\w)", re.IGNORECASE), terms) for said, terms in _TERMS
]


def in_other_words(question: str) -> str:
    """Words that glossaries have for what the question says; none for what is only tried, or not done."""
    return " ".join(terms for said, terms in _SAID if any(not one["undone"] for one in said.finditer(question)))
