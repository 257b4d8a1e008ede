"""The check of the few questions of every build: what counts as worse."""

from __future__ import annotations

from pathlib import Path

import pytest

from core_engine.evaluation.compare import read_run
from core_engine.evaluation.regression import Figures, figures, read_figures, worse
from shared.errors import NotFound
from tests.core_engine.test_evaluation_report import a_run, outcome


def some(rows_equal: int, **changes: object) -> Figures:
    counts = {"bound": 20, "rows_equal": rows_equal}
    values = {"model": "m", "made": "2026-03-01", "commit": "c", "items": 24, "counts": counts, "calls": 30}
    return Figures.model_validate(values | changes)


def test_two_items_may_be_lost_to_another_machine_and_no_more() -> None:
    assert worse(some(8), some(10)) == []
    assert worse(some(12), some(10)) == []
    assert worse(some(7), some(10)) == ["rows_equal: 7 of 24 items, it was 10 (2026-03-01, commit c)"]


def test_other_items_or_another_model_are_not_compared() -> None:
    assert worse(some(10, items=3), some(10)) == ["3 items with m can't be compared with 24 with m"]
    assert worse(some(10, model="n"), some(10)) == ["24 items with n can't be compared with 24 with m"]


def test_without_figures_it_is_said_how_they_are_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="--write"):
        read_figures(tmp_path / "none.json")


def test_the_figures_of_a_run_are_counts_of_its_items(tmp_path: Path) -> None:
    outcomes = [outcome(1, True), outcome(2, False)]
    found = figures(*read_run(a_run(tmp_path / "run", outcomes)))
    assert (found.items, found.calls, found.counts["rows_equal"], found.counts["bound"]) == (2, 4, 1, 2)
    (tmp_path / "figures.json").write_text(found.model_dump_json())
    assert read_figures(tmp_path / "figures.json") == found
