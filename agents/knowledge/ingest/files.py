"""Files, folders and Git working copies on their way to the runbooks."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.knowledge import documents
from agents.knowledge.documents import READERS, check_kind, check_size
from agents.knowledge.ingest.places import printable, unnamed
from agents.knowledge.ingest.working_copy import WorkingCopy, working_copy
from shared.documents import Failure, IngestReport, IngestRequest, SeenDocument, SentDocument
from shared.errors import InvalidInput, NotFound

MAX_FILES = 20_000
_SENT_AT_ONCE = 2**18
"""Characters of base64 in one request: seconds of work for the embedding model of a small machine."""
Add = Callable[[IngestRequest], Awaitable[IngestReport]]
Progress = Callable[[int, int], None]
"""Told how many of how many documents are done."""


@dataclass(frozen=True)
class _File:
    """root: the folder that it must not lead out of."""

    source: str
    copy: WorkingCopy | None = None
    root: Path | None = None

    def revision(self, path: Path, content: bytes) -> str | None:
        return self.copy.revision(path, content) if self.copy else None


@dataclass
class _Found:
    """files: what can be read, by path; folders: those that were seen whole; others: names that nothing here reads;
    leading_out: names of links."""

    files: dict[Path, _File] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    leading_out: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


async def add_files(
    given: Sequence[str | Path],
    add: Add,
    *,
    labels: list[str] | None = None,
    progress: Progress | None = None,
    use_git: bool = True,
    allow_empty: bool = False,
    read_before: Collection[str] = (),
) -> IngestReport:
    """Give `add` each file, each web address, and each document below each folder, in parts; what it says of all.

    A document is cited by its folder's name and the path below it. `add` is told first what is there, and sent what it
    wants of it; what it knows of a folder and is gone from there is removed. A file that can't be read is reported and
    skipped. use_git: of a working copy, only what git tracks; allow_empty: as of IngestRequest; read_before: where all
    documents lie that are known: they may have been moved from where nothing is any more.

    Raises NotFound for a path that does not exist and InvalidInput for too many files, before anything is changed;
    InvalidInput when there is no document.
    """
    urls = [str(one) for one in given if is_url(str(one))]
    paths = [Path(one) for one in given if not is_url(str(one))]
    found = await asyncio.to_thread(_find, paths, use_git, read_before)
    report = IngestReport(failed=found.failed, notes=[*found.notes, *_left_alone(found)])
    if paths:
        seen = await asyncio.to_thread(_see, found, report)
        folders = [folder.as_posix() for folder in found.folders]
        gone = await asyncio.to_thread(_gone, read_before)
        told = IngestRequest(seen=seen, folders=folders, gone=gone, labels=labels, allow_empty=allow_empty)
        report = report.plus(await add(told))
    failed: list[Failure] = []
    done, wanted = 0, [Path(location) for location in report.wanted]
    async for request in _parts(wanted, found, labels, failed):
        report = report.plus(await add(request))
        done += len(request.documents)
        if progress:
            progress(done, len(wanted))
    report.failed.extend(failed)
    if urls:
        report = report.plus(await add(IngestRequest(urls=urls, labels=labels)))
    if not found.files and not (urls or report.removed or report.failed):
        known = f"known: {', '.join(READERS)}"
        raise InvalidInput(f"no document in {', '.join(map(str, paths))}", suggestion=known)
    return report.model_copy(update={"notes": list(dict.fromkeys(report.notes)), "wanted": []})


def _find(paths: Sequence[Path], use_git: bool, read_before: Collection[str] = ()) -> _Found:
    found = _Found()
    for given in paths:
        root = given.expanduser().resolve()
        if reason := unnamed(str(root)):
            found.failed.append(Failure(source=printable(str(root)), reason=reason))
        elif root.is_dir():
            _find_below(root, found, working_copy(root) if use_git else None)
        elif root.exists():
            found.files[root] = _File(root.name)
        else:
            before = sum(f"{one}/".startswith(f"{root.as_posix()}/") for one in read_before)
            suggestion = f"of what was read from there ({before}), add the new place, or `lexiquery sop remove` it"
            raise NotFound(f"no file or folder at {given}", suggestion=suggestion if before else None)
    return found


def _gone(read_before: Collection[str]) -> list[str]:
    """Paths at which there is nothing any more. What was uploaded or fetched has none."""
    return [one for one in read_before if os.path.isabs(one) and not os.path.lexists(one)]


def _find_below(root: Path, found: _Found, copy: WorkingCopy | None) -> None:
    """Hidden files are left out, and links that lead out of the folder are not followed."""
    blocked: list[OSError] = []
    untracked = 0
    for path in _walk(root, blocked):
        source = f"{root.name}/{path.relative_to(root).as_posix()}"
        if reason := unnamed(str(path)):
            found.failed.append(Failure(source=printable(source), reason=reason))
        elif copy and copy.tracked is not None and path not in copy.tracked:
            untracked += path.suffix.lower() in READERS
        elif path.suffix.lower() not in READERS:
            found.others.append(source)
        elif not Path(os.path.realpath(path)).is_relative_to(root):
            found.leading_out.append(source)
        else:
            found.files.setdefault(path, _File(source, copy, root))
            if len(found.files) > MAX_FILES:
                raise InvalidInput(f"more than {MAX_FILES:,} files below {root}")
    found.failed += [Failure(source=printable(str(error.filename)), reason=str(error.strerror)) for error in blocked]
    if copy and copy.note:
        found.notes.append(copy.note)
    if untracked:
        found.notes.append(f"left alone, for git does not track them: {untracked:,} below {root.name}")
    if not blocked:
        found.folders.append(root)


def _walk(root: Path, blocked: list[OSError]) -> Iterator[Path]:
    """What is no folder, however deep it lies; links to folders are not followed."""
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                there = sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)
        except OSError as error:
            blocked.append(error)
            continue
        below = {one.name: folder / one.name for one in there if one.is_dir(follow_symlinks=False)}
        folders += reversed(below.values())
        yield from (folder / one.name for one in there if one.name not in below and not os.path.isdir(one))


def _see(found: _Found, report: IngestReport) -> list[SeenDocument]:
    """What is there, by its hash. One that can't be read is there too: what was read of it before stays."""
    seen = []
    for path, file in found.files.items():
        try:
            content = _content(path, file.root)
            seen.append(SeenDocument.of(file.source, content, path.as_posix(), file.revision(path, content)))
        except InvalidInput as error:
            report.failed.append(Failure(source=file.source, reason=str(error)))
            seen.append(SeenDocument(filename=file.source, location=path.as_posix(), content_hash=None))
    return seen


async def _parts(
    wanted: Sequence[Path], found: _Found, labels: list[str] | None, failed: list[Failure]
) -> AsyncIterator[IngestRequest]:
    documents: list[SentDocument] = []
    for path in wanted:
        file = found.files[path]
        try:
            documents.append(await asyncio.to_thread(_sent, path, file))
        except InvalidInput as error:
            failed.append(Failure(source=file.source, reason=str(error)))
        if sum(len(document.content_base64) for document in documents) >= _SENT_AT_ONCE:
            yield IngestRequest(documents=documents, labels=labels)
            documents = []
    if documents:
        yield IngestRequest(documents=documents, labels=labels)


def _sent(path: Path, file: _File) -> SentDocument:
    content = _content(path, file.root)
    return SentDocument.of(file.source, content, path.as_posix(), file.revision(path, content))


def _content(path: Path, root: Path | None) -> bytes:
    """Raises InvalidInput for a file that can't be read, or that is too large or of another kind: it is not opened; and
    for one that grows, or comes to lead out of its folder, while it is read."""
    check_kind(path.name)
    try:
        _check_file(path.stat())
        with open(path, "rb", opener=_opened) as file:
            _check_file(os.fstat(file.fileno()))
            content = file.read(documents.MAX_BYTES + 1)
            check_size(len(content))
            if root and not _lies_in(root, path, os.fstat(file.fileno())):
                raise InvalidInput("it was changed while it was read; add it again")
            return content
    except OSError as error:
        raise InvalidInput(error.strerror or str(error)) from error


def _opened(path: str, flags: int) -> int:
    """Who waits for the writer of a pipe may wait for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_file(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput("it is no file, but a folder, a pipe, a socket or a device")
    check_size(status.st_size)


def _lies_in(root: Path, path: Path, opened: os.stat_result) -> bool:
    real = Path(os.path.realpath(path))
    return real.is_relative_to(root) and os.path.samestat(opened, real.stat())


def _left_alone(found: _Found) -> list[str]:
    """`left alone, for nothing here reads them: 2 .png, 1 .doc (runbooks/a.doc, …)`"""
    kinds = Counter(Path(name).suffix.lower() or "without an ending" for name in found.others)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    notes = [f"left alone, for nothing here reads them: {counts} ({_some(found.others)})"] if counts else []
    if found.leading_out:
        notes.append(f"left alone, for they lead out of their folder: {_some(found.leading_out)}")
    return notes


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
