"""Outcomes summed up: the table that people read, and the confidence fitted on them."""

from __future__ import annotations

import math
import platform as machine_facts
import statistics
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

from agents.data.confidence import calibration_error, fit
from core_engine.evaluation.suite import Outcome
from shared.errors import InvalidInput
from shared.models import Model, QueryAnswer

SURE = 0.8  # said with at least this confidence
_Z = 1.96  # 95 %


class Totals(Model):
    """Shares are of the items that have an answer here (those with a gold query), where the measure could be taken;
    `comparable` is how many of them have a gold query that runs. told_apart: of the `unanswerable` items, those that
    were asked back. between: Wilson's 95 % interval of a share, by its name. Times in seconds; tokens, calls and cost a
    question. None where nothing was measured."""

    items: int
    answered: float | None = None
    proven: float | None = None
    parsed: float | None = None
    bound: float | None = None
    tables_right: float | None = None
    columns: float | None = None
    literals: float | None = None
    executed: float | None = None
    rows_equal: float | None = None
    comparable: int
    abstained: float | None = None
    unanswerable: int = 0
    told_apart: float | None = None
    between: dict[str, tuple[float, float]] = {}
    calls_mean: float
    prompt_tokens_median: float | None
    completion_tokens_median: float | None
    seconds_median: float
    cost_mean: float | None = None
    wrong_when_sure: float | None = None
    calibration_error: float | None = None
    failed: int = 0


class Summary(Model):
    """made: when, UTC. command: what was called; commit: git's, with `+` where files were changed since, None outside
    of a repository. categories: those of the suite, `classic` with what is below it too."""

    suite: str
    configuration: str
    model: str
    without: list[str] = []
    command: str = ""
    commit: str | None = None
    made: str
    machine: str
    total: Totals
    platforms: dict[str, Totals]
    categories: dict[str, Totals] = {}

    def render(self) -> str:
        """A table for people: one line a platform, then the total."""
        left_out = f" without {', '.join(self.without)}" if self.without else ""
        lines = [f"{self.suite} with {self.model}{left_out} on {self.machine}", _HEADER]
        for name, totals in [*self.platforms.items(), ("total", self.total)]:
            lines.append(_line(name, totals))
        if self.total.told_apart is not None:
            lines.append(f"{self.total.told_apart:.0%} of {self.total.unanswerable} unanswerable questions told apart")
        return "\n".join(lines)


def summarise(
    outcomes: Sequence[Outcome],
    *,
    suite: str,
    model: str,
    configuration: str,
    without: Sequence[str] = (),
    command: str = "",
) -> Summary:
    return Summary(
        suite=suite,
        configuration=configuration,
        model=model,
        without=list(without),
        command=command,
        commit=_commit(),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=f"{machine_facts.system()} {machine_facts.machine()}, {cpu_count()} cores",
        total=totals(outcomes),
        platforms=_by(outcomes, lambda one: [one.platform]),
        categories=_by(outcomes, lambda one: _with_those_above(one.category)),
    )


def _commit() -> str | None:
    """Of the code that runs."""

    def git(*words: str) -> str:
        here = Path(__file__).parent
        done = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True)  # noqa: S603, S607
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _by(outcomes: Sequence[Outcome], names: Callable[[Outcome], list[str]]) -> dict[str, Totals]:
    every = sorted({name for outcome in outcomes for name in names(outcome)})
    return {name: totals([one for one in outcomes if name in names(one)]) for name in every}


def _with_those_above(category: str) -> list[str]:
    """`classic/ratio` → `classic`, `classic/ratio`."""
    parts = category.split("/") if category else []
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


_SHARES = ("answered", "proven", "parsed", "bound", "tables_right", "literals", "executed", "rows_equal", "abstained")


def totals(outcomes: Sequence[Outcome]) -> Totals:
    measures = [one.measures for one in outcomes]
    asked = [one.measures for one in outcomes if one.is_answerable]
    flags = {name: [flag for one in asked if (flag := getattr(one, name)) is not None] for name in _SHARES}
    flags["told_apart"] = [one.measures.abstained for one in outcomes if not one.is_answerable]
    said = [(answer.confidence, right) for answer, right in judged(outcomes) if answer.confidence is not None]
    sure = [right for confidence, right in said if confidence >= SURE]
    return Totals(
        items=len(measures),
        **{name: share(found) for name, found in flags.items() if found},
        columns=_mean((one.columns for one in asked), 3),
        comparable=len(flags["rows_equal"]),
        unanswerable=len(flags["told_apart"]),
        between={name: wilson(sum(found), len(found)) for name, found in flags.items() if found},
        calls_mean=round(statistics.mean(one.calls for one in measures), 2),
        prompt_tokens_median=_median(one.prompt_tokens for one in measures),
        completion_tokens_median=_median(one.completion_tokens for one in measures),
        seconds_median=round(statistics.median(one.seconds for one in measures), 2),
        cost_mean=_mean((one.cost for one in measures), 6),
        wrong_when_sure=round(1 - share(sure), 3) if sure else None,
        calibration_error=round(calibration_error([c for c, _ in said], [r for _, r in said]), 3) if said else None,
        failed=sum(outcome.error is not None for outcome in outcomes),
    )


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson (1927), which holds for few items and shares near 0 or 1 too."""
    middle = (hits + _Z**2 / 2) / (of + _Z**2)
    half = _Z / (of + _Z**2) * math.sqrt(hits * (of - hits) / of + _Z**2 / 4)
    return round(max(0.0, middle - half), 3), round(min(1.0, middle + half), 3)


def write_calibration(outcomes: Sequence[Outcome], path: Path, summary: Summary) -> None:
    """The confidence fitted on the outcomes; nothing where no platform has enough of them."""
    fitted = [(answer.platform, answer.evidence, right) for answer, right in judged(outcomes) if answer.evidence]
    with suppress(InvalidInput):
        calibration = fit(fitted, model=summary.model, suite=summary.suite, made=summary.made)
        path.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")


def judged(outcomes: Iterable[Outcome]) -> list[tuple[QueryAnswer, bool]]:
    """Answers whose rightness is known: a query for what nothing here answers is wrong."""
    return [
        (answer, right)
        for outcome in outcomes
        if (answer := outcome.query_answer) and (right := outcome.right) is not None
    ]


def share(flags: Sequence[bool]) -> float:
    return round(sum(flags) / len(flags), 3)


def _mean(numbers: Iterable[float | None], digits: int) -> float | None:
    known = [number for number in numbers if number is not None]
    return round(statistics.mean(known), digits) if known else None


def _median(counts: Iterable[int | None]) -> float | None:
    known = [count for count in counts if count is not None]
    return statistics.median(known) if known else None


_COLUMNS = ("", "items", "answered", "proven", "bound", "tables", "columns", "literals", "rows", "calls", "prompt", "s")
_HEADER = "".join(name.rjust(10) for name in (*_COLUMNS, "failed"))


def _line(name: str, of: Totals) -> str:
    shares = (of.answered, of.proven, of.bound, of.tables_right)
    cells = [name, of.items, *map(_percent, shares), "-" if of.columns is None else f"{of.columns:.2f}"]
    cells += [_percent(of.literals), _percent(of.rows_equal), f"{of.calls_mean:.2f}"]
    prompt = "-" if of.prompt_tokens_median is None else f"{of.prompt_tokens_median:.0f}"
    cells += [prompt, f"{of.seconds_median:.1f}", of.failed]
    return "".join(str(cell).rjust(10) for cell in cells)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
