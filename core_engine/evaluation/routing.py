"""`lexiquery eval --learn-routes`: a suite asked by either route, and the better one of each platform kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.data.routes import FILE, Route, Routes, Tally, learn
from core_engine.evaluation.suite import Outcome
from core_engine.evaluation.totals import Summary


def learn_routes(outcomes: Mapping[Route, Sequence[Outcome]], summary: Summary, out: Path) -> Routes:
    """Learn from the items that could be judged by every route, and write `routes.json` into `out`. summary: of a
    run."""
    judged = set.intersection(*({one.id for one in found if one.right is not None} for found in outcomes.values()))
    measured: dict[str, dict[Route, Tally]] = defaultdict(dict)
    for route, found in outcomes.items():
        for platform in {one.platform for one in found} - {"sql"}:
            if tally := _tally([one for one in found if one.platform == platform and one.id in judged]):
                measured[platform][route] = tally
    routes = learn(measured, model=summary.model, suite=summary.suite, made=summary.made)
    (out / FILE).write_text(routes.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return routes


def render_routes(routes: Routes, out: Path) -> str:
    """What was learned, a line a platform."""
    if not routes.first:
        return f"nothing learned: {routes.suite} has no question on KQL or SPL whose answer could be judged"
    lines = [
        f"{platform}: {routes.first[platform]} first; right "
        + ", ".join(f"{tally.right} of {tally.items} by {route}" for route, tally in measured.items())
        for platform, measured in sorted(routes.measured.items())
    ]
    return "\n".join([*lines, f"written to {out / FILE}; copy it to the data directory to use it with {routes.model}"])


def _tally(outcomes: Sequence[Outcome]) -> Tally | None:
    """None where there is no outcome."""
    if not outcomes:
        return None
    tokens = [one.measures.prompt_tokens for one in outcomes]
    counted = [number for number in tokens if number is not None]
    return Tally(
        items=len(outcomes),
        right=sum(bool(one.right) for one in outcomes),
        prompt_tokens=round(sum(counted) / len(counted), 1) if counted else None,
    )
