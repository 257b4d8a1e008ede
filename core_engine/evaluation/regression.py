"""`python -m core_engine.evaluation.regression OUT`: whether a run of data/seed/regression.jsonl is worse than it was.

A run may lose two items of a measure to another machine's arithmetic; more is a regression, and exit code 1. `--write`
makes the run's figures those to compare with.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from core_engine.evaluation.compare import read_run
from core_engine.evaluation.suite import Outcome
from core_engine.evaluation.totals import Summary
from data.seed.generate import HERE
from shared.errors import LexiQueryError, NotFound
from shared.models import Model

FIGURES = HERE / "regression_figures.json"
_SLACK = 2  # items
_MEASURES = ("proven", "bound", "tables_right", "rows_equal")


class Figures(Model):
    """counts: of `items`, how many are so, by measure. calls: of all items together."""

    model: str
    made: str
    commit: str | None
    items: int
    counts: dict[str, int]
    calls: int


def figures(summary: Summary, outcomes: Mapping[tuple[str, str], Outcome]) -> Figures:
    measures = [one.measures for one in outcomes.values()]
    return Figures(
        model=summary.model,
        made=summary.made,
        commit=summary.commit,
        items=len(measures),
        counts={name: sum(bool(getattr(one, name)) for one in measures) for name in _MEASURES},
        calls=sum(one.calls for one in measures),
    )


def worse(now: Figures, then: Figures) -> list[str]:
    """What fell by more than it may, in words."""
    if (now.items, now.model) != (then.items, then.model):
        return [f"{now.items} items with {now.model} can't be compared with {then.items} with {then.model}"]
    return [
        f"{name}: {now.counts.get(name, 0)} of {now.items} items, it was {count} ({then.made}, commit {then.commit})"
        for name, count in then.counts.items()
        if now.counts.get(name, 0) < count - _SLACK
    ]


def read_figures(path: Path = FIGURES) -> Figures:
    """Raises NotFound."""
    if not path.is_file():
        raise NotFound(f"no figures to compare with at {path}", suggestion="--write makes them of this run")
    return Figures.model_validate_json(path.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core_engine.evaluation.regression", description=__doc__)
    parser.add_argument("out", type=Path, help="the folder of a run of data/seed/regression.jsonl")
    parser.add_argument("--write", action="store_true", help=f"make these the figures in {FIGURES.name}")
    given = parser.parse_args()
    try:
        now = figures(*read_run(given.out))
        if given.write:
            FIGURES.write_text(now.model_dump_json(indent=2) + "\n", encoding="utf-8")
        lost = worse(now, read_figures())
    except LexiQueryError as error:
        parser.error(str(error))
    sys.stdout.write("\n".join(lost) + "\n" if lost else f"no worse than before: {now.counts} of {now.items} items\n")
    raise SystemExit(1 if lost else 0)


if __name__ == "__main__":
    main()
