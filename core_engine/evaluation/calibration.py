"""`python -m core_engine.evaluation.calibration OUT... [--write FILE]`: the confidence fitted on several evaluations.

OUT are folders of `lexiquery eval`, of one model. How reliable it is, is told by five-fold cross-validation: an outcome
is judged by a fit that has not seen it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from agents.data.confidence import Calibration, calibration_error, confidence, fit
from core_engine.evaluation.suite import Outcome, read_results
from core_engine.evaluation.totals import SURE, judged
from shared.errors import InvalidInput
from shared.models import Model, QueryAnswer

_FOLDS = 5


class Reliability(Model):
    """Of outcomes judged by fits that have not seen them. wrong_when_sure: of those said with 0.8 or more."""

    outcomes: int
    right: float
    calibration_error: float
    sure: int
    wrong_when_sure: float | None


def fitted(folders: Sequence[Path], model: str) -> tuple[Calibration, Reliability]:
    """Raises InvalidInput where the folders hold too few outcomes."""
    outcomes = [one for folder in folders for one in read_results(folder / "results.jsonl")]
    pairs = [(answer, right) for answer, right in judged(latest(outcomes)) if answer.evidence]
    suite = ", ".join(folder.name for folder in folders)
    return _fit(pairs, model, suite), _reliability(pairs, model, suite)


def latest(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The last outcome of each item: a run that went on with changed code has several."""
    return list({(one.schema_group, one.id): one for one in outcomes}.values())


def _fit(pairs: Sequence[tuple[QueryAnswer, bool]], model: str, suite: str) -> Calibration:
    seen = [(answer.platform, answer.evidence, right) for answer, right in pairs]
    return fit(seen, model=model, suite=suite, made=datetime.now(UTC).isoformat(timespec="seconds"))


def _reliability(pairs: Sequence[tuple[QueryAnswer, bool]], model: str, suite: str) -> Reliability:
    said: list[tuple[float, bool]] = []
    for fold in range(_FOLDS):
        others = [pair for number, pair in enumerate(pairs) if number % _FOLDS != fold]
        calibration = _fit(others, model, suite)
        for answer, right in pairs[fold::_FOLDS]:
            probability = confidence(answer.evidence, answer.platform, calibration)
            if probability is not None:
                said.append((probability, right))
    sure = [right for probability, right in said if probability >= SURE]
    return Reliability(
        outcomes=len(said),
        right=round(sum(right for _, right in said) / len(said), 3),
        calibration_error=round(calibration_error([p for p, _ in said], [r for _, r in said]), 3),
        sure=len(sure),
        wrong_when_sure=round(1 - sum(sure) / len(sure), 3) if sure else None,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Fit the confidence on the outcomes of evaluations.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="OUT")
    parser.add_argument("--model", default="qwen2.5-coder:1.5b", help="the chat model that was evaluated")
    parser.add_argument("--write", type=Path, help="where to write the calibration")
    asked = parser.parse_args()
    try:
        calibration, reliability = fitted(asked.folders, asked.model)
    except InvalidInput as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if asked.write:
        asked.write.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(reliability.model_dump_json(indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
