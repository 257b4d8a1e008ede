"""Import of procedures: files and folders into a library, again and again; only what changed is read in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.knowledge.chunks import chunks_of
from agents.knowledge.documents import MAX_BYTES, READERS, Document, read_document
from agents.knowledge.library import Library
from shared.errors import Conflict, InvalidInput, ModelUnavailable, NotFound
from shared.models import Failure, IngestReport

MAX_FILES = 20_000


@dataclass(frozen=True)
class _File:
    """location: its identity; source: how it is cited, the folder's name with the path below it."""

    path: Path
    location: str
    source: str


async def import_procedures(paths: Sequence[Path], library: Library) -> IngestReport:
    """Read in files, and every readable file below folders. A file of an earlier import that is gone from its folder
    is removed. A broken file is reported and skipped.

    Raises NotFound for a path that does not exist and InvalidInput for too many files, before anything is changed.
    """
    files = await asyncio.to_thread(_files_below, paths)
    report = IngestReport()
    known = await library.hashes()
    for file in files:
        await _import_file(file, library, known, report)
    await _remove_gone(paths, files, library, report)
    await sync_vectors(library, report)
    return report


async def import_upload(filename: str, content: bytes, library: Library) -> IngestReport:
    """Read in one document sent by name and content. Raises InvalidInput when it can't be read."""
    name = Path(filename.replace("\\", "/")).name
    if not name:
        raise InvalidInput(f"'{filename}' is not a file name")
    report = IngestReport()
    await _import(f"upload:{name}", name, content, library, await library.hashes(), report)
    await sync_vectors(library, report)
    return report


def _files_below(paths: Sequence[Path]) -> list[_File]:
    found: dict[str, _File] = {}
    for given in paths:
        root = given.expanduser().resolve()
        if root.is_file():
            found[root.as_posix()] = _File(root, root.as_posix(), root.name)
        elif root.is_dir():
            for path in _readable(root):
                source = f"{root.name}/{path.relative_to(root).as_posix()}"
                found[path.as_posix()] = _File(path, path.as_posix(), source)
        else:
            raise NotFound(f"no file or folder at {given}")
        if len(found) > MAX_FILES:
            raise InvalidInput(f"more than {MAX_FILES:,} files below {given}")
    return list(found.values())


def _readable(root: Path) -> Iterable[Path]:
    """Files with an ending we read, hidden ones left out. Links that lead out of the folder are not followed."""
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix.lower() in READERS and not hidden and path.is_file() and path.resolve().is_relative_to(root):
            yield path


async def _import_file(file: _File, library: Library, known: dict[str, str], report: IngestReport) -> None:
    try:
        content = await asyncio.to_thread(_content, file.path)
        await _import(file.location, file.source, content, library, known, report)
    except InvalidInput as error:
        report.failed.append(Failure(source=file.source, reason=str(error)))


def _content(path: Path) -> bytes:
    """Raises InvalidInput when the file can't be read or is too large; it is not opened then."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InvalidInput(f"{path.name}: {size:,} bytes, more than the {MAX_BYTES:,} a document may have")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path.name}: {error.strerror}") from error


async def _import(
    location: str, source: str, content: bytes, library: Library, known: dict[str, str], report: IngestReport
) -> None:
    content_hash = hashlib.sha256(content).hexdigest()
    if known.get(location) == content_hash:
        report.unchanged.append(source)
        return
    document: Document = await asyncio.to_thread(read_document, Path(source).name, content)
    await library.put(location, source, document.title, content_hash, chunks_of(document))
    (report.updated if location in known else report.added).append(source)
    report.notes.extend(f"{source}: {note}" for note in document.notes)


async def _remove_gone(paths: Sequence[Path], files: Sequence[_File], library: Library, report: IngestReport) -> None:
    folders = [f"{path.expanduser().resolve().as_posix()}/" for path in paths if path.is_dir()]
    there = {file.location for file in files}
    gone = {
        document.location: document.source
        for document in await library.documents()
        if document.location not in there and any(document.location.startswith(folder) for folder in folders)
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


async def remove_procedure(name: str, library: Library) -> str:
    """Remove the document of that source or location; its source. Raises NotFound with the nearest source."""
    documents = await library.documents()
    found = [document for document in documents if name in (document.location, document.source)]
    if not found:
        raise NotFound.named("procedure", name, [document.source for document in documents])
    if len(found) > 1:
        places = ", ".join(document.location for document in found)
        raise Conflict(f"'{name}' names {len(found)} documents", suggestion=f"say which: {places}")
    await library.remove([found[0].location])
    await library.sync()
    return found[0].source
