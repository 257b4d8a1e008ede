"""What a hit shows: the part of its passage that matters, and why it was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.knowledge.text import sentences, terms

EXCERPT_CHARACTERS = 400
_WORDS_SHOWN = 5


def excerpt(text: str, wanted: Mapping[str, float]) -> str:
    """The sentences around the one that holds most of `wanted` (weight by term), at most EXCERPT_CHARACTERS long."""
    parts = sentences(text)
    weights = [sum(wanted.get(term, 0.0) for term in set(terms(part))) for part in parts]
    first = last = max(range(len(parts)), key=weights.__getitem__)
    length = len(parts[first])
    while True:
        after, before = last + 1, first - 1
        if after < len(parts) and length + 1 + len(parts[after]) <= EXCERPT_CHARACTERS:
            last, length = after, length + 1 + len(parts[after])
        elif before >= 0 and length + 1 + len(parts[before]) <= EXCERPT_CHARACTERS:
            first, length = before, length + 1 + len(parts[before])
        else:
            break
    return shortened(" ".join(parts[first : last + 1]), EXCERPT_CHARACTERS)


def shortened(text: str, length: int) -> str:
    """The text, cut at a word with an ellipsis when it is longer than `length`."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"


def reason(names: Iterable[str], words: Iterable[str], close: bool, waits: bool = False) -> str:
    """`names KubePodCrashLooping; words: quorum, etcd; close in meaning`. waits: it has no vector yet."""
    shown = list(dict.fromkeys(words))[:_WORDS_SHOWN]
    named = ", ".join(names)
    parts = [
        f"names {named}" if named else "",
        f"words: {', '.join(shown)}" if shown else "",
        "close in meaning" if close else "",
        "by words only, until it is embedded" if waits else "",
    ]
    return "; ".join(part for part in parts if part)
