"""`python -m agents.knowledge.measure`: how well the search finds runbooks, and tells that none fits.

On the public runbooks and the questions that came with them (alerts' summaries, without the alerts' names); what no
runbook answers is asked in the words of data questions, NL2KQL's and Defog's. Everything runs in a temporary directory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.knowledge import scoring, store
from agents.knowledge.files import add_files
from agents.knowledge.ingest import import_documents
from agents.knowledge.library import Library
from agents.knowledge.search import Match
from shared import ledger as ledger_module
from shared.database import create_tables, open_database
from shared.ledger import Ledger
from shared.llm.runtime import open_models
from shared.models import Model
from shared.settings import Settings

_UNANSWERED = ("nl2kql/defender_dev.jsonl", "nl2kql/sentinel_dev.jsonl", "defog/questions_gen_dev.jsonl")
_DEPTH = 50


class Retrieval(Model):
    """recall_at_1 and _3: share of questions whose runbook is first, among the first three; mrr: mean 1/rank; kept:
    share whose runbook scores at least the floor."""

    questions: int
    recall_at_1: float
    recall_at_3: float
    mrr: float
    kept: float


class Measured(Model):
    """refused: share of the unanswerable questions for which no document reaches the floor."""

    documents: int
    passages: int
    import_seconds: float
    search_ms_median: float
    by_summary: Retrieval
    by_summary_and_detail: Retrieval
    by_alert_name: Retrieval
    unanswerable: int
    refused: float


async def measure(data: Path, settings: Settings, runbooks: str = "runbooks") -> Measured:
    """data: the public data's folder; runbooks: what of it is imported.

    Raises NotFound when it is not there, ModelUnavailable without a model.
    """
    async with _open_library(settings) as library:
        started = time.perf_counter()
        await add_files([data / runbooks], lambda request: import_documents(request, library))
        import_seconds = time.perf_counter() - started
        documents = await library.documents()
        questions = _lines(data / "runbooks" / "retrieval_dev.jsonl")
        times: list[float] = []

        async def ranked(text: str) -> list[Match]:
            began = time.perf_counter()
            matches = await library.ranked(text, _DEPTH)
            times.append(time.perf_counter() - began)
            return matches

        async def retrieval(texts: Sequence[str]) -> Retrieval:
            return _retrieval([await ranked(text) for text in texts], [item["document"] for item in questions])

        summary = await retrieval([item["question"] for item in questions])
        detail = await retrieval([f"{item['question']} {item['detail']}" for item in questions])
        named = await retrieval([f"{item['id']} fires" for item in questions])
        others = [item["question"] for name in _UNANSWERED for item in _lines(data / name)]
        top = [next((match.score for match in await ranked(text)), 0.0) for text in others]
    return Measured(
        documents=len(documents),
        passages=sum(document.passages for document in documents),
        import_seconds=round(import_seconds, 1),
        search_ms_median=round(1000 * float(np.median(times)), 1),
        by_summary=summary,
        by_summary_and_detail=detail,
        by_alert_name=named,
        unanswerable=len(others),
        refused=round(sum(score < scoring.FLOOR for score in top) / len(top), 3),
    )


async def fit(data: Path, settings: Settings) -> dict[str, list[float]]:
    """The weights of scoring's two maps (cosine, coverage, intercept), for the embedding model of the settings."""
    async with _open_library(settings) as library:
        await add_files([data / "runbooks"], lambda request: import_documents(request, library))
        features: list[tuple[float, float]] = []
        right: list[bool] = []
        for item in _lines(data / "runbooks" / "retrieval_dev.jsonl"):
            for text in (item["question"], f"{item['question']} {item['detail']}"):
                own = [match for match in await library.ranked(text, _DEPTH) if _is(match, item["document"])]
                features += [(match.cosine or 0.0, match.coverage) for match in own]
                right += [True] * len(own)
        for text in (item["question"] for name in _UNANSWERED for item in _lines(data / name)):
            for match in await library.ranked(text, 1):
                features.append((match.cosine or 0.0, match.coverage))
                right.append(False)
    both, target = np.array(features), np.array(right, dtype=np.float64)
    return {"with_vectors": _logistic_fit(both, target), "by_words": _logistic_fit(both[:, 1:], target)}


def _logistic_fit(features: NDArray[np.float64], target: NDArray[np.float64]) -> list[float]:
    """Newton's method; both classes weigh one half; a small ridge keeps separable classes from infinite weights."""
    matrix = np.c_[features, np.ones(len(features))]
    weight = np.where(target == 1, 0.5 / target.sum(), 0.5 / (1 - target).sum())
    ridge = np.array([0.001] * features.shape[1] + [1e-9])
    found = np.zeros(matrix.shape[1])
    for _ in range(100):
        chance = 1 / (1 + np.exp(-matrix @ found))
        gradient = matrix.T @ ((chance - target) * weight) + ridge * found
        curvature = (matrix * (weight * chance * (1 - chance))[:, None]).T @ matrix + np.diag(ridge)
        found -= np.linalg.solve(curvature, gradient)
    return [round(float(value), 2) for value in found]


def _retrieval(found: Sequence[Sequence[Match]], wanted: Sequence[str]) -> Retrieval:
    ranks: list[float] = []
    kept = 0
    for matches, document in zip(found, wanted, strict=True):
        place = next((place for place, match in enumerate(matches) if _is(match, document)), None)
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


def _is(match: Match, document: str) -> bool:
    return match.passage.source.rsplit("/", 1)[-1] == document


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@asynccontextmanager
async def _open_library(settings: Settings) -> AsyncIterator[Library]:
    """An empty library in a temporary directory, with the models of `settings`."""
    with tempfile.TemporaryDirectory() as folder:
        models_path = settings.models_path.resolve()
        settings = settings.model_copy(
            update={"data_dir": Path(folder), "model_dir": models_path, "database_url": None, "chroma_url": None}
        )
        engine = open_database(settings.sqlalchemy_url)
        await create_tables(engine, ledger_module.schema, store.schema)
        async with open_models(settings, Ledger(engine), engine) as models:
            library = Library(engine, models, settings, "procedures")
            yield library
            await library.close()
        await engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m agents.knowledge.measure", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data's folder")
    parser.add_argument("--fit", action="store_true", help="print the weights of scoring.py instead")
    arguments = parser.parse_args()
    if not (arguments.data / "runbooks").is_dir():
        parser.error(f"no runbooks at {arguments.data}")
    settings = Settings.model_validate({})  # from the environment
    if arguments.fit:
        text = json.dumps(asyncio.run(fit(arguments.data, settings)))
    else:
        text = asyncio.run(measure(arguments.data, settings)).model_dump_json(indent=2)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
