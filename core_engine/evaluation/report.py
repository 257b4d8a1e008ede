"""report.md: a run's figures for people, with plots of the confidence as SVG beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core_engine.evaluation.suite import Outcome
from core_engine.evaluation.totals import Summary, Totals, judged

_BINS = 10
_SHARES = {
    "answered": "answered",
    "proven": "proven",
    "parsed": "parsed",
    "bound": "bound",
    "tables_right": "tables right",
    "literals": "literals there",
    "executed": "executed",
    "rows_equal": "rows equal",
    "abstained": "asked back, wrongly",
    "told_apart": "unanswerable told apart",
}
_WIDTH, _HEIGHT, _EDGE = 420, 300, 40  # of a plot, in pixels


@dataclass(frozen=True)
class Bin:
    """Answers said with a confidence in one tenth. confidence: their mean; right: the share of them that is."""

    low: float
    answers: int
    confidence: float
    right: float


def write_report(summary: Summary, outcomes: Sequence[Outcome], out: Path) -> None:
    """report.md in `out`, and reliability.svg and confidence.svg where answers have a confidence."""
    found = bins(outcomes)
    if found:
        (out / "reliability.svg").write_text(_reliability(found), encoding="utf-8")
        (out / "confidence.svg").write_text(_histogram(found), encoding="utf-8")
    parts = [_head(summary), _figures(summary), _groups("platform", summary.platforms)]
    if summary.categories:
        parts.append(_groups("category", summary.categories))
    parts += [_confidence(summary.total, found), _not_right(outcomes)]
    (out / "report.md").write_text("\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")


def bins(outcomes: Sequence[Outcome]) -> list[Bin]:
    """The tenths that any answer's confidence lies in, of answers whose rightness is known."""
    said = [(answer.confidence, right) for answer, right in judged(outcomes) if answer.confidence is not None]
    found = []
    for number in range(_BINS):
        inside = [(c, right) for c, right in said if min(int(c * _BINS), _BINS - 1) == number]
        if inside:
            confidence, right = (sum(values) / len(inside) for values in zip(*inside, strict=True))
            found.append(Bin(number / _BINS, len(inside), round(confidence, 3), round(right, 3)))
    return found


def _head(summary: Summary) -> str:
    facts = {
        "made": summary.made,
        "command": f"`{summary.command}`" if summary.command else "not from the command line",
        "model": summary.model,
        "left out": ", ".join(summary.without) or "nothing",
        "machine": summary.machine,
        "commit": summary.commit or "unknown",
        "configuration": summary.configuration,
    }
    return f"# {summary.suite}\n\n" + _table(["", ""], [[name, value] for name, value in facts.items()])


def _figures(summary: Summary) -> str:
    total = summary.total
    rows = [
        [words, _percent(getattr(total, name)), _between(total, name)]
        for name, words in _SHARES.items()
        if getattr(total, name) is not None
    ]
    means = {
        "columns (Jaccard, mean)": total.columns,
        "chat calls (mean)": total.calls_mean,
        "prompt tokens (median)": total.prompt_tokens_median,
        "completion tokens (median)": total.completion_tokens_median,
        "seconds (median)": total.seconds_median,
        "cost (mean)": total.cost_mean,
    }
    rows += [[words, _number(value), ""] for words, value in means.items()]
    counts = f"{total.items} items: {total.comparable} with a gold query that runs, {total.unanswerable} unanswerable"
    return f"## All\n\n{counts}; {total.failed} failed.\n\n" + _table(["", "", "95% interval"], rows)


def _groups(kind: str, groups: dict[str, Totals]) -> str:
    cells: dict[str, Callable[[Totals], str]] = {
        "items": lambda one: str(one.items),
        "proven": lambda one: _percent(one.proven),
        "bound": lambda one: _percent(one.bound),
        "tables right": lambda one: _percent(one.tables_right),
        "columns": lambda one: _number(one.columns),
        "literals": lambda one: _percent(one.literals),
        "rows equal": lambda one: f"{_percent(one.rows_equal)} {_between(one, 'rows_equal')}".strip(),
        "told apart": lambda one: _percent(one.told_apart),
        "calls": lambda one: _number(one.calls_mean),
        "prompt tokens": lambda one: _number(one.prompt_tokens_median),
        "seconds": lambda one: _number(one.seconds_median),
    }
    rows = [[name, *(cell(one) for cell in cells.values())] for name, one in groups.items()]
    return f"## By {kind}\n\n" + _table([kind, *cells], rows)


def _confidence(total: Totals, found: Sequence[Bin]) -> str:
    if not found:
        return "## Confidence\n\nNo answer of known rightness has a confidence."
    rows = [
        [f"{one.low:.1f} to {one.low + 1 / _BINS:.1f}", str(one.answers), _number(one.confidence), _percent(one.right)]
        for one in found
    ]
    said = f"Calibration error {_number(total.calibration_error)}"
    sure = f"; wrong of those said with 0.8 or more: {_percent(total.wrong_when_sure)}."
    plots = "![Share of right answers by confidence](reliability.svg) ![Answers by confidence](confidence.svg)"
    return f"## Confidence\n\n{said}{sure}\n\n{plots}\n\n" + _table(["said", "answers", "mean", "right"], rows)


def _not_right(outcomes: Sequence[Outcome]) -> str:
    rows = [[one.id, _why(one), _cell(one.question)] for one in outcomes if one.right is False]
    return "## Not right\n\n" + (_table(["item", "", "question"], rows) if rows else "Nothing.")


def _why(outcome: Outcome) -> str:
    """The first thing that is wrong, in the order of the way."""
    measures = outcome.measures
    if not outcome.is_answerable:
        return "answered what nothing answers" if measures.answered else _cell(outcome.error or "no answer")
    if measures.abstained:
        return "asked back"
    if not measures.answered:
        return _cell(outcome.error or "no answer")
    for flag, words in (
        (measures.parsed, "not parsed"),
        (measures.bound, "not bound"),
        (measures.executed, "did not run"),
        (measures.tables_right, "other tables"),
        (measures.literals, "a literal is missing"),
    ):
        if flag is False:
            return words
    return "other rows"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _between(total: Totals, name: str) -> str:
    low, high = total.between.get(name, (None, None))
    return "" if low is None or high is None else f"({low:.0%} to {high:.0%})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _reliability(found: Sequence[Bin]) -> str:
    """Points of confidence and share right, their area by the number of answers, over the diagonal."""
    most = max(one.answers for one in found)
    points = "".join(
        f'<circle cx="{_x(one.confidence)}" cy="{_y(one.right)}" r="{3 + 9 * (one.answers / most) ** 0.5:.1f}">'
        f"<title>{one.answers} answers, confidence {one.confidence:.2f}, right {one.right:.0%}</title></circle>"
        for one in found
    )
    diagonal = f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#999" stroke-dasharray="4"/>'
    return _plot("confidence", "right", diagonal + f'<g fill="#1f6feb" fill-opacity="0.7">{points}</g>')


def _histogram(found: Sequence[Bin]) -> str:
    most = max(one.answers for one in found)
    width = (_WIDTH - 2 * _EDGE) / _BINS
    bars = "".join(
        f'<rect x="{_x(one.low)}" y="{_y(one.answers / most)}" width="{width - 2:.1f}" '
        f'height="{_y(0) - _y(one.answers / most):.1f}"><title>{one.answers} answers</title></rect>'
        for one in found
    )
    return _plot("confidence", f"answers (most: {most})", f'<g fill="#1f6feb">{bars}</g>')


def _plot(across: str, up: str, inside: str) -> str:
    ticks = "".join(
        f'<text x="{_x(value)}" y="{_y(0) + 16}" text-anchor="middle">{value:g}</text>'
        for value in (0, 0.25, 0.5, 0.75, 1)
    )
    axes = f'<path d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}" fill="none" stroke="#333"/>'
    labels = f'<text x="{_x(0.5)}" y="{_HEIGHT - 6}" text-anchor="middle">{across}</text><text x="8" y="20">{up}</text>'
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    font = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>{axes}{ticks}{labels}{inside}</svg>\n'


def _x(share: float) -> float:
    return round(_EDGE + share * (_WIDTH - 2 * _EDGE), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE), 1)
