"""How sure: a probability computed from what was seen on the way to an answer, fitted on measured outcomes.

    confidence = 1 / (1 + exp(-(intercept of the platform + sum of weight * evidence)))

The evidence is in the answer (`QueryAnswer.evidence`), the weights in `calibration.json`: the one in the data directory
(a copy of what `lexiquery eval` wrote), else the one that ships with the platform code. Without a calibration for the
platform and model, the confidence is None: unknown, rather than made up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from shared.errors import InvalidInput
from shared.models import Model

Floats = npt.NDArray[np.float64]

_SHIPPED = Path(__file__).parent / "calibration.json"
_FEWEST = 10  # outcomes of a platform below which nothing is said of it
_RIDGE = 1.0
_STEPS = 50
_MOST = 3  # mends, repairs and the like count up to this

EVIDENCE: Mapping[str, str] = {
    "proven": "1 if proven, 0.5 if plausible, 0 if rejected",
    "mends": "names and values that were mended, up to 3, as a share of 3",
    "repairs": "model calls that repaired, up to 3, as a share of 3",
    "link": "score of the best linked table",
    "margin": "how far the best linked table leads the next",
    "unexplained": "literals that nothing says, up to 3, as a share of 3",
    "unasked_values": "known values that the query says and the question does not, up to 3, as a share of 3",
    "unused": "things and numbers that the question says and the query does not, up to 3, as a share of 3",
    "unused_values": "known values that the question says and the query does not, up to 3, as a share of 3",
    "unmet": "forms of answer that the question asks for and the query has no part for, up to 3, as a share of 3",
    "time_off": "1 if the query's time is not the question's",
    "surprise": "mean of the negative natural logarithms of the probabilities that the model gave its tokens, up to 1",
    "least_likely": "the least probability that the model gave one of its tokens",
    "fallback": "1 if the query was written in another language than SQL, because SQL or the plan could not say it",
    "joined": "joins, lookups and unions, up to 3, as a share of 3",
    "nested": "queries within the query, up to 3, as a share of 3",
    "length": "characters of the query, up to 600, as a share of 600",
    "divides": "1 if the query divides",
    "empty": "1 if the query ran and gave no rows",
    "example": "likeness of the nearest solved question",
    "same_tables": "1 if the query reads the tables that the nearest solved question reads",
}

_NOT_ALWAYS = ("surprise", "least_likely")


class Calibration(Model):
    """Weights fitted on `items` outcomes of `suite` with `model`. intercepts: by platform; usual: the mean of evidence
    that not every model server gives, taken where it is missing."""

    model: str
    suite: str
    made: str
    items: dict[str, int]
    weights: dict[str, float]
    intercepts: dict[str, float]
    usual: dict[str, float] = {}
    calibration_error: float = Field(description="expected calibration error on the fitted outcomes, five bins")


def share(count: int) -> float:
    """A count as evidence."""
    return min(count, _MOST) / _MOST


def read_calibration(data_dir: Path, model: str) -> Calibration | None:
    """The calibration for that chat model: the user's own before the shipped one; None where there is none."""
    for path in (data_dir / "calibration.json", _SHIPPED):
        if path.is_file():
            found = _parse(path)
            if found.model == model:
                return found
    return None


def confidence(evidence: Mapping[str, float], platform: str, calibration: Calibration | None) -> float | None:
    """The probability that the answer is right, to two digits; None where nothing was measured."""
    if calibration is None or platform not in calibration.intercepts:
        return None
    total = calibration.intercepts[platform]
    known = {**calibration.usual, **evidence}
    total += sum(weight * known.get(name, 0.0) for name, weight in calibration.weights.items())
    return round(1 / (1 + math.exp(-total)), 2)


def fit(outcomes: Sequence[tuple[str, Mapping[str, float], bool]], *, model: str, suite: str, made: str) -> Calibration:
    """Logistic regression (Newton, ridge 1 on the weights) on (platform, evidence, right); one intercept a platform.

    Raises InvalidInput when no platform has ten outcomes.
    """
    counts = {name: sum(platform == name for platform, _, _ in outcomes) for name in {one[0] for one in outcomes}}
    platforms = sorted(name for name, count in counts.items() if count >= _FEWEST)
    if not platforms:
        raise InvalidInput(f"calibration needs {_FEWEST} outcomes of a platform; there are {len(outcomes)}")
    used = [one for one in outcomes if one[0] in platforms]
    usual = _usual([evidence for _, evidence, _ in used])
    rows = np.array([_row(platform, {**usual, **evidence}, platforms) for platform, evidence, _ in used])
    right = np.array([float(was_right) for _, _, was_right in used])
    solved = _solve(rows, right)
    return Calibration(
        model=model,
        suite=suite,
        made=made,
        items={name: counts[name] for name in platforms},
        intercepts=dict(zip(platforms, _rounded(solved[: len(platforms)]), strict=True)),
        weights=dict(zip(EVIDENCE, _rounded(solved[len(platforms) :]), strict=True)),
        usual=usual,
        calibration_error=round(calibration_error(_sigmoid(rows @ solved).tolist(), right.tolist()), 3),
    )


def calibration_error(said: Sequence[float], right: Sequence[float], bins: int = 5) -> float:
    """Expected calibration error: over equal bins of what was said, the mean gap to the share that was right,
    weighted by the bin's size."""
    total = 0.0
    for number in range(bins):
        inside = [
            i for i, p in enumerate(said) if number / bins <= p < (number + 1) / bins or (p == 1 == number / (bins - 1))
        ]
        if inside:
            total += abs(sum(said[i] for i in inside) - sum(right[i] for i in inside))
    return total / len(said) if said else 0.0


def _usual(seen: Sequence[Mapping[str, float]]) -> dict[str, float]:
    given = {name: [evidence[name] for evidence in seen if name in evidence] for name in _NOT_ALWAYS}
    return {name: round(sum(values) / len(values), 4) for name, values in given.items() if values}


def _row(platform: str, evidence: Mapping[str, float], platforms: Sequence[str]) -> list[float]:
    return [float(platform == name) for name in platforms] + [evidence.get(name, 0.0) for name in EVIDENCE]


def _solve(rows: Floats, right: Floats) -> Floats:
    """Newton's method for the ridge logistic; intercepts get a ridge of a tenth, so that all-right stays finite."""
    ridge = np.full(rows.shape[1], _RIDGE)
    ridge[: rows.shape[1] - len(EVIDENCE)] = _RIDGE / 10
    weights = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        said = _sigmoid(rows @ weights)
        gradient = rows.T @ (said - right) + ridge * weights
        hessian = (rows * (said * (1 - said))[:, None]).T @ rows + np.diag(ridge)
        weights = weights - np.linalg.solve(hessian, gradient)
    return weights


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))))


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 4) for value in values]


def _parse(path: Path) -> Calibration:
    try:
        return Calibration.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, json.JSONDecodeError) as error:
        raise InvalidInput(
            f"{path} is no calibration: {error}", suggestion="remove it, or run lexiquery eval again"
        ) from error
