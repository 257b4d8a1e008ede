"""What the commands of `lexiquery sop` about documents do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from core_engine.progress import count
from core_engine.results import DONE, FAILED, Result, listed, opened_state, quiet_settings
from core_engine.session import open_product
from shared.documents import DocumentText, IngestReport, IngestRequest, Labels
from shared.errors import InvalidInput, first_problem

if TYPE_CHECKING:
    from agents.knowledge.checks.check import CheckedQuery
    from agents.knowledge.store.passages import KnowledgeStore
    from core_engine.product import LocalProduct
    from core_engine.remote import RemoteProduct

_LOOK_SECONDS = 1.0


async def add(
    paths: Sequence[str], labels: list[str] | None, *, everybody: bool = False, allow_empty: bool = False
) -> Result:
    """everybody: lift the labels of earlier imports."""
    from agents.knowledge.ingest.files import add_files
    from agents.knowledge.ingest.keeping import signed
    from core_engine.knowledge_commands import broken_queries

    if labels and everybody:
        raise InvalidInput("--label and --everybody contradict each other")
    given = _checked(labels) if labels else ([] if everybody else None)
    async with _opened_store() as store:
        key, known = await store.key(), await store.hashes()
    async with open_product(quiet_settings()) as product:

        async def send(request: IngestRequest) -> IngestReport:
            return await product.add_procedures(signed(request, key))

        progress = count if sys.stderr.isatty() else None
        report = await add_files(
            paths, send, labels=given, progress=progress, allow_empty=allow_empty, read_before=known
        )
        report = await _with_vectors(report, product)
    broken = await broken_queries()
    shown = _with_notes(report, _notes_for_people(broken, report)).render()
    return Result(_with_notes(report, map(_note, broken)), shown, FAILED if report.failed else DONE)


def _notes_for_people(broken: Sequence[CheckedQuery], report: IngestReport) -> list[str]:
    """A line a broken query of what was read in; of all others how many there are."""
    own = [_note(one) for one in broken if report.reads(one.source)]
    others = len(broken) - len(own)
    return [*own, f"{others} more broken in other runbooks: lexiquery sop check"] if others else own


def _note(query: CheckedQuery) -> str:
    return query.render().replace("\n ", ";")


def _with_notes(report: IngestReport, notes: Iterable[str]) -> IngestReport:
    return report.model_copy(update={"notes": [*report.notes, *notes]})


@asynccontextmanager
async def _opened_store() -> AsyncIterator[KnowledgeStore]:
    """Also where no document was ever added."""
    from agents.knowledge.store.passages import KnowledgeStore
    from agents.knowledge.store.tables import schema
    from shared.database import create_tables

    async with opened_state() as state:
        await create_tables(state.engine, schema)
        yield KnowledgeStore(state.engine, "procedures")


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


def _commit(revision: str | None) -> str | None:
    """Twelve digits of it, with the `+` of a document that was changed since."""
    return revision.removesuffix("+")[:12] + "+" * revision.endswith("+") if revision else None


async def list_documents() -> Result:
    async with _opened_store() as store:
        found = await store.documents()
    lines = [
        {
            "source": one.source,
            "title": one.title,
            "passages": one.passages,
            "read": f"{one.imported_at:%Y-%m-%d %H:%M}",
            "commit": _commit(one.revision),
            "labels": ", ".join(one.labels) or None,
            "id": one.id,
        }
        for one in found
    ]
    return listed(lines, "no runbook yet; `lexiquery sop add FOLDER` adds some")


async def show(name: str, version: int | None) -> Result:
    async with _opened_store() as store:
        document = await store.document(name)
        shown = DocumentText(document=document, text=await store.text(document.id, version))
    return Result(shown, shown.text)


async def history(name: str) -> Result:
    async with _opened_store() as store:
        found = await store.history((await store.document(name)).id)
    lines = [
        {
            "version": one.number,
            "read": f"{one.read_at:%Y-%m-%d %H:%M}",
            "source": one.source,
            "passages": one.passages,
            "commit": _commit(one.revision),
            "sha256": one.content_hash[:12],
        }
        for one in found
    ]
    return Result(found, listed(lines, "").text)


async def remove(names: Sequence[str]) -> Result:
    """Who keeps the data directory carries every label. What was learned of the documents goes with them."""
    from core_engine.knowledge_commands import opened_runbooks

    async with _opened_store() as store:
        documents = [await store.document(name) for name in names]
    report = IngestReport()
    async with open_product(quiet_settings()) as product:
        for one in documents:
            report = report.plus(await product.remove_procedure(one.id, one.labels))
    async with opened_runbooks() as runbooks:
        await runbooks.withdraw()
    return Result(report, f"removed {', '.join(report.removed)}")
