"""What the commands of `lexiquery sop` about documents do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from core_engine.progress import count
from core_engine.results import DONE, FAILED, Result, listed, opened_state, quiet_settings
from core_engine.session import open_product
from shared.documents import DocumentText, IngestReport, IngestRequest, Labels
from shared.errors import InvalidInput, first_problem

if TYPE_CHECKING:
    from core_engine.product import LocalProduct
    from core_engine.remote import RemoteProduct

_LOOK_SECONDS = 1.0


async def add(paths: Sequence[str], labels: list[str] | None, *, allow_empty: bool = False) -> Result:
    from agents.knowledge.ingest.files import add_files
    from core_engine.knowledge_commands import broken_notes

    labels = _checked(labels) if labels else None
    async with open_product(quiet_settings()) as product:
        progress = count if sys.stderr.isatty() else None
        report = await add_files(
            paths, product.add_procedures, labels=labels, progress=progress, allow_empty=allow_empty
        )
        report = await _with_vectors(report, product)
    report.notes += await broken_notes()
    return Result(report, report.render(), FAILED if report.failed else DONE)


async def _with_vectors(report: IngestReport, product: LocalProduct | RemoteProduct) -> IngestReport:
    """When the vectors that the import left to come are there. Who doesn't wait finds by words until the next start, or
    until the server that runs has computed them."""
    total = report.waiting
    while report.waiting:
        if sys.stderr.isatty():
            count(total - report.waiting, total, "passages embedded")
        await asyncio.sleep(_LOOK_SECONDS)
        now = await product.add_procedures(IngestRequest())
        if not now.waiting and sys.stderr.isatty():
            count(total, total, "passages embedded")
        report = report.model_copy(update={"waiting": now.waiting, "notes": [*report.notes, *now.notes]})
    return report


def _checked(labels: list[str]) -> list[str]:
    try:
        return TypeAdapter(Labels).validate_python(labels)
    except ValidationError as error:
        raise InvalidInput(f"--label {first_problem(error)}") from error


async def list_documents() -> Result:
    from agents.knowledge.store.passages import KnowledgeStore

    async with opened_state() as state:
        found = await KnowledgeStore(state.engine, "procedures").documents()
    lines = [
        {
            "source": one.source,
            "title": one.title,
            "passages": one.passages,
            "read": f"{one.imported_at:%Y-%m-%d %H:%M}",
            "commit": (one.revision or "")[:12] or None,
            "labels": ", ".join(one.labels) or None,
            "id": one.id,
        }
        for one in found
    ]
    return listed(lines, "no runbook yet; `lexiquery sop add FOLDER` adds some")


async def show(name: str, version: int | None) -> Result:
    from agents.knowledge.store.passages import KnowledgeStore

    async with opened_state() as state:
        store = KnowledgeStore(state.engine, "procedures")
        document = await store.document(name)
        shown = DocumentText(document=document, text=await store.text(document.id, version))
    return Result(shown, shown.text)


async def history(name: str) -> Result:
    from agents.knowledge.store.passages import KnowledgeStore

    async with opened_state() as state:
        store = KnowledgeStore(state.engine, "procedures")
        found = await store.history((await store.document(name)).id)
    lines = [
        {
            "version": one.number,
            "read": f"{one.read_at:%Y-%m-%d %H:%M}",
            "source": one.source,
            "passages": one.passages,
            "commit": (one.revision or "")[:12] or None,
            "sha256": one.content_hash[:12],
        }
        for one in found
    ]
    return Result(found, listed(lines, "").text)


async def remove(names: Sequence[str]) -> Result:
    """Who keeps the data directory carries every label. What was learned of the documents goes with them."""
    from agents.knowledge.store.passages import KnowledgeStore
    from core_engine.knowledge_commands import opened_runbooks

    async with opened_state() as state:
        documents = [await KnowledgeStore(state.engine, "procedures").document(name) for name in names]
    report = IngestReport()
    async with open_product(quiet_settings()) as product:
        for one in documents:
            report = report.plus(await product.remove_procedure(one.id, one.labels))
    async with opened_runbooks() as runbooks:
        await runbooks.withdraw()
    return Result(report, f"removed {', '.join(report.removed)}")
