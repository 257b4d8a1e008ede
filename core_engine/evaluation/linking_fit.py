"""Fits the weights of linking.json on questions whose tables are known.

The order of a group's tables: multinomial logit over its tables (the gold tables share the probability of 1), ridge, no
weight negative. Then one logistic of the best total tells questions of a group from those of others, so that a score is
the probability that the question belongs there, in a house of four groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RIDGE = 0.05
_STEPS = 600
_RATE = 0.15
_NEWTON_STEPS = 60
_OWN = 0.25


@dataclass(frozen=True)
class Case:
    """One question against one group: a row of signals a table, and the rows that the gold query reads, the first it
    names first; none where the question is of another group."""

    group: str
    question: str
    rows: Floats
    gold: tuple[int, ...] = ()

    @classmethod
    def of(cls, group: str, question: str, signals: Sequence[Mapping[str, float]], gold: Sequence[int] = ()) -> Case:
        return cls(group, question, np.array([list(one.values()) for one in signals]), tuple(gold))

    @classmethod
    def joined(cls, cases: Sequence[Case]) -> Case:
        """The same question against several groups as one choice among all their tables."""
        starts = np.cumsum([0, *(len(case.rows) for case in cases)])
        gold = tuple(int(start) + table for start, case in zip(starts, cases, strict=False) for table in case.gold)
        return cls("", cases[0].question, np.vstack([case.rows for case in cases]), gold)

    def rank(self, weights: Floats, *, any_table: bool) -> int:
        """Place of the first gold table (or the best placed one) among the group's, from 0."""
        order = list(np.argsort(-(self.rows @ weights), kind="stable"))
        places = [order.index(table) for table in self.gold]
        return min(places) if any_table else places[0]


def fit_order(cases: Sequence[Case]) -> Floats:
    """A weight a signal. Adam on the whole set, projected; deterministic."""
    rows, mask, gold = _padded(cases)
    weights = np.zeros(rows.shape[2])
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, _STEPS + 1):
        totals = np.where(mask, rows @ weights, -np.inf)
        chance = np.exp(totals - totals.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        gradient = np.einsum("nt,nts->s", chance - gold, rows) + _RIDGE * weights
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        pace = _RATE * (1 - step / (_STEPS + 1))
        weights -= pace * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
        weights = np.maximum(weights, 0)
    return weights


def fit_scale(own: Floats, others: Floats) -> tuple[float, float]:
    """(slope, bias) of the logistic that tells best totals of a group's own questions from those of others.

    Own questions weigh a quarter. Newton's method.
    """
    totals = np.concatenate([own, others])
    target = np.concatenate([np.ones(len(own)), np.zeros(len(others))])
    weight = np.concatenate([np.full(len(own), _OWN / len(own)), np.full(len(others), (1 - _OWN) / len(others))])
    middle, spread = float(totals.mean()), float(totals.std()) or 1.0
    matrix = np.c_[(totals - middle) / spread, np.ones(len(totals))]
    found = np.zeros(2)
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-matrix @ found))
        gradient = matrix.T @ ((chance - target) * weight) + 1e-3 * found
        curvature = (matrix * (weight * chance * (1 - chance))[:, None]).T @ matrix + 1e-3 * np.eye(2)
        found = found - np.linalg.solve(curvature, gradient)
    slope = float(found[0]) / spread
    return slope, float(found[1]) - slope * middle


def _padded(cases: Sequence[Case]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """(rows, which of them are tables, the probability that each should have), padded to the widest group."""
    most = max(len(case.rows) for case in cases)
    rows = np.zeros((len(cases), most, cases[0].rows.shape[1]))
    mask, gold = np.zeros((len(cases), most), dtype=bool), np.zeros((len(cases), most))
    for number, case in enumerate(cases):
        rows[number, : len(case.rows)] = case.rows
        mask[number, : len(case.rows)] = True
        gold[number, list(case.gold)] = 1 / len(case.gold)
    return rows, mask, gold
