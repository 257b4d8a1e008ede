"""Text that a reader of the page doesn't see: left out, and said.

Whoever writes for a model and not for people hides it: white on white, tiny, not displayed, behind the page, in
characters without a shape. What is left is data; nothing that reads runbooks follows what they tell.
"""

from __future__ import annotations

import colorsys
import math
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
_FUNCTION = re.compile(r"(rgb|hsl|lab|lch|oklab|oklch)a?\(([^()]{1,100})\)")
_WHOLES = {
    "rgb": (255.0, 255.0, 255.0, 1.0),
    "hsl": (360.0, 100.0, 100.0, 1.0),
    "lab": (100.0, 125.0, 125.0, 1.0),
    "lch": (100.0, 150.0, 360.0, 1.0),
    "oklab": (1.0, 0.4, 0.4, 1.0),
    "oklch": (1.0, 0.4, 360.0, 1.0),
}
"""What 100 % is of each part (CSS Color 4)."""
_NUMBER = re.compile(r"([+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:e[+-]?\d{1,2})?)(%|deg|grad|rad|turn|)")
_FARTHEST = 1e6
"""Of numbers in colours: more is no other colour, and its power no number."""
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
    """What CSS means by `white`, `#fff`, `rgb(255 255 255 / 50%)`, `hsl(0, 0%, 100%)` or `oklch(1 0 0)`; None
    for other texts."""
    text = text.strip().lower()
    if _HEX.fullmatch(text):
        digits = text[1:] if len(text) > 5 else "".join(digit * 2 for digit in text[1:])
        red, green, blue, alpha = bytes.fromhex(f"{digits}ff"[:8])
        return Colour(red, green, blue, alpha / 255)
    function = _FUNCTION.fullmatch(text)
    return _computed(function[1], re.split(r"[\s,/]+", function[2].strip())) if function else _NAMED.get(text)


def _computed(model: str, parts: list[str]) -> Colour | None:
    wholes = _WHOLES[model]
    numbers = [_number(part, whole) for part, whole in zip(parts, wholes, strict=False)]
    known = [min(max(number, -_FARTHEST), _FARTHEST) for number in numbers if number is not None]
    if len(parts) not in (3, 4) or len(known) != len(parts):
        return None
    first, second, third, alpha = [*known, 1.0][:4]
    red, green, blue = (min(max(one, 0.0), 1.0) * 255 for one in _shares(model, first, second, third))
    return Colour(red, green, blue, min(max(alpha, 0.0), 1.0))


def _shares(model: str, first: float, second: float, third: float) -> tuple[float, float, float]:
    """Red, green and blue, 1 for the whole of each; below 0 or above 1 for what no screen shows."""
    if model == "rgb":
        return first / 255, second / 255, third / 255
    if model == "hsl":
        return colorsys.hls_to_rgb(first / 360 % 1, *(min(max(one, 0.0), 100.0) / 100 for one in (third, second)))
    if model.endswith("lch"):
        angle = math.radians(third)
        second, third = second * math.cos(angle), second * math.sin(angle)
    red, green, blue = (_of_oklab if model.startswith("ok") else _of_lab)(first, second, third)
    return _as_light(red), _as_light(green), _as_light(blue)


def _of_oklab(light: float, a: float, b: float) -> tuple[float, float, float]:
    """Linear red, green and blue (B. Ottosson, A perceptual color space for image processing)."""
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _of_lab(light: float, a: float, b: float) -> tuple[float, float, float]:
    """Linear red, green and blue, of CIE L*a*b* with the white of D50 (B. Lindbloom's matrix)."""
    middle = (light + 16) / 116
    roots = (middle + a / 500, middle, middle - b / 200)
    x, y, z = (
        (root**3 if root**3 > 216 / 24389 else (116 * root - 16) * 27 / 24389) * white
        for root, white in zip(roots, (0.96422, 1.0, 0.82521), strict=True)
    )
    return (
        3.1338561 * x - 1.6168667 * y - 0.4906146 * z,
        -0.9787684 * x + 1.9161415 * y + 0.0334540 * z,
        0.0719453 * x - 0.2289914 * y + 1.4052427 * z,
    )


def _as_light(share: float) -> float:
    """Of a screen (sRGB, IEC 61966-2-1), of linear light."""
    return 12.92 * share if share <= 0.0031308 else 1.055 * min(share, 1.0) ** (1 / 2.4) - 0.055


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
