"""Values whose words a question says in another order, or with a word between: `failed network connections` says
ConnectionFailed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from agents.data.words import plain, words_said
from shared.catalog import Catalog

_FEWEST, _MOST = 2, 4  # different words of such a value
_BETWEEN = 1  # other words that may stand among them
_DENIED = re.compile(r"\b(?:no|not|non|never|without|unable|unsuccessful)\b")
_NUMBER = re.compile(r"\d")
Place = tuple[str, str]


class WordsApart:
    """An index of the values that a catalog lists, by the words in them. Not of those whose words are all words of
    their table and its columns, which a question may say for these; nor of those that deny what their words say."""

    def __init__(self, catalog: Catalog) -> None:
        self._values: dict[frozenset[str], dict[str, list[Place]]] = defaultdict(lambda: defaultdict(list))
        self._having: dict[str, set[frozenset[str]]] = defaultdict(set)
        for table in catalog.tables:
            own = {word for name in (table.name, *table.by_name) for word in words_said(name)}
            for column in table.columns:
                for value in column.values:
                    words = frozenset(words_said(value))
                    is_plain = _NUMBER.search(value) or _DENIED.search(plain(value))
                    if _FEWEST <= len(words) <= _MOST and not is_plain and not words <= own:
                        self._values[words][value].append((table.name, column.name))
        for words in self._values:
            for word in words:
                self._having[word].add(words)

    def said(self, question: str) -> Iterator[tuple[str, str, tuple[Place, ...]]]:
        """The words as the question has them, the value, and its (table, column)s. Of several values of a table with
        these words the one that most tables have, and none where that does not tell: `failed logins` may be the kind of
        an event, or the reason of it."""
        heard = words_said(question)
        near = {words for word in heard for words in self._having.get(word, ()) if words <= set(heard)}
        for words in sorted(near, key=sorted):
            length = len(words) + _BETWEEN
            windows = (heard[at : at + length] for at in range(max(1, len(heard) - length + 1)))
            if window := next((one for one in windows if words <= set(one)), None):
                for value, places in _told_apart(self._values[words]).items():
                    yield " ".join(window), value, places


def _told_apart(values: Mapping[str, Sequence[Place]]) -> dict[str, tuple[Place, ...]]:
    spread = {value: len({table for table, _ in places}) for value, places in values.items()}
    rivals: dict[str, list[int]] = defaultdict(list)
    for value, places in values.items():
        for table in {table for table, _ in places}:
            rivals[table].append(spread[value])

    def is_first(value: str, table: str) -> bool:
        return rivals[table].count(spread[value]) == 1 and spread[value] == max(rivals[table])

    kept = {value: tuple(one for one in places if is_first(value, one[0])) for value, places in values.items()}
    return {value: places for value, places in kept.items() if places}
