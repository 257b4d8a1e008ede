"""What people say in other words than a glossary: `get into` for a successful sign-in, `busy` for use."""

from __future__ import annotations

import re

from agents.data.words import content_words

_GET = r"(?:get|gets|got|getting|gotten)"
_NOT_THERE = (
    r"(?!\s+(?:the\s+|a\s+)?(?:quarantine|queue|inbox|junk|spam|folder|logs?|index|table|database|state|trouble))"
)
_LOGIN = ("sign-in", "login", "logon")
_TERMS = [
    (re.compile(rf"(?<!\w)(?:{said})", re.IGNORECASE), [frozenset(content_words(f"{how} {one}")) for one in _LOGIN])
    for said, how in (
        (
            rf"{_GET}\s+into\b{_NOT_THERE}|{_GET}\s+in(?=\s*(?:[.,;?!]|$)|\s+to\b)|gain(?:s|ed|ing)?\s+access\b",
            "successful",
        ),
        (
            r"(?:can't|cannot|couldn't|(?:can|could)\s+not|unable\s+to|fail(?:s|ed|ing)?\s+to)\s+(?:log|sign)[\s-]?(?:in|on)\b",
            "failed",
        ),
    )
]
# Before it in its clause, what was not done, or only tried.
_UNDONE = re.compile(
    r"(?:n['’]t|\b(?:not|never|nobody|no\s+one|none|hardly|blocked|prevented|kept|unable|(?:fail|tr[iy]|attempt|want)\w*))\b"
    r"[^,;.?!]*$",
    re.IGNORECASE,
)
_WORDS = [(re.compile(r"\b(?:busy|utili[sz](?:ed|ation))\b", re.IGNORECASE), ("use", "usage"))]


def terms_meant(question: str) -> list[frozenset[str]]:
    """Terms that the question says in other words, each by its `content_words`; none for what is only tried."""
    return [
        term
        for said, terms in _TERMS
        if any(not _is_undone(question, one) for one in said.finditer(question))
        for term in terms
    ]


def words_meant(question: str) -> set[str]:
    """Words that glossaries have for words of the question, as `content_words`."""
    return {content_words(word)[0] for said, words in _WORDS if said.search(question) for word in words}


def _is_undone(question: str, said: re.Match[str]) -> bool:
    return bool(_UNDONE.search(question[: said.start()]))
