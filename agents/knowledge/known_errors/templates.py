"""Log-line templates: a line's fixed words with `<*>` for what varies, as template miners such as Drain write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

WILDCARD = "<*>"
# A template is quoted when most of its fixed words occur in its order: people cut lines and change values.
QUOTED_SHARE = 0.75
_ENOUGH_WORDS = 3
# Between two fixed words that stand together, and for each wildcard between them.
_GAP = 3
_TOKEN = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Template:
    """A signature such as `Login failed for user <*>: <*> attempts`."""

    text: str

    @cached_property
    def words(self) -> list[str]:
        """The fixed words, lower case."""
        return words_of(self.text.replace(WILDCARD, " "))

    def quoted_in(self, text_words: list[str]) -> float:
        """The share of the fixed words that `text_words` holds in this order and near one another.

        0 when fewer than QUOTED_SHARE of them are there, or the template has too few words to tell it from prose.
        """
        words = self.words
        if len(words) < _ENOUGH_WORDS or len(set(words) & set(text_words)) < QUOTED_SHARE * len(set(words)):
            return 0.0
        best = max(self._run_from(start, text_words) for start in self._starts(text_words))
        share = best / len(words)
        return share if share >= QUOTED_SHARE and best >= _ENOUGH_WORDS else 0.0

    def _starts(self, text_words: list[str]) -> list[int]:
        """Where a quotation may begin: at one of the template's first words."""
        first = set(self.words[: max(1, len(self.words) // 3)])
        return [place for place, word in enumerate(text_words) if word in first] or [0]

    def _run_from(self, start: int, text_words: list[str]) -> int:
        """How many fixed words follow one another from `start`, none further from the one before than _GAP allows."""
        reach = _GAP * (1 + self.text.count(WILDCARD))
        place, found = start, 0
        for word in self.words:
            window = text_words[place : place + reach]
            if word in window:
                place += window.index(word) + 1
                found += 1
        return found


def words_of(text: str) -> list[str]:
    """A text's words, lower case, as templates compare them."""
    return [word.lower() for word in _TOKEN.findall(text)]
