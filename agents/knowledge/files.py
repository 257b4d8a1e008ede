"""Files and folders on their way to the runbooks."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.knowledge.documents import MAX_BYTES, READERS
from shared.documents import Failure, IngestReport, IngestRequest, SentDocument
from shared.errors import InvalidInput, NotFound

MAX_FILES = 20_000
_SENT_AT_ONCE = 2**20
"""Characters of base64 in one request: a minute's work for the embedding model of a small machine."""


@dataclass
class _Found:
    """files: what can be read, by path; folders: those that were seen whole; others: names that nothing here reads."""

    files: dict[Path, str] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


async def add_files(paths: Sequence[Path], add: Callable[[IngestRequest], Awaitable[IngestReport]]) -> IngestReport:
    """Give `add` each file of `paths`, and each document below each folder, in parts; what it says of all of them.

    A document is cited by its folder's name and the path below it. What `add` knows of a folder and is gone from it is
    removed. A file that can't be read is reported and skipped.

    Raises NotFound for a path that does not exist and InvalidInput for too many files, before anything is changed;
    InvalidInput when there is no document.
    """
    found = await asyncio.to_thread(_find, paths)
    report = IngestReport(failed=found.failed, notes=_left_alone(found.others))
    documents: list[SentDocument] = []
    for path, source in found.files.items():
        try:
            documents.append(await asyncio.to_thread(_read, path, source))
        except InvalidInput as error:
            report.failed.append(Failure(source=source, reason=str(error)))
        if sum(len(document.content_base64) for document in documents) >= _SENT_AT_ONCE:
            report = report.plus(await add(IngestRequest(documents=documents)))
            documents = []
    folders, present = map(_locations, (found.folders, found.files if found.folders else ()))
    report = report.plus(await add(IngestRequest(documents=documents, folders=folders, present=present)))
    if not found.files and not (report.removed or report.failed):
        known = f"known: {', '.join(READERS)}"
        raise InvalidInput(f"no document in {', '.join(map(str, paths))}", suggestion=known)
    return report.model_copy(update={"notes": list(dict.fromkeys(report.notes))})


def _find(paths: Sequence[Path]) -> _Found:
    found = _Found()
    for given in paths:
        root = given.expanduser().resolve()
        if root.is_file():
            found.files[root] = root.name
        elif root.is_dir():
            _find_below(root, found)
        else:
            raise NotFound(f"no file or folder at {given}")
        if len(found.files) > MAX_FILES:
            raise InvalidInput(f"more than {MAX_FILES:,} files below {given}")
    return found


def _find_below(root: Path, found: _Found) -> None:
    """Hidden files are left out, and links that lead out of the folder are not followed."""
    blocked: list[OSError] = []
    for path in _walk(root, blocked):
        source = f"{root.name}/{path.relative_to(root).as_posix()}"
        if path.suffix.lower() not in READERS:
            found.others.append(source)
        elif path.resolve().is_relative_to(root):
            found.files.setdefault(path, source)
    found.failed += [Failure(source=str(error.filename), reason=str(error.strerror)) for error in blocked]
    if not blocked:
        found.folders.append(root)


def _walk(root: Path, blocked: list[OSError]) -> Iterator[Path]:
    for folder, below, names in os.walk(root, onerror=blocked.append):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _read(path: Path, source: str) -> SentDocument:
    """Raises InvalidInput when the file can't be read or is too large; it is not opened then."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InvalidInput(f"{size:,} bytes, more than the {MAX_BYTES:,} a document may have")
        return SentDocument.of(source, path.read_bytes(), location=path.as_posix())
    except OSError as error:
        raise InvalidInput(error.strerror or str(error)) from error


def _left_alone(others: Sequence[str]) -> list[str]:
    """`left alone, for nothing here reads them: 2 .png, 1 .doc (runbooks/a.doc, …)`"""
    if not others:
        return []
    kinds = Counter(Path(name).suffix.lower() or "without an ending" for name in others)
    named = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return [f"left alone, for nothing here reads them: {counts} ({named})"]


def _locations(paths: Sequence[Path] | dict[Path, str]) -> list[str]:
    return [path.as_posix() for path in paths]
