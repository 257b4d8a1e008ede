"""Vectors that were computed before, by model and text: float32, packed."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence

from shared.llm.caching.store import CacheStore, Layered

_MEMORY_BYTES = 16 * 2**20
"""Some 5,000 vectors of 768 dimensions: a question's texts repeat within seconds, between its agents."""


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def unit(vector: Sequence[float]) -> list[float]:
    """The vector with length 1, in the float32 that the cache keeps; a zero vector stays zero."""
    length = math.hypot(*vector) or 1.0
    return array("f", [value / length for value in vector]).tolist()


class EmbeddingCache:
    """model: its digest, or its name where the server tells none. Texts are known by their hash alone."""

    def __init__(self, store: CacheStore) -> None:
        self._kept = Layered(store, _MEMORY_BYTES)

    async def get(self, model: str, hashes: Iterable[str]) -> dict[str, list[float]]:
        """Those of `hashes` that are known, with their vectors."""
        found = await self._kept.get(model, hashes)
        return {key: vector for key, packed in found.items() if (vector := _unpack(packed))}

    async def put(self, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors by text hash; in SQL one that another process kept first stays."""
        await self._kept.put(model, {key: _pack(vector) for key, vector in vectors.items()})


def _pack(vector: Sequence[float]) -> bytes:
    return array("f", vector).tobytes()


def _unpack(packed: bytes) -> list[float]:
    """Empty for what is no vector of length 1: nobody wrote it here, or not all of it."""
    if len(packed) % 4:
        return []
    values = array("f")
    values.frombytes(packed)
    return values.tolist() if 0.99 < math.hypot(*values) < 1.01 else []
