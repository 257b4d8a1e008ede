"""Arithmetic on the unit vectors of embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


def as_vectors(rows: Sequence[Sequence[float]]) -> Vectors:
    """One row a text."""
    return np.array(rows, dtype=np.float32)


def cosines(asked: Sequence[float], vectors: Vectors) -> list[float]:
    """The cosine of one unit vector to each row; empty for no rows."""
    return [float(value) for value in vectors @ np.asarray(asked, dtype=np.float32)] if len(vectors) else []
