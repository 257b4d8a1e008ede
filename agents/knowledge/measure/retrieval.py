"""Whether the right runbook is found, and whether a question that none answers gets none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agents.knowledge.library import Library
from agents.knowledge.measure.distractors import distractors as other_text
from agents.knowledge.measure.libraries import (
    DEPTH,
    add_chunks,
    add_runbooks,
    answered,
    is_of,
    open_library,
    unanswered,
)
from agents.knowledge.search import scoring
from agents.knowledge.search.index import Match
from shared.models import Model
from shared.settings import Settings


class Retrieval(Model):
    """recall_at_1 and _3: share of questions whose runbook is first, among the first three; mrr: mean 1/rank; kept:
    share whose runbook scores at least the floor."""

    questions: int
    recall_at_1: float
    recall_at_3: float
    mrr: float
    kept: float


class Found(Model):
    """refused: share of the questions that no runbook answers for which no document reaches the floor."""

    passages: int
    by_summary: Retrieval
    by_summary_and_detail: Retrieval
    by_alert_name: Retrieval
    refused: float


class Measured(Found):
    """chunks_per_second: of the import, with everything; among: the same among chunks of other text."""

    documents: int
    import_seconds: float
    chunks_per_second: float
    search_ms_median: float
    unanswerable: int
    among: Found | None = None


async def measure(data: Path, settings: Settings, runbooks: str = "runbooks", distractors: int = 0) -> Measured:
    """data: the public data's folder; runbooks: what of it is imported; distractors: chunks of other text.

    Raises NotFound when it is not there, ModelUnavailable without a model.
    """
    async with open_library(settings) as library:
        began = time.perf_counter()
        await add_runbooks(library, data / runbooks)
        seconds = time.perf_counter() - began
        times: list[float] = []
        found = await _found(library, data, times)
        documents = len(await library.documents())
        among = None
        if distractors:
            await add_chunks(library, other_text(distractors))
            among = await _found(library, data, [])
    return Measured(
        **found.model_dump(),
        documents=documents,
        import_seconds=round(seconds, 1),
        chunks_per_second=round(found.passages / seconds, 1),
        search_ms_median=round(1000 * float(np.median(times)), 1),
        unanswerable=len(unanswered(data)),
        among=among,
    )


async def _found(library: Library, data: Path, times: list[float]) -> Found:
    questions = answered(data)

    async def ranked(text: str) -> list[Match]:
        began = time.perf_counter()
        matches = await library.ranked(text, DEPTH)
        times.append(time.perf_counter() - began)
        return matches

    async def retrieval(texts: Sequence[str]) -> Retrieval:
        return _retrieval([await ranked(text) for text in texts], [item["document"] for item in questions])

    passages = len((await library.index()).passages)
    summary = await retrieval([item["question"] for item in questions])
    detail = await retrieval([f"{item['question']} {item['detail']}" for item in questions])
    named = await retrieval([f"{item['id']} fires" for item in questions])
    best = [max((match.score for match in await ranked(text)), default=0.0) for text in unanswered(data)]
    refused = round(sum(score < scoring.FLOOR for score in best) / len(best), 3)
    return Found(
        passages=passages,
        by_summary=summary,
        by_summary_and_detail=detail,
        by_alert_name=named,
        refused=refused,
    )


def _retrieval(found: Sequence[Sequence[Match]], wanted: Sequence[str]) -> Retrieval:
    ranks: list[float] = []
    kept = 0
    for matches, document in zip(found, wanted, strict=True):
        place = next((place for place, match in enumerate(matches) if is_of(match, document)), None)
        ranks.append(float("inf") if place is None else place + 1)
        kept += place is not None and matches[place].score >= scoring.FLOOR
    count = len(ranks)
    return Retrieval(
        questions=count,
        recall_at_1=round(sum(rank <= 1 for rank in ranks) / count, 3),
        recall_at_3=round(sum(rank <= 3 for rank in ranks) / count, 3),
        mrr=round(sum(1 / rank for rank in ranks) / count, 3),
        kept=round(kept / count, 3),
    )
