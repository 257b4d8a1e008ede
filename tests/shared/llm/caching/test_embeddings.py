"""The embedding cache: vectors by model and text, to the last bit of their float32."""

from __future__ import annotations

from shared.llm.caching import EmbeddingCache
from shared.llm.caching.embeddings import text_hash, unit
from tests.shared.llm.caching.conftest import Place


async def test_vectors_come_back_as_they_were_from_memory_and_from_the_store(place: Place) -> None:
    vectors = {text_hash(f"text {number}"): unit([number + 0.1, -2.0, 1e-9]) for number in range(600)}
    cache = EmbeddingCache(place.embeddings())
    await cache.put("sha256:m", vectors)
    assert await cache.get("sha256:m", [*vectors, "unknown"]) == vectors
    assert await EmbeddingCache(place.embeddings()).get("sha256:m", vectors) == vectors
    assert await cache.get("sha256:other", vectors) == {}


async def test_nothing_to_keep_and_nothing_to_find_is_no_error(place: Place) -> None:
    cache = EmbeddingCache(place.embeddings())
    await cache.put("m", {})
    assert await cache.get("m", []) == {}


def test_a_unit_vector_has_length_one_and_a_zero_vector_stays_zero() -> None:
    assert unit([3.0, 0.0, 4.0]) == [0.6000000238418579, 0.0, 0.800000011920929]
    assert unit([0.0, 0.0]) == [0.0, 0.0]
