"""What a search's score means: the share of questions with such a match that the document really answers.

A logistic map of two measured features, fitted and cross-validated by `python -m agents.knowledge.measure --calibrate`:
on the questions of retrieval_dev.jsonl with their runbooks, against data questions (NL2KQL and Defog) that no runbook
of that collection answers, both classes weighted alike. An embedding model that nobody measured is left out of the
score, not of the order.
"""

from __future__ import annotations

import math

# Below it, no document fits: cross-validated, it keeps every answered question and refuses 96 of 100 others.
FLOOR = 0.3
# A name that occurs in few documents' titles, and in the question, points at one of them.
NAMED = 0.95

# Weight of the cosine, weight of the coverage, intercept; by embedding model.
_WITH_VECTORS = {"all-minilm": (8.48, 5.22, -7.41)}
_BY_WORDS = (8.45, -4.55)


def score(coverage: float, cosine: float | None, embedding_model: str) -> float:
    """0 to 1. coverage: share of the question's terms, by rarity, in one passage; cosine: of the nearest passage."""
    weights = _WITH_VECTORS.get(embedding_model)
    if weights is None or cosine is None:
        return _logistic(_BY_WORDS[0] * coverage + _BY_WORDS[1])
    return _logistic(weights[0] * cosine + weights[1] * coverage + weights[2])


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))
