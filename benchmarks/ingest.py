"""How many passages a second go into the runbooks: read, cut and stored, which makes them found by their words, and
embedded, which makes them found by their meaning. `python -m benchmarks ingest FOLDER`.

Each copy of the folder's documents has a title of its own, above every passage of it: no vector is known from before.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from pathlib import Path

from agents.knowledge.documents import READERS
from agents.knowledge.ingest.files import add_files
from agents.knowledge.procedures import Procedures
from agents.knowledge.store.passages import KnowledgeStore
from agents.knowledge.store.tables import schema as knowledge_schema
from benchmarks.figures import Figures
from shared import ledger as ledger_module
from shared.database import create_tables, open_database
from shared.ledger import Ledger
from shared.llm.models import pull
from shared.llm.runtime import open_models
from shared.settings import Settings


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks ingest", description=__doc__)
    parser.add_argument("folder", type=Path, help="of text and Markdown documents")
    parser.add_argument("--copies", type=int, default=5, help="of each document")
    parser.add_argument("--models", type=Path, default=Path("data/runtime/models"), help="where the embedding model is")
    parser.add_argument("--out", type=Path, help="a Markdown file for the table")
    asked = parser.parse_args(arguments)
    figures = asyncio.run(_measure(asked))
    if asked.out:
        asked.out.write_text("\n".join(figures.lines) + "\n", encoding="utf-8")


async def _measure(asked: argparse.Namespace) -> Figures:
    figures = Figures([])
    with tempfile.TemporaryDirectory() as folder:
        copies = await asyncio.to_thread(_copied, asked.folder, Path(folder, "runbooks"), asked.copies)
        settings = Settings(data_dir=Path(folder, "data"), model_dir=asked.models)
        await asyncio.to_thread(pull, settings.embedding_model_name, settings.models_path)
        engine = open_database(settings.sqlalchemy_url)
        await create_tables(engine, ledger_module.schema, knowledge_schema)
        ledger = Ledger(engine)
        async with open_models(settings, ledger, engine) as models:
            procedures = Procedures(engine, models, settings)
            try:
                rows = await _rows(procedures, KnowledgeStore(engine, "procedures"), copies)
            finally:
                await procedures.close()
        await ledger.close()
        await engine.dispose()
    figures.table("adding runbooks", ("import", "documents", "passages", "seconds", "passages/s"), rows)
    # Of this process and those that read and embed, which have ended by now: what a busy machine does not change.
    seconds = sum(resource.getrusage(who)[0] for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    figures.table("of all cores together", ("CPU seconds", "load"), [[f"{seconds:,.1f}", f"{os.getloadavg()[0]:.1f}"]])
    return figures


def _copied(source: Path, target: Path, copies: int) -> Path:
    texts = [path for path in sorted(source.rglob("*")) if path.suffix in (".md", ".txt") and path.suffix in READERS]
    for number in range(copies):
        for path in texts:
            copy = target / str(number) / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_text(encoding="utf-8", errors="replace")
            copy.write_text(f"# Copy {number} of {path.stem}\n\n{content}" if number else content, encoding="utf-8")
    return target


async def _rows(procedures: Procedures, store: KnowledgeStore, folder: Path) -> list[list[str]]:
    first = await asyncio.to_thread(_first_of, folder)
    began = time.perf_counter()
    await procedures.settle(await add_files([first], procedures.keep, use_git=False))
    cold, few = time.perf_counter() - began, await _passages(store)
    began = time.perf_counter()
    report = await add_files([folder], procedures.keep, use_git=False)
    words = time.perf_counter() - began
    await procedures.settle(report)
    meaning = time.perf_counter() - began
    documents, passages = len(report.added), await _passages(store)
    began = time.perf_counter()
    again = await procedures.add([folder], use_git=False)
    unchanged = time.perf_counter() - began
    return [
        _row("the first, with what has to start", 1, few, cold),
        _row("all others, found by their words", documents, passages - few, words),
        _row("and by their meaning", documents, passages - few, meaning),
        _row("again, unchanged", len(again.unchanged), passages, unchanged),
    ]


def _first_of(folder: Path) -> Path:
    return next(path for path in sorted(folder.rglob("*")) if path.is_file())


async def _passages(store: KnowledgeStore) -> int:
    return sum(one.passages for one in await store.documents())


def _row(what: str, documents: int, passages: int, seconds: float) -> list[str]:
    return [what, f"{documents:,}", f"{passages:,}", f"{seconds:,.1f}", f"{passages / seconds:,.0f}"]
