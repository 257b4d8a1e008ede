"""Outcomes summed up: the table that people read, and the confidence fitted on them."""

from __future__ import annotations

import platform as machine_facts
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

from agents.data.confidence import calibration_error, fit
from core_engine.evaluation.suite import Outcome
from shared.errors import InvalidInput
from shared.models import Model, QueryAnswer

_SURE = 0.8  # said with at least this confidence


class Totals(Model):
    """Shares are of all items; rows_equal of those whose gold runs. Times in seconds, tokens a question."""

    items: int
    answered: float
    proven: float
    tables_right: float
    rows_equal: float | None
    comparable: int
    calls_mean: float
    prompt_tokens_median: float | None
    completion_tokens_median: float | None
    seconds_median: float
    wrong_when_sure: float | None = None
    calibration_error: float | None = None
    failed: int = 0


class Summary(Model):
    suite: str
    configuration: str
    model: str
    made: str
    machine: str
    total: Totals
    platforms: dict[str, Totals]

    def render(self) -> str:
        """A table for people: one line a platform, then the total."""
        lines = [f"{self.suite} with {self.model} on {self.machine}", _HEADER]
        for name, totals in [*self.platforms.items(), ("total", self.total)]:
            lines.append(_line(name, totals))
        return "\n".join(lines)


def summarise(outcomes: Sequence[Outcome], *, suite: str, model: str, configuration: str) -> Summary:
    by_platform = {name: [one for one in outcomes if one.platform == name] for name in _platforms(outcomes)}
    return Summary(
        suite=suite,
        configuration=configuration,
        model=model,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=f"{machine_facts.system()} {machine_facts.machine()}, {cpu_count()} cores",
        total=totals(outcomes),
        platforms={name: totals(some) for name, some in by_platform.items()},
    )


def totals(outcomes: Sequence[Outcome]) -> Totals:
    measures = [outcome.measures for outcome in outcomes]
    compared = [one.rows_equal for one in measures if one.rows_equal is not None]
    said = [(answer.confidence, right) for answer, right in _judged(outcomes) if answer.confidence is not None]
    sure = [right for confidence, right in said if confidence >= _SURE]
    return Totals(
        items=len(measures),
        answered=_share([one.answered for one in measures]),
        proven=_share([one.proven for one in measures]),
        tables_right=_share([bool(one.tables_right) for one in measures]),
        rows_equal=_share(compared) if compared else None,
        comparable=len(compared),
        calls_mean=round(statistics.mean(one.calls for one in measures), 2),
        prompt_tokens_median=_median(one.prompt_tokens for one in measures),
        completion_tokens_median=_median(one.completion_tokens for one in measures),
        seconds_median=round(statistics.median(one.seconds for one in measures), 2),
        wrong_when_sure=round(1 - _share(sure), 3) if sure else None,
        calibration_error=round(calibration_error([c for c, _ in said], [r for _, r in said]), 3) if said else None,
        failed=sum(outcome.error is not None for outcome in outcomes),
    )


def write_calibration(outcomes: Sequence[Outcome], path: Path, summary: Summary) -> None:
    """The confidence fitted on the outcomes; nothing where no platform has enough of them."""
    fitted = [(answer.platform, answer.evidence, right) for answer, right in _judged(outcomes) if answer.evidence]
    with suppress(InvalidInput):
        calibration = fit(fitted, model=summary.model, suite=summary.suite, made=summary.made)
        path.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _judged(outcomes: Iterable[Outcome]) -> list[tuple[QueryAnswer, bool]]:
    """Answers whose rightness is known."""
    return [
        (answer, outcome.measures.rows_equal)
        for outcome in outcomes
        if (answer := outcome.query_answer) and outcome.measures.rows_equal is not None
    ]


def _platforms(outcomes: Iterable[Outcome]) -> list[str]:
    return sorted({outcome.platform for outcome in outcomes})


def _share(flags: Sequence[bool]) -> float:
    return round(sum(flags) / len(flags), 3)


def _median(counts: Iterable[int | None]) -> float | None:
    known = [count for count in counts if count is not None]
    return statistics.median(known) if known else None


_COLUMNS = ("", "items", "answered", "proven", "tables", "rows", "calls", "prompt", "completion", "seconds", "failed")
_HEADER = "".join(name.rjust(11) for name in _COLUMNS)


def _line(name: str, of: Totals) -> str:
    rows = "-" if of.rows_equal is None else f"{of.rows_equal:.0%}"
    tokens = [
        "-" if count is None else f"{count:.0f}" for count in (of.prompt_tokens_median, of.completion_tokens_median)
    ]
    cells = [name, of.items, f"{of.answered:.0%}", f"{of.proven:.0%}", f"{of.tables_right:.0%}", rows]
    cells += [f"{of.calls_mean:.2f}", *tokens, f"{of.seconds_median:.1f}", of.failed]
    return "".join(str(cell).rjust(11) for cell in cells)
