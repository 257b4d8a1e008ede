"""The nearest name by slips of the hand."""

from __future__ import annotations

import pytest

from agents.data.spelling import nearest_spelling, slips

FUNCTIONS = ["cast", "contains", "cot", "count", "map_cat", "rand", "rank", "date_trunc"]


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [("rakn", "rank", 1), ("cont", "count", 1), ("lenght", "length", 1), ("", "ab", 2), ("sum", "max", 3)],
)
def test_a_letter_left_out_added_changed_or_swapped_is_one_slip(one: str, other: str, number: int) -> None:
    assert slips(one, other) == slips(other, one) == number


@pytest.mark.parametrize(
    ("wanted", "right"),
    [
        ("cont", "count"),
        ("rakn", "rank"),
        ("cat", "cast"),
        ("cnt", "count"),
        ("datetrunc", "date_trunc"),
        ("zzzzzz", None),
    ],
)
def test_the_commonest_of_the_nearest_is_meant(wanted: str, right: str | None) -> None:
    assert nearest_spelling(wanted, FUNCTIONS, {"count", "cast"}) == right
