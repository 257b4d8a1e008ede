"""Reading documents into a library, again and again: only what changed is read in, and a broken one is skipped."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from pathlib import PurePath

from agents.knowledge.chunks import chunks_of
from agents.knowledge.documents import MAX_BYTES, read_document
from agents.knowledge.library import Library
from shared.documents import Failure, IngestReport, IngestRequest, SentDocument
from shared.errors import InvalidInput, ModelUnavailable

_LONGEST_NAME = 1000


async def import_documents(request: IngestRequest, library: Library) -> IngestReport:
    """Read in the documents of the request, and remove what is gone from its folders. A broken one is reported and
    skipped; what was read of it before stays."""
    report = IngestReport()
    known = await library.hashes()
    for document in request.documents:
        source = _cited(document.filename)
        try:
            await _import(source, document, library, known, report)
        except InvalidInput as error:
            report.failed.append(Failure(source=source, reason=str(error)))
    await _remove_gone(request, library, report)
    await sync_vectors(library, report)
    return report


def _cited(filename: str) -> str:
    """The name with its folders, without what leads out of them: `..\\docs\\vpn.md` is `docs/vpn.md`."""
    return "/".join(part for part in filename.replace("\\", "/").split("/") if part not in ("", ".", ".."))


async def _import(
    source: str, document: SentDocument, library: Library, known: dict[str, str], report: IngestReport
) -> None:
    location = document.location or f"upload:{source}"
    if not source or max(len(source), len(location)) > _LONGEST_NAME:
        raise InvalidInput(f"a document's name has 1 to {_LONGEST_NAME:,} characters")
    content = _decoded(document.content_base64)
    content_hash = hashlib.sha256(content).hexdigest()
    if known.get(location) == content_hash:
        report.unchanged.append(source)
        return
    read = await asyncio.to_thread(read_document, PurePath(source).name, content)
    await library.put(location, source, read.title, content_hash, chunks_of(read))
    (report.updated if location in known else report.added).append(source)
    report.notes.extend(f"{source}: {note}" for note in read.notes)


def _decoded(content: str) -> bytes:
    if len(content) > MAX_BYTES * 4 // 3 + 4:
        raise InvalidInput(f"content_base64 holds more than the {MAX_BYTES:,} bytes a document may have")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"content_base64 is not base64: {error}") from error


async def _remove_gone(request: IngestRequest, library: Library, report: IngestReport) -> None:
    if not request.folders:
        return
    folders = tuple(f"{folder.rstrip('/')}/" for folder in request.folders)
    present = set(request.present)
    gone = {
        document.location: document.source
        for document in await library.documents()
        if document.location.startswith(folders) and document.location not in present
    }
    if gone:
        await library.remove(gone)
        report.removed.extend(gone.values())


async def sync_vectors(library: Library, report: IngestReport) -> None:
    """Without an embedding model the documents are found by their words, and the vectors come later."""
    try:
        await library.sync()
    except ModelUnavailable as error:
        report.notes.append(f"searched by words only until the embedding model answers: {error}")
