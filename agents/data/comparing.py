"""Whether two results are the same rows, as an evaluation means it.

Compared as bags of rows (in order only where order matters). Column names and their order don't count; columns that the
answer has beyond the gold's are tolerated. Numbers are equal to six significant digits; a text that is a number equals
it (SPL has no types); an instant equals its text with or without the final Z or a zero time of day.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from shared.models import Rows

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?)?(?:Z|\+00:?00)?")
_DIGITS = 6
_TRIES = 5000  # assignments of columns; results with so many alike columns are told unequal

Column = tuple[Any, ...]


def same_rows(gold: Rows, answer: Rows, *, order_matters: bool = False) -> bool:
    """Whether some choice of the answer's columns gives the gold's rows. A truncated result equals nothing."""
    if gold.truncated or answer.truncated or len(gold.rows) != len(answer.rows):
        return False
    if not gold.rows:
        return True
    wanted, there = _columns(gold), _columns(answer)
    choices = [_candidates(column, there, order_matters) for column in wanted]
    if not all(choices):
        return False
    if order_matters:
        return _distinct(choices)
    bag = Counter(zip(*wanted, strict=True))
    for tries, chosen in enumerate(_assignments(choices)):
        if tries >= _TRIES:
            return False
        if Counter(zip(*(there[number] for number in chosen), strict=True)) == bag:
            return True
    return False


def _columns(rows: Rows) -> list[Column]:
    return [tuple(canonical(row[number]) for row in rows.rows) for number in range(len(rows.columns))]


def _candidates(column: Column, there: Sequence[Column], order_matters: bool) -> list[int]:
    """Columns of the answer that hold the same values, in the same order if that matters."""
    if order_matters:
        return [number for number, other in enumerate(there) if other == column]
    values = Counter(column)
    return [number for number, other in enumerate(there) if Counter(other) == values]


def _assignments(choices: Sequence[Sequence[int]], taken: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every choice of one column each, none twice."""
    if len(taken) == len(choices):
        yield taken
        return
    for number in choices[len(taken)]:
        if number not in taken:
            yield from _assignments(choices, (*taken, number))


def _distinct(choices: Sequence[Sequence[int]]) -> bool:
    return next(_assignments(choices), None) is not None


def canonical(value: Any) -> Any:
    """One form for values that mean the same; always hashable."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, str):
        return _canonical_text(value)
    return value if value is None else json.dumps(value, sort_keys=True)


def _canonical_text(text: str) -> Any:
    if _NUMBER.fullmatch(text):
        return float(f"{float(text):.{_DIGITS}g}")
    if found := _INSTANT.fullmatch(text):
        clock = (found[2] or "00:00").ljust(8, "#").replace("###", ":00")
        fraction = (found[3] or "").rstrip("0")
        return f"{found[1]}T{clock}.{fraction}" if fraction else f"{found[1]}T{clock}"
    return text
