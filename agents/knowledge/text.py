"""Words of a text, as search compares them: terms, identifiers, sentences."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Za-z0-9]+")
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SENTENCE = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z0-9`\"'(\[*])|\n+")
LIST_MARK = re.compile(r"^\s*(?:\d{1,3}(?:\.\d+)*[.)]|[-*•])\s+")
"""Before an entry of a list: `3.2) ` or `- `."""
_RUN = re.compile(r"[\w.-]{4,200}")
"""What no identifier reaches beyond. It is looked at in pieces, for some forms take the square of its length."""
_IDENTIFIER = re.compile(
    r"""
      0x[0-9A-Fa-f]{4,}                                  # 0x80070005
    | \b[A-Z][A-Z0-9]{1,}-[A-Z]*\d{2,}\b                 # ORA-12514, KE-0007
    | \b[A-Z]{3,}\d{3,}\b                                # AADSTS50126
    | \b[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+\b         # ERR_CONNECTION_RESET, node_load1
    | \b[a-z]{1,15}[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)?\b  # etcdNoLeader
    | \b[A-Z][a-z0-9]+[A-Z][A-Za-z0-9]*\b                # KubePodCrashLooping
    | \b[A-Z]{2,}[a-z][A-Za-z0-9]*\b                     # CPUThrottlingHigh
    | \b[a-z][a-z0-9]*(?:-[a-z0-9]+)*-\d+[a-z0-9]*(?:\.[a-z0-9-]+)*\b  # web-01, db-3.internal
    | \b\d{1,3}(?:\.\d{1,3}){3}\b                        # 10.0.0.7
    | \b[a-z0-9-]+(?:\.[a-z0-9-]+){2,}\b                 # pay.prod.example
    """,
    re.VERBOSE,
)
# The function words of a question: they say nothing about which passage answers it.
_FUNCTION_WORDS = """
a about after all an and any are as at be been before being but by can could did do does doing for from get give had has
have how i if in into is it its let list many me more most much my no not of on or our out over please s show should so
some such t tell than that the their them then there these they this those to under until up us was we were what when
where which while who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())


def terms(text: str) -> list[str]:
    """Stemmed lower-case words without stop words. A CamelCase name gives its parts and itself."""
    return [term for word in _WORD.findall(text) for term in _terms_of(word)]


def words_by_term(text: str) -> dict[str, str]:
    """Each term of the text, in order, and the word as the text has it."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text):
        for term in _terms_of(word):
            found.setdefault(term, word)
    return found


def identifiers(text: str) -> set[str]:
    """Names that mean one thing exactly, lower case: error codes, alert and table names, hosts, addresses."""
    return {name for run in _RUN.findall(text) for name in _names_in(run)}


# Words come again and again: a large text is mostly looked up.
@lru_cache(maxsize=100_000)
def _terms_of(word: str) -> tuple[str, ...]:
    parts = _HUMP.findall(word)
    words = [*(parts if len(parts) > 1 else ()), word]
    return tuple(stem(one.lower()) for one in words if one.lower() not in STOP_WORDS)


@lru_cache(maxsize=100_000)
def _names_in(run: str) -> tuple[str, ...]:
    return tuple(match.group().lower() for match in _IDENTIFIER.finditer(run))


def bare_name(source: str) -> str:
    """The file's name without folders and ending, often the very name of the alert; or what follows a `#`."""
    return re.split(r"[/#]", source)[-1].rsplit(".", 1)[0]


def sentences(text: str) -> list[str]:
    """Sentences and lines, in order, none empty."""
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


_SUFFIXES = (
    ("ization", "iz"), ("isation", "iz"), ("ations", ""), ("ation", ""), ("ities", ""), ("ments", ""), ("ness", ""),
    ("ingly", ""), ("ment", ""), ("ings", ""), ("ions", ""), ("ing", ""), ("ies", "y"), ("ity", ""), ("ion", ""),
    ("ers", ""), ("edly", ""), ("ed", ""), ("er", ""), ("es", ""), ("ly", ""), ("al", ""), ("s", ""), ("e", ""),
)  # fmt: skip


def stem(word: str) -> str:
    """The word without its inflection: `mismatched` and `mismatches` are `mismatch`, `throttling` is `throttl`.

    At least four letters stay, so that `node` and `pods` keep their shape. Words with digits are left alone.
    """
    if len(word) <= 3 or any(character.isdigit() for character in word):
        return word
    if len(word) == 4 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4 and not word.endswith("ss"):
            base = word[: -len(suffix)] + replacement
            return base[:-1] if len(base) > 4 and base[-1] == base[-2] and base[-1] not in "sl" else base
    return word
