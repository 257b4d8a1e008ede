"""Text that a reader of the page doesn't see: left out, and said.

Whoever writes for a model and not for people hides it: white on white, tiny, not displayed, behind the page, in
characters without a shape. What is left is data; nothing that reads runbooks follows what they tell.
"""

from __future__ import annotations

import colorsys
import re
from typing import NamedTuple

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

_NEAR = 10.0
"""Of 255, in each of red, green and blue: nobody tells such colours apart."""
_CLEAR = 0.1
"""The share of its colour that a letter has to have to be seen."""
_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]{1,100})\)")
_NUMBER = re.compile(r"([+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:e[+-]?\d{1,2})?)(%|deg|grad|rad|turn|)")
_DEGREES = {"deg": 1.0, "grad": 0.9, "rad": 57.29578, "turn": 360.0, "": 1.0}


class Colour(NamedTuple):
    """Red, green and blue from 0 to 255; alpha from 0, which is transparent, to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0


WHITE = Colour(255, 255, 255)
TRANSPARENT = Colour(0, 0, 0, 0)
_NAMED = {
    **{"white": WHITE, "black": Colour(0, 0, 0), "transparent": TRANSPARENT},
    **{"snow": Colour(255, 250, 250), "ivory": Colour(255, 255, 240), "ghostwhite": Colour(248, 248, 255)},
    **{"floralwhite": Colour(255, 250, 240), "mintcream": Colour(245, 255, 250), "azure": Colour(240, 255, 255)},
    **{"whitesmoke": Colour(245, 245, 245), "silver": Colour(192, 192, 192), "gray": Colour(128, 128, 128)},
    **{"grey": Colour(128, 128, 128), "red": Colour(255, 0, 0), "green": Colour(0, 128, 0), "blue": Colour(0, 0, 255)},
    **{"navy": Colour(0, 0, 128), "yellow": Colour(255, 255, 0)},
}


def colour(text: str) -> Colour | None:
    """What CSS means by `white`, `#fff`, `rgb(255 255 255 / 50%)` or `hsl(0, 0%, 100%)`; None for other texts."""
    text = text.strip().lower()
    if _HEX.fullmatch(text):
        digits = text[1:] if len(text) > 5 else "".join(digit * 2 for digit in text[1:])
        red, green, blue, alpha = bytes.fromhex(f"{digits}ff"[:8])
        return Colour(red, green, blue, alpha / 255)
    function = _FUNCTION.fullmatch(text)
    return _computed(function[1], re.split(r"[\s,/]+", function[2].strip())) if function else _NAMED.get(text)


def _computed(model: str, parts: list[str]) -> Colour | None:
    wholes = (255.0, 255.0, 255.0, 1.0) if model == "rgb" else (360.0, 100.0, 100.0, 1.0)
    numbers = [_number(part, whole) for part, whole in zip(parts, wholes, strict=False)]
    known = [number for number in numbers if number is not None]
    if len(parts) not in (3, 4) or len(known) != len(parts):
        return None
    first, second, third, alpha = (min(max(one, 0.0), whole) for one, whole in zip([*known, 1.0], wholes, strict=False))
    if model == "rgb":
        return Colour(first, second, third, alpha)
    red, green, blue = colorsys.hls_to_rgb(known[0] / 360 % 1, third / 100, second / 100)
    return Colour(red * 255, green * 255, blue * 255, alpha)


def _number(part: str, whole: float) -> float | None:
    if part == "none":
        return 0.0
    if not (found := _NUMBER.fullmatch(part)):
        return None
    return float(found[1]) * (whole / 100 if found[2] == "%" else _DEGREES[found[2]])


def over(top: Colour, below: Colour | None) -> Colour | None:
    """The colour one sees; None where what is below shows through and isn't known."""
    if top.alpha == 1 or below is None:
        return top if top.alpha == 1 else None
    red, green, blue = (
        one * top.alpha + other * (1 - top.alpha) for one, other in zip(top[:3], below[:3], strict=True)
    )
    return Colour(red, green, blue)


def why_not_seen(letters: Colour, ground: Colour | None) -> str | None:
    """Why nobody sees letters on a ground; None when one does, or the ground isn't known."""
    if letters.alpha < _CLEAR:
        return "transparent"
    seen = over(letters, ground)
    if ground is None or seen is None or _differ(seen, ground):
        return None
    return "in the colour of its ground" if _differ(ground, WHITE) else "white on white"


def _differ(one: Colour, other: Colour) -> bool:
    return any(abs(a - b) > _NEAR for a, b in zip(one[:3], other[:3], strict=True))


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
