"""The weights of the score, and what it is worth on questions that it was not fitted on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.knowledge.library import Library
from agents.knowledge.measure.libraries import DEPTH, add_runbooks, answered, is_of, open_library, unanswered
from agents.knowledge.search import scoring
from shared.models import Model
from shared.settings import Settings

_FOLDS = 10
_EDGES = (0.0, 0.1, scoring.FLOOR, 0.5, 0.7, 0.9, 1.0)


class Bin(Model):
    """Scores from `least` to below `most`; right: the share of them whose document answers, both kinds of questions
    weighing the same; count: of questions."""

    least: float
    most: float
    count: int
    score: float
    right: float


class CrossValidated(Model):
    """Each question scored by weights fitted without it: kept and refused as in Retrieval and Found."""

    kept: float
    refused: float
    bins: list[Bin]


class Calibration(Model):
    """Weights for scoring.py: (cosine, coverage, intercept) and (coverage, intercept)."""

    with_vectors: list[float]
    by_words: list[float]
    validated: CrossValidated
    validated_by_words: CrossValidated


Features = NDArray[np.float64]


async def calibrate(data: Path, settings: Settings) -> Calibration:
    """Weights fitted on the questions with their runbooks, against data questions with the best document that they
    find; both classes weigh alike. A question and its detail are in one fold."""
    async with open_library(settings) as library:
        await add_runbooks(library, data / "runbooks")
        both, right, question = await _examples(library, data)
    return Calibration(
        with_vectors=_fitted(both, right),
        by_words=_fitted(both[:, 1:], right),
        validated=_validated(both, right, question % _FOLDS),
        validated_by_words=_validated(both[:, 1:], right, question % _FOLDS),
    )


async def _examples(library: Library, data: Path) -> tuple[Features, Features, NDArray[np.int64]]:
    """Cosine and coverage of a document, whether it answers, and the number of the question; a row each."""
    rows: list[tuple[float, float, float, int]] = []
    for number, item in enumerate(answered(data)):
        for text in (item["question"], f"{item['question']} {item['detail']}"):
            own = [match for match in await library.ranked(text, DEPTH) if is_of(match, item["document"])]
            rows += [(match.cosine or 0.0, match.coverage, 1.0, number) for match in own]
    for number, text in enumerate(unanswered(data)):
        rows += [(match.cosine or 0.0, match.coverage, 0.0, number) for match in await library.ranked(text, 1)]
    table = np.array(rows)
    return table[:, :2], table[:, 2], table[:, 3].astype(np.int64)


def _validated(features: Features, right: Features, fold: NDArray[np.int64]) -> CrossValidated:
    score = np.zeros(len(right))
    for held_out in range(_FOLDS):
        weights = np.array(_fitted(features[fold != held_out], right[fold != held_out]))
        score[fold == held_out] = _chance(features[fold == held_out], weights)
    return CrossValidated(
        kept=round(float((score[right == 1] >= scoring.FLOOR).mean()), 3),
        refused=round(float((score[right == 0] < scoring.FLOOR).mean()), 3),
        bins=[bin for edges in pairwise(_EDGES) if (bin := _bin(score, right, *edges))],
    )


def _bin(score: Features, right: Features, least: float, most: float) -> Bin | None:
    inside = (score >= least) & ((score < most) | (most == _EDGES[-1]))
    if not inside.any():
        return None
    weight = _balance(right)[inside]
    return Bin(
        least=least,
        most=most,
        count=int(inside.sum()),
        score=round(float(np.average(score[inside], weights=weight)), 2),
        right=round(float(np.average(right[inside], weights=weight)), 2),
    )


def _fitted(features: Features, right: Features) -> list[float]:
    """Logistic regression by Newton's method; a small ridge keeps separable classes from infinite weights."""
    matrix, weight = np.c_[features, np.ones(len(features))], _balance(right)
    ridge = np.array([0.001] * features.shape[1] + [1e-9])
    found = np.zeros(matrix.shape[1])
    for _ in range(100):
        chance = _chance(features, found)
        gradient = matrix.T @ ((chance - right) * weight) + ridge * found
        curvature = (matrix * (weight * chance * (1 - chance))[:, None]).T @ matrix + np.diag(ridge)
        found -= np.linalg.solve(curvature, gradient)
    return [round(float(value), 2) for value in found]


def _balance(right: Features) -> Features:
    """Weights by which both classes are one half."""
    weights: Features = np.where(right == 1, 0.5 / right.sum(), 0.5 / (1 - right).sum())
    return weights


def _chance(features: Features, weights: Features) -> Features:
    chance: Features = 1 / (1 + np.exp(-(features @ weights[:-1] + weights[-1])))
    return chance
