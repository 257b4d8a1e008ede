"""The report of a run, and the comparison of two."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from core_engine.evaluation.compare import compare, mcnemar
from core_engine.evaluation.report import bins, write_report
from core_engine.evaluation.suite import Item, Measures, Outcome
from core_engine.evaluation.totals import Summary, summarise
from shared.errors import InvalidInput, NotFound
from tests.core_engine.test_evaluation import an_answer


def outcome(number: int, right: bool | None, *, confidence: float = 0.9, gold: str | None = "gold") -> Outcome:
    item = Item(
        id=f"q{number}", platform="sql", schema_group="shop", question=f"a|b {number}", gold=gold, category="x/y"
    )
    answer = an_answer(item, f"SELECT {number}, {right}")
    answer.answers[0].confidence = confidence
    return Outcome(
        **item.model_dump(include={"id", "platform", "schema_group", "question", "gold", "category"}),
        configuration="c",
        answer=answer,
        measures=Measures(answered=True, proven=True, bound=True, rows_equal=right, calls=2, seconds=4.0),
    )


def summary_of(outcomes: list[Outcome]) -> Summary:
    return summarise(outcomes, suite="s", model="m", configuration="c", without=["snap"], command="lexiquery eval s")


def a_run(folder: Path, outcomes: list[Outcome]) -> Path:
    folder.mkdir()
    lines = [one.model_dump_json() for one in outcomes]
    older = outcomes[0].model_copy(update={"configuration": "older"}).model_dump_json()
    (folder / "results.jsonl").write_text("\n".join([older, *lines]))
    (folder / "summary.json").write_text(summary_of(outcomes).model_dump_json())
    return folder


def test_a_report_says_how_the_run_was_made_and_what_was_not_right(tmp_path: Path) -> None:
    outcomes = [outcome(1, True), outcome(2, False, confidence=0.35), outcome(3, None, gold=None)]
    write_report(summary_of(outcomes), outcomes, tmp_path)
    text = (tmp_path / "report.md").read_text()
    for line in (
        "| command | `lexiquery eval s` |",
        "| left out | snap |",
        "| rows equal | 50% | (10% to 90%) |",
        "| unanswerable told apart | 0% | (0% to 79%) |",
        "| 0.9 to 1.0 | 2 | 0.9 | 50% |",
        "| q2 | other rows | a\\|b 2 |",
        "| q3 | answered what nothing answers | a\\|b 3 |",
    ):
        assert line in text, line
    assert "| x/y | 3 |" in text


def test_the_plots_are_svg_with_a_point_and_a_bar_a_bin(tmp_path: Path) -> None:
    outcomes = [outcome(1, True), outcome(2, False, confidence=0.35), outcome(3, True, confidence=1.0)]
    assert [(one.low, one.answers, one.right) for one in bins(outcomes)] == [(0.3, 1, 0.0), (0.9, 2, 1.0)]
    write_report(summary_of(outcomes), outcomes, tmp_path)
    for name, shape in (("reliability.svg", "circle"), ("confidence.svg", "rect")):
        root = ElementTree.fromstring((tmp_path / name).read_text())
        assert len(root.findall(f".//{{http://www.w3.org/2000/svg}}{shape}")) == 2


def test_a_comparison_counts_the_items_that_changed_and_how_likely_chance_is(tmp_path: Path) -> None:
    a = a_run(tmp_path / "a", [outcome(n, n < 3) for n in range(10)])
    later = [outcome(n, n > 0) for n in range(10)]
    for one in later:
        one.measures.calls = 1
    found = compare(a, a_run(tmp_path / "b", later))
    rows = found.measures["rows_equal"]
    assert (rows.both, rows.only_a, rows.only_b, rows.neither, rows.p_value) == (2, 1, 7, 0, 0.0703)
    assert (found.ratios["calls"], found.ratios["prompt_tokens"]) == (0.5, None)
    assert [(one.id, one.better) for one in found.changed[:2]] == [("q0", False), ("q3", True)]
    assert "- q0: a|b 0" in found.render()


def test_the_exact_test_is_that_of_the_binomial() -> None:
    # scipy.stats.binomtest(2, 12).pvalue and (5, 10).
    assert round(mcnemar(2, 10), 6) == 0.038574
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 0) == 1.0


def test_runs_that_have_nothing_in_common_or_are_not_finished_are_named(tmp_path: Path) -> None:
    a, b = a_run(tmp_path / "a", [outcome(1, True)]), a_run(tmp_path / "b", [outcome(2, True)])
    with pytest.raises(InvalidInput, match="no item in common"):
        compare(a, b)
    with pytest.raises(NotFound, match="no finished run"):
        compare(a, tmp_path)
    (a / "summary.json").write_text('{"suite": "s"}')
    with pytest.raises(InvalidInput, match="older version"):
        compare(a, b)
