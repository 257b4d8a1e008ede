"""How fast a large library is searched, opened and changed, and what it takes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.knowledge.ingest.chunks import Chunk
from agents.knowledge.library import Library
from agents.knowledge.measure.distractors import distractors
from agents.knowledge.measure.libraries import answered, open_library, unanswered
from shared.models import Model
from shared.settings import Settings

_IN_A_DOCUMENT = 100
_EMBEDDED = 500
_NOISE = 0.6
_QUESTIONS = 100


class Spread(Model):
    """Milliseconds."""

    median: float
    p95: float


class AtScale(Model):
    """search: of new questions, the embedding call with its entries on the ledger in it; search_known: of the same
    questions once more, their vectors are kept; open_seconds: the index built from SQL, as after a start;
    change_ms: the index after one document changed; memory_mb: of the process, its peak before and after."""

    chunks: int
    load: float
    stored_seconds: float
    vectors_seconds: float
    open_seconds: float
    change_ms: float
    search: Spread
    search_known: Spread
    memory_mb_before: int
    memory_mb: int


async def at_scale(data: Path, settings: Settings, count: int) -> AtScale:
    """A library of `count` chunks: real sentences put together anew, with vectors of real chunks and noise beside them
    (to embed 100,000 would take half an hour, and shows nothing about search)."""
    async with open_library(settings) as library:
        before = _memory_mb()
        began = time.perf_counter()
        await _fill(library, count)
        stored, began = time.perf_counter() - began, time.perf_counter()
        await _add_vectors(library, count)
        vectors, began = time.perf_counter() - began, time.perf_counter()
        await library.index()
        opened = time.perf_counter() - began
        questions = [*[item["question"] for item in answered(data)], *unanswered(data)][:_QUESTIONS]
        await library.search("a first question, which loads the model", 5)
        search, known = await _times(library, questions), await _times(library, questions)
        began = time.perf_counter()
        await _put(library, 0, [Chunk(("changed",), "text", "The quorum is lost.")])
        await library.index()
        changed = time.perf_counter() - began
    return AtScale(
        chunks=count,
        load=round(os.getloadavg()[0], 1),
        stored_seconds=round(stored, 1),
        vectors_seconds=round(vectors, 1),
        open_seconds=round(opened, 1),
        change_ms=round(1000 * changed, 1),
        search=search,
        search_known=known,
        memory_mb_before=before,
        memory_mb=_memory_mb(),
    )


async def _times(library: Library, questions: list[str]) -> Spread:
    times = []
    for question in questions:
        began = time.perf_counter()
        await library.search(question, 5)
        times.append(1000 * (time.perf_counter() - began))
    return Spread(median=round(float(np.median(times)), 1), p95=round(float(np.percentile(times, 95)), 1))


async def _fill(library: Library, count: int) -> None:
    """Halves of real chunks, put together as chance wants."""
    texts = [chunk.text for chunks in distractors(10_000).values() for chunk in chunks]
    chance = np.random.default_rng(0)
    chunks: list[Chunk] = []
    for number, pair in enumerate(chance.integers(len(texts), size=(count, 2)).tolist()):
        one, other = (texts[place].split() for place in pair)
        chunks.append(Chunk((" ".join(one[:4]),), "text", " ".join(one[: len(one) // 2] + other[len(other) // 2 :])))
        if len(chunks) == _IN_A_DOCUMENT or number == count - 1:
            await _put(library, number // _IN_A_DOCUMENT, chunks)
            chunks = []


async def _put(library: Library, number: int, chunks: list[Chunk]) -> None:
    text = "\n".join(chunk.text for chunk in chunks)
    name = f"scale/{number}.md"
    await library.put(name, name, chunks[0].path[0], hashlib.sha256(text.encode()).hexdigest(), chunks)


async def _add_vectors(library: Library, count: int) -> None:
    passages = await library.store.passages()
    real = await library.embedded([passage.context for passage in passages[:_EMBEDDED]])
    for start in range(0, count, 10_000):
        some = passages[start : start + 10_000]
        vectors = await asyncio.to_thread(_noisy, np.array(real, dtype=np.float32), len(some), start)
        await library.vectors.add([passage.id for passage in some], vectors.tolist())


def _noisy(real: NDArray[np.float32], count: int, seed: int) -> NDArray[np.float32]:
    chance = np.random.default_rng(seed)
    noise = chance.standard_normal((count, real.shape[1]), dtype=np.float32) * (_NOISE / real.shape[1] ** 0.5)
    vectors = real[chance.integers(len(real), size=count)] + noise
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _memory_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
