"""`lexiquery eval compare A B`: what changed between two runs of one suite, and whether it may be chance."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import comb
from pathlib import Path

from pydantic import ValidationError

from core_engine.evaluation.suite import Outcome, read_results
from core_engine.evaluation.totals import Summary
from shared.errors import InvalidInput, NotFound
from shared.models import Model

_MEASURES: dict[str, Callable[[Outcome], bool | None]] = {
    "rows_equal": lambda one: one.measures.rows_equal,
    "tables_right": lambda one: one.measures.tables_right,
    "bound": lambda one: one.measures.bound,
    "right": lambda one: one.right,
}
_SPENT: dict[str, Callable[[Outcome], float | None]] = {
    "calls": lambda one: one.measures.calls,
    "prompt_tokens": lambda one: one.measures.prompt_tokens,
    "completion_tokens": lambda one: one.measures.completion_tokens,
    "seconds": lambda one: one.measures.seconds,
}


class Paired(Model):
    """Of the items that both runs measured, how many are right in both, in one only, in neither.

    p_value: of the exact two-sided McNemar test: how likely chance alone changes as many items as unevenly.
    """

    items: int
    both: int
    only_a: int
    only_b: int
    neither: int
    p_value: float


class Changed(Model):
    """An item that is right in one of the runs only. better: in B."""

    id: str
    question: str
    better: bool
    query_a: str | None
    query_b: str | None


class Comparison(Model):
    """measures: by name; `right` counts unanswerable items too. ratios: B's sum by A's, over the items where both are
    known; None where A's is 0 or nothing is known. changed: what `right` says of them."""

    a: Summary
    b: Summary
    items: int
    measures: dict[str, Paired]
    ratios: dict[str, float | None]
    changed: list[Changed]

    def render(self) -> str:
        """For people."""
        lines = [f"A: {_run(self.a)}", f"B: {_run(self.b)}", f"{self.items} items in both", ""]
        lines.append(_line("", "items", "A", "B", "only A", "only B", "p"))
        for name, one in self.measures.items():
            shares = (f"{(one.both + only) / one.items:.0%}" if one.items else "-" for only in (one.only_a, one.only_b))
            lines.append(_line(name, one.items, *shares, one.only_a, one.only_b, f"{one.p_value:.3g}"))
        known = [f"{name} {ratio:.2f}" for name, ratio in self.ratios.items() if ratio is not None]
        lines += ["", f"B by A: {', '.join(known) or 'nothing known of both'}"]
        lines += [f"{'+' if one.better else '-'} {one.id}: {one.question}" for one in self.changed]
        return "\n".join(lines)


def compare(a: Path, b: Path) -> Comparison:
    """Two runs by their folders. Raises NotFound, InvalidInput when they have no item in common."""
    (summary_a, outcomes_a), (summary_b, outcomes_b) = read_run(a), read_run(b)
    pairs = [(one, outcomes_b[key]) for key, one in outcomes_a.items() if key in outcomes_b]
    if not pairs:
        raise InvalidInput(
            f"{a} ({summary_a.suite}) and {b} ({summary_b.suite}) have no item in common",
            suggestion="compare two runs of the same suite",
        )
    return Comparison(
        a=summary_a,
        b=summary_b,
        items=len(pairs),
        measures={name: _paired(pairs, measure) for name, measure in _MEASURES.items()},
        ratios={name: _ratio(pairs, spent) for name, spent in _SPENT.items()},
        changed=[_changed(one, other) for one, other in pairs if {one.right, other.right} == {True, False}],
    )


def read_run(folder: Path) -> tuple[Summary, dict[tuple[str, str], Outcome]]:
    """A run's summary, and its outcomes by id and question; those of other configurations in the folder are left
    out."""
    path = folder / "summary.json"
    if not path.is_file():
        raise NotFound(f"no finished run in {folder}", suggestion="`lexiquery eval SUITE --out DIR` makes one")
    try:
        summary = Summary.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, json.JSONDecodeError) as error:
        raise InvalidInput(
            f"{path} is not a run's summary, or an older version's", suggestion="run it again"
        ) from error
    outcomes = [one for one in read_results(folder / "results.jsonl") if one.configuration == summary.configuration]
    return summary, {(one.id, one.question): one for one in outcomes}


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p of the binomial test that a changed item is as likely to be better as worse."""
    changed = only_a + only_b
    tail = sum(comb(changed, number) for number in range(min(only_a, only_b) + 1)) / 2**changed
    return float(min(1.0, 2 * tail))


def _paired(pairs: Sequence[tuple[Outcome, Outcome]], measure: Callable[[Outcome], bool | None]) -> Paired:
    flags = [(x, y) for one, other in pairs if (x := measure(one)) is not None and (y := measure(other)) is not None]
    only_a, only_b = flags.count((True, False)), flags.count((False, True))
    return Paired(
        items=len(flags),
        both=flags.count((True, True)),
        only_a=only_a,
        only_b=only_b,
        neither=flags.count((False, False)),
        p_value=round(mcnemar(only_a, only_b), 4),
    )


def _ratio(pairs: Sequence[tuple[Outcome, Outcome]], spent: Callable[[Outcome], float | None]) -> float | None:
    known = [(x, y) for one, other in pairs if (x := spent(one)) is not None and (y := spent(other)) is not None]
    before, after = sum(x for x, _ in known), sum(y for _, y in known)
    return round(after / before, 3) if before else None


def _changed(one: Outcome, other: Outcome) -> Changed:
    before, after = one.query_answer, other.query_answer
    return Changed(
        id=one.id,
        question=one.question,
        better=bool(other.right),
        query_a=before.query if before else None,
        query_b=after.query if after else None,
    )


def _run(summary: Summary) -> str:
    without = f" without {', '.join(summary.without)}" if summary.without else ""
    return f"{summary.suite} with {summary.model}{without}, {summary.made}, commit {summary.commit or 'unknown'}"


def _line(name: str, *cells: object) -> str:
    return name.ljust(14) + "".join(str(cell).rjust(8) for cell in cells)
