"""Text that a reader of the page doesn't see: left out, and said.

Whoever writes for a model and not for people hides it: white on white, tiny, not displayed, behind the page, in
characters without a shape. What is left is data; nothing that reads runbooks follows what they tell.
"""

from __future__ import annotations

import re

# Without a shape of their own: zero-width spaces and joiners, directions, tags (ASCII in disguise), variation selectors
# that carry bytes, soft hyphens. Private use characters are ours: html.py marks places with them.
_SHAPELESS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ue000-\uf8ff\U000e0000-\U000e0fff]"
)
_SUSPECT = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e0fff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

TINY = 2.0
"""Points: smaller letters are a trick, not a footnote."""


def without_shapeless(text: str) -> tuple[str, list[str]]:
    """The text without characters that have no shape, and a note when they could carry a message."""
    suspects = len(_SUSPECT.findall(text))
    notes = [f"{suspects:,} invisible characters left out"] if suspects else []
    return _CONTROLS.sub(" ", _SHAPELESS.sub("", text)), notes


class Hidden:
    """Counts what is left out of one document."""

    def __init__(self) -> None:
        self._words: dict[str, int] = {}

    def add(self, text: str, why: str) -> None:
        if words := len(text.split()):
            self._words[why] = self._words.get(why, 0) + words

    def notes(self) -> list[str]:
        """`12 words of hidden text left out (not displayed)`"""
        return [
            f"{words:,} word{'s' * (words > 1)} of hidden text left out ({why})" for why, words in self._words.items()
        ]
