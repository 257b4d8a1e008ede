"""Words of questions, names and values, made comparable."""

from __future__ import annotations

import re

_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_ENDINGS = ("ings", "ing", "ies", "ied", "ed", "es", "s")
# Words that a question needs to be a sentence, and words of every question ("show me", "how many").
_COMMON = """
    a about all also am an and any are as at be been between but by can could did do does each every find for
    from get give had has have how i if in into is it its last list many me more most much my no not of off on
    one only or our out over past per please return select show so than that the their them there these they
    this those to top under up us using was we were what when where which who whom whose why will with within
    would you your
"""
_STOP = frozenset(_COMMON.split())
# Words for the same subject. Looser than the list of names.py, by which columns are renamed.
_SUBJECTS = (
    ("login", "logon", "signin", "authentication", "authenticate", "auth"),
    ("device", "machine", "host", "computer", "endpoint", "server", "system"),
    ("email", "mail"),
    ("process", "command", "cmd", "commandline", "executable"),
    ("alert", "incident", "detection"),
    ("user", "account", "identity"),
    ("network", "traffic", "connection"),
    ("url", "link", "website"),
)
_LOGIN = re.compile(r"\b(?:sign|log)(?:ged|ed|s|ing)?[\s-]?(?:in|on)s?\b", re.IGNORECASE)


def stem(word: str) -> str:
    """A crude common form: `failures`, `failure` → `failure`; `processes`, `process` → `process`; `denied` → `deny`."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            root = word[: -len(ending)]
            if ending in ("ies", "ied"):
                return root + "y"
            if ending == "s" and root.endswith(("s", "u", "i")):
                return word
            if ending == "es" and not root.endswith(("s", "x", "z", "ch", "sh")):
                return root + "e"
            return root
    return word


def pieces(text: str) -> list[str]:
    """Every word of a text or a name, split at case and digits, lowercase and stemmed, in order."""
    return [stem(piece.lower()) for piece in _PIECE.findall(text)]


def plain(name: str) -> str:
    """A name as words: `UserPrincipalName` → `user principal name`."""
    return " ".join(piece.lower() for piece in _PIECE.findall(name))


def content_words(text: str) -> list[str]:
    """`pieces` without the words that carry no meaning of their own."""
    return [stem(piece.lower()) for piece in _PIECE.findall(text) if piece.lower() not in _STOP and len(piece) > 1]


def subjects(text: str) -> list[str]:
    """`content_words` of a text or a name, words for the same subject as one: `logged on`, `SigninLogs` → login."""
    return [_SUBJECT_OF.get(word, word) for word in content_words(_LOGIN.sub("login", plain(text)))]


def words_said(text: str) -> list[str]:
    """`content_words` of a text or a name, all words for a login as one: `users who log on`, `LogonFailed` → login."""
    return [_LOGINS.get(word, word) for word in content_words(_LOGIN.sub("login", plain(text)))]


_LOGINS = {stem(word): "login" for word in _SUBJECTS[0]}
_SUBJECT_OF = {stem(word): stem(group[0]) for group in _SUBJECTS for word in group}
