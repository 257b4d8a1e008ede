"""When two results count as the same rows."""

from __future__ import annotations

from typing import Any

import pytest

from agents.data.comparing import same_rows
from shared.models import Rows


def rows(*values: list[Any], truncated: bool = False) -> Rows:
    return Rows(columns=[f"c{n}" for n in range(len(values[0]))], rows=list(values), truncated=truncated)


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        (rows(["a", 1], ["b", 2]), rows(["b", 2], ["a", 1]), True),  # order of rows
        (rows(["a", 1], ["b", 2]), rows([1, "a"], [2, "b"]), True),  # order of columns
        (rows(["a"], ["b"]), rows(["a", 1], ["b", 2]), True),  # more columns than asked for
        (rows(["a", 1], ["b", 2]), rows(["a"], ["b"]), False),  # fewer
        (rows(["a", 1], ["b", 2]), rows(["a", 2], ["b", 1]), False),  # the right values in the wrong rows
        (rows(["a"], ["a"]), rows(["a"]), False),  # a bag, not a set
        (rows([0.1 + 0.2]), rows([0.3]), True),
        (rows([100.0]), rows([100.1]), False),
        (rows([200]), rows(["200"]), True),  # SPL has no types
        (rows(["2026-03-01"]), rows(["2026-03-01T00:00:00Z"]), True),
        (rows(["2026-03-01T10:00:00"]), rows(["2026-03-01T10:00:00.5Z"]), False),
        (rows([None]), rows([0]), False),
        (rows([1, 1]), rows([1, 2]), False),  # two gold columns need two columns
        (rows(["a"]), rows(["a"], truncated=True), False),
    ],
)
def test_results_are_compared_as_bags_of_rows(gold: Rows, answer: Rows, same: bool) -> None:
    assert same_rows(gold, answer) is same


def test_order_counts_only_where_it_matters() -> None:
    one, other = rows(["a"], ["b"]), rows(["b"], ["a"])
    assert same_rows(one, other)
    assert not same_rows(one, other, order_matters=True)


def test_two_empty_results_are_the_same() -> None:
    assert same_rows(Rows(columns=["a"], rows=[]), Rows(columns=["b"], rows=[]))
