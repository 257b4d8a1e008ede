"""The nearest real name, by spelling and by meaning: `UserName` is nearer to `UserPrincipalName` than to `UserId`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# A name this far from every real one gets no suggestion: a wrong hint sends a model or a person astray.
_NEAR_ENOUGH = 0.5
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def name_tokens(name: str) -> list[str]:
    """The words of a name, lowercase: `UserPrincipalName`, `user_principal_name` → user, principal, name."""
    return [token.lower() for token in _TOKENS.findall(name)]


# Words of operations data that stand for each other; a match through them counts nearly as much as the word itself.
_SAME_MEANING = (
    ("time", "timestamp", "date", "when"),
    ("host", "hostname", "computer", "device", "machine", "server", "node"),
    ("src", "source"),
    ("dst", "dest", "destination", "target"),
    ("ip", "address", "addr"),
    ("cnt", "count", "num", "number", "total"),
    ("msg", "message", "text"),
    ("cmd", "command"),
    ("proc", "process"),
    ("id", "identifier", "key"),
    ("user", "account", "usr"),
    ("customer", "cust", "client"),
    ("qty", "quantity", "amount"),
)
_GROUP_OF = {word: number for number, group in enumerate(_SAME_MEANING) for word in group}
# Microsoft's directories call what people type at a login the principal name.
_SAME_NAME = {"username": "userprincipalname", "upn": "userprincipalname", "timestamp": "timegenerated"}


def likeness(wanted: str, candidate: str) -> float:
    """0 to 1: the better of spelling (difflib ratio) and of shared words, with a little of the other to part ties."""
    lower, other = wanted.lower(), candidate.lower()
    if lower == other:
        return 1.0
    if _SAME_NAME.get(lower.replace("_", "")) == other:
        return 0.95
    spelling = difflib.SequenceMatcher(None, lower, other, autojunk=False).ratio()
    parts = name_tokens(candidate)
    meaning = _shared_words(_split_like(name_tokens(wanted), parts), parts)
    return min(0.99, max(spelling, meaning) * 0.8 + min(spelling, meaning) * 0.2)


def _split_like(words: list[str], parts: list[str]) -> list[str]:
    """`username` is two words where the candidate has `user` and `name`."""
    if len(words) != 1:
        return words
    word = words[0]
    split = [part for part in parts if len(part) > 1 and part in word]
    return split if len(split) > 1 and "".join(split) == word else words


def _shared_words(wanted: list[str], candidate: list[str]) -> float:
    """How much of the wanted words the candidate says (weight 2), and the candidate's words were wanted (weight 1)."""
    if not wanted or not candidate:
        return 0.0
    said = sum(max(_word_likeness(word, other) for other in candidate) for word in wanted) / len(wanted)
    wanted_too = sum(max(_word_likeness(other, word) for word in wanted) for other in candidate) / len(candidate)
    return (2 * said + wanted_too) / 3


def _word_likeness(word: str, other: str) -> float:
    """1 for the same word, 0.8 for the same meaning or a beginning of it (`proc` for `process`), else 0."""
    if word == other:
        return 1.0
    if word in _GROUP_OF and _GROUP_OF[word] == _GROUP_OF.get(other):
        return 0.8
    short, long = sorted((word, other), key=len)
    return 0.8 if len(short) >= 3 and long.startswith(short) else 0.0


def nearest_name(wanted: str, known: Iterable[str]) -> str | None:
    """The known name nearest to `wanted`, or None when none is near. A tie goes to the first in order."""
    best, best_score = None, _NEAR_ENOUGH
    for candidate in known:
        if (score := likeness(wanted, candidate)) > best_score:
            best, best_score = candidate, score
    return best
