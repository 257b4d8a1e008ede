"""Documents that say the same as one before them give way to others.

Maximal marginal relevance: Carbonell and Goldstein, SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

RELEVANCE = 0.9
"""Weight of how well a document fits against how much it repeats the ones before it."""


def diverse(relevances: Sequence[float], texts: Sequence[str], limit: int) -> list[int]:
    """Places of at most `limit` of the texts, the first always first.

    relevances: 0 to 1, falling; texts: of the passages. Likeness is the share of words that two texts have in common.
    """
    words = [frozenset(text.lower().split()) for text in texts]
    left = list(range(len(texts)))
    likeness = [0.0] * len(texts)
    chosen: list[int] = []
    while left and len(chosen) < limit:
        worth = {place: RELEVANCE * relevances[place] - (1 - RELEVANCE) * likeness[place] for place in left}
        best = max(left, key=worth.__getitem__) if chosen else left[0]
        left.remove(best)
        chosen.append(best)
        for place in left:
            likeness[place] = max(likeness[place], _likeness(words[place], words[best]))
    return chosen


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (len(one | other) or 1)
