"""Libraries in a temporary directory, and the questions that are put to them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agents.knowledge.ingest.chunks import Chunk
from agents.knowledge.ingest.files import add_files
from agents.knowledge.ingest.importing import import_documents
from agents.knowledge.library import Library
from agents.knowledge.search.index import Match
from agents.knowledge.store.tables import schema
from shared import ledger as ledger_module
from shared.database import create_tables, open_database
from shared.ledger import Ledger
from shared.llm.runtime import open_models
from shared.settings import Settings

DEPTH = 50
_UNANSWERED = ("nl2kql/defender_dev.jsonl", "nl2kql/sentinel_dev.jsonl", "defog/questions_gen_dev.jsonl")


@asynccontextmanager
async def open_library(settings: Settings) -> AsyncIterator[Library]:
    """An empty library in a temporary directory, with the models of `settings`."""
    with tempfile.TemporaryDirectory() as folder:
        models_path = settings.models_path.resolve()
        settings = settings.model_copy(
            update={"data_dir": Path(folder), "model_dir": models_path, "database_url": None, "chroma_url": None}
        )
        engine = open_database(settings.sqlalchemy_url)
        await create_tables(engine, ledger_module.schema, schema)
        ledger = Ledger(engine)
        async with open_models(settings, ledger, engine) as models:
            library = Library(engine, models, settings, "procedures")
            yield library
            await library.close()
        await ledger.close()
        await engine.dispose()


async def add_runbooks(library: Library, folder: Path) -> None:
    """Every document below the folder, with its vectors."""
    await add_files([folder], lambda request: import_documents(request, library, keeps=True))
    await library.settled()


async def add_chunks(library: Library, documents: Mapping[str, Sequence[Chunk]]) -> None:
    """Documents by name, with their vectors."""
    for name, chunks in documents.items():
        await library.put(name, name, name, name, chunks)
    await library.sync()


def answered(data: Path) -> list[dict[str, Any]]:
    """Questions with the runbook that answers each: {id, question, detail, document}."""
    return _lines(data / "runbooks" / "retrieval_dev.jsonl")


def unanswered(data: Path) -> list[str]:
    """Questions about data, which none of the runbooks answers."""
    return [item["question"] for name in _UNANSWERED for item in _lines(data / name)]


def is_of(match: Match, document: str) -> bool:
    return match.passage.source.rsplit("/", 1)[-1] == document


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
