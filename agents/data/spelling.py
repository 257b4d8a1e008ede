"""The nearest name by the slips of a hand alone, for short names without words in them: `cont` is `count`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from agents.data.names import nearest_name


def nearest_spelling(wanted: str, known: Iterable[str], common: Collection[str] = ()) -> str | None:
    """The known name fewest slips away, if that is one in three letters; else the nearest in meaning, or None.

    common: names that people write often, and so mean when two are as near.
    """
    candidates = list(known)
    most = max(1, len(wanted) // 3)
    alike = [one for one in candidates if abs(len(one) - len(wanted)) <= most]
    ranked = [(slips(wanted, one), one not in common, slips(wanted, one), one) for one in alike]
    ranked += [(1, False, slips(wanted, one), one) for one in candidates if one in common and _shortened(wanted, one)]
    best = min(ranked, default=None)
    return best[-1] if best and best[0] <= most else nearest_name(wanted, candidates)


def _shortened(wanted: str, name: str) -> bool:
    """`cnt` is `count` without some of its letters, `len` `length`."""
    letters = iter(name)
    return wanted[:1] == name[:1] and all(letter in letters for letter in wanted)


def slips(one: str, other: str) -> int:
    """Letters left out, added or changed, and neighbours swapped (optimal string alignment distance)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, last, row = row, before, [place]
        for at, wanted in enumerate(other, 1):
            cost = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (letter != wanted))
            if last and at > 1 and letter == other[at - 2] and one[place - 2] == wanted:
                cost = min(cost, last[at - 2] + 1)
            row.append(cost)
    return row[-1]
