"""Reading documents into a library, again and again: only what changed is read in, and a broken one is skipped."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from pathlib import PurePath
from typing import Any, Protocol

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from agents.knowledge.documents import MAX_BYTES, Document, read_document
from agents.knowledge.ingest.chunks import chunks_of
from agents.knowledge.ingest.keeping import Places, check_places, is_signed, is_upload
from agents.knowledge.ingest.places import check_folders, check_location, printable, root_of, unnamed
from agents.knowledge.library import Library
from agents.knowledge.search.filtering import visible
from agents.knowledge.store.passages import Details, Known, is_commit
from shared.documents import Failure, IngestReport, IngestRequest, SeenDocument, SentDocument
from shared.errors import InvalidInput, ModelUnavailable, SourceUnavailable, StorageFailed

_LONGEST_NAME = 1000
_LONGEST_LOCATION = 1024
_LONGEST_ETAG = 256
_NAMED = 5  # documents in a note
Read = Callable[[str, bytes], Coroutine[Any, Any, Document]]


@dataclass(frozen=True)
class Fetched:
    """What a web server gave. name: with the ending of its format; etag: by which it knows whether that changed."""

    name: str
    content: bytes
    etag: str | None


class Web(Protocol):
    async def fetch(self, url: str, etag: str | None) -> Fetched | None:
        """None when it is what `etag` says. Raises InvalidInput for a host not allowed, SourceUnavailable."""


async def read_here(name: str, content: bytes) -> Document:
    """For documents of our own making; what others send is read by agents.knowledge.ingest.reader."""
    return await asyncio.to_thread(read_document, name, content)


async def import_documents(
    request: IngestRequest,
    library: Library,
    read: Read = read_here,
    web: Web | None = None,
    wanted: Callable[[], None] = lambda: None,
    *,
    keeps: bool = False,
) -> IngestReport:
    """Read in the documents and addresses of the request, and follow what was renamed or is gone from its folders.
    wanted: told when documents of it are about to come; keeps: the sender keeps the database, as a signature says too.

    A broken one is reported and skipped; what was read of it before stays. Raises Forbidden for folders in a request
    of anybody else, and for a signature that is another's.
    """
    key = await library.store.key()
    keeps = keeps or is_signed(request, key)
    if not keeps:
        check_places(request)
    run = await _begun(request, library, read, key, keeps=keeps)
    await run.compare()
    if run.report.wanted:
        wanted()
    await run.add_all()
    for url in request.urls:
        await run.guarded(url, run.add_fetched(url, web))
    if run.committed:
        await library.commit(run.committed)
    # What a crash left between SQL and vectors is mended once an import, when it says what it has.
    await sync_vectors(library, run.report, None if request.seen or request.folders else run.changed)
    return run.report


async def _begun(request: IngestRequest, library: Library, read: Read, key: bytes, *, keeps: bool) -> _Import:
    """What the sender may not see is not there for it."""
    every = await library.store.known()
    carried = {*request.carried, *(request.labels or ())}
    known = every if keeps else {location: one for location, one in every.items() if visible(one.labels, carried)}
    places = Places(known, every.keys(), key, frozenset(request.labels or ()))
    return _Import(request, library, read, every, known, places, await library.store.emptied(), keeps)


def _cited(filename: str) -> str:
    """The name with its folders, without what leads out of them: `..\\docs\\vpn.md` is `docs/vpn.md`."""
    return "/".join(part for part in filename.replace("\\", "/").split("/") if part not in ("", ".", ".."))


@dataclass
class _Import:
    """every: what is there; known: what of it is there for the sender; emptied: labels by folder; changed: locations of
    what was read in; ahead: what is being read before its turn, by name and hash; sent: hashes of what the request
    brings, by location; committed: commits of what was read before they were made, by location."""

    request: IngestRequest
    library: Library
    read: Read
    every: Mapping[str, Known]
    known: dict[str, Known]
    places: Places
    emptied: Mapping[str, frozenset[str]]
    keeps: bool
    report: IngestReport = field(default_factory=IngestReport)
    changed: list[str] = field(default_factory=list)
    ahead: dict[tuple[str, str], asyncio.Task[Document]] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    committed: dict[str, str] = field(default_factory=dict)

    @cached_property
    def folders(self) -> dict[str, list[Collection[str]]]:
        """The labels of the documents that were read from each folder, before."""
        found: dict[str, list[Collection[str]]] = defaultdict(list)
        for location, known in self.known.items():
            if root := root_of(location, known.source):
                found[root].append(known.given)
        return found

    @cached_property
    def contents(self) -> dict[str, list[Collection[str]]]:
        """The labels that the documents of each content came with, by its hash."""
        found: dict[str, list[Collection[str]]] = defaultdict(list)
        for known in self.every.values():
            found[known.content_hash].append(known.given)
        return found

    async def guarded(self, source: str, work: Awaitable[None]) -> None:
        try:
            await work
        except (InvalidInput, SourceUnavailable, UnicodeError) as error:
            self._failed(source, str(error))
        except DBAPIError as error:
            # Away, or busy: not what is wrong with this document.
            if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
                raise
            self._failed(source, f"the database does not take it: {error.orig}")

    def _failed(self, source: str, reason: str) -> None:
        self.report.failed.append(Failure(source=printable(source), reason=printable(reason)))

    async def compare(self) -> None:
        """What of the seen documents is unchanged, renamed or wanted, and what is gone."""
        gone = self._gone()
        elsewhere = {one: self.known[one] for one in self.request.gone if one in self.known and one not in gone}
        moved: set[str | None] = set()
        # A file that goes by another ending is another document: it is read in another way.
        by_hash = {
            (known.content_hash, PurePath(known.source).suffix.lower()): location
            for location, known in (elsewhere | gone).items()
        }
        for seen in self.request.seen:
            known = self.known.get(seen.location)
            key = (seen.content_hash or "", PurePath(seen.filename).suffix.lower())
            if known is None and key in by_hash:
                old = by_hash.pop(key)
                if old in elsewhere:
                    moved.add(root_of(old, elsewhere[old].source))
                known = (gone if old in gone else elsewhere).pop(old)
                await self._rename(old, known, seen)
                self._note_commit(seen.location, known, seen.revision)
            elif known is None or seen.content_hash not in (None, known.content_hash):
                if seen.content_hash is not None:
                    self.report.wanted.append(seen.location)
            elif seen.content_hash is not None:
                await self._unchanged(_cited(seen.filename), seen.location, known)
                self._note_commit(seen.location, known, seen.revision)
        if gone:
            await self.library.remove(gone)
            self.report.removed.extend(known.source for known in gone.values())
        left = [one.source for at, one in elsewhere.items() if root_of(at, one.source) in moved - {None}]
        if left:
            self.report.notes.append(_left_behind(left))

    async def add_all(self) -> None:
        """The documents of the request: while one is stored, the next is read."""
        documents = self.request.documents
        try:
            for document, after in zip_longest(documents, documents[1:]):
                await self.guarded(_cited(document.filename), self._add_sent(document, after))
        finally:
            for task in self.ahead.values():
                task.cancel()
            await asyncio.gather(*self.ahead.values(), return_exceptions=True)

    def _sent(self, document: SentDocument) -> tuple[str, str, bytes]:
        """Source, location and content. Raises InvalidInput, also for one that would replace another of the request."""
        source = _cited(document.filename)
        if document.location:
            check_location(document.location, source, keeps=self.keeps)
        location, content = document.location or self.places.of_upload(source), _decoded(document.content_base64)
        content_hash = _hash(content)
        if self.sent.setdefault(location, content_hash) != content_hash:
            raise InvalidInput("another document of that name comes before it in this request")
        return source, location, content

    async def _add_sent(self, document: SentDocument, after: SentDocument | None) -> None:
        source, location, content = self._sent(document)
        await self._add(source, location, PurePath(source).name, content, {"revision": document.revision}, after)

    def _read_ahead(self, document: SentDocument) -> None:
        """What is wrong with it is said in its turn."""
        with suppress(InvalidInput):
            source, location, content = self._sent(document)
            key, known = (PurePath(source).name, _hash(content)), self.known.get(location)
            if key not in self.ahead and not (known and known.content_hash == key[1]):
                self.ahead[key] = asyncio.create_task(self.read(key[0], content))

    async def add_fetched(self, url: str, web: Web | None) -> None:
        if web is None:
            raise InvalidInput("nothing here reads web addresses")
        location = self.places.of_url(url)
        known = self.known.get(location)
        fetched = await web.fetch(url, known.etag if known else None)
        if fetched is None and known:
            await self._unchanged(url, location, known)
        elif fetched:
            etag = fetched.etag if len(fetched.etag or "") <= _LONGEST_ETAG else None
            await self._add(url, location, fetched.name, fetched.content, {"etag": etag})

    async def _add(
        self,
        source: str,
        location: str,
        name: str,
        content: bytes,
        details: Details,
        after: SentDocument | None = None,
    ) -> None:
        if not source or len(source) > _LONGEST_NAME or len(location) > _LONGEST_LOCATION:
            raise InvalidInput(f"a document's name has 1 to {_LONGEST_NAME:,} characters")
        if reason := unnamed(source):
            raise InvalidInput(reason)
        known = self.known.get(location)
        content_hash = _hash(content)
        source = _name_kept(source, location, known) if known else source
        if known and known.content_hash == content_hash:
            await self._unchanged(source, location, known)
            self._note_commit(location, known, details.get("revision"))
            return
        read = await (self.ahead.pop((name, content_hash), None) or self.read(name, content))
        if after:
            self._read_ahead(after)
        if known is None and read.labels:
            location, known = self._shown_by(read.labels, source, location)
            if known and known.content_hash == content_hash:
                await self._unchanged(source, location, known)
                return
        copied = set[str]() if known else self._given_copies(content_hash)
        given = self._given(known) if known else copied or self._given_new(location, source)
        kept: Details = {**details, "given": given, "own": read.labels, "text": read.text}
        await self.library.put(location, source, read.title, content_hash, chunks_of(read), kept)
        self.changed.append(location)
        (self.report.updated if known else self.report.added).append(source)
        self.report.notes.extend(f"{source}: {note}" for note in read.notes)
        if copied:
            self.report.notes.append(_inherited(source, copied))

    async def _unchanged(self, source: str, location: str, known: Known) -> None:
        """Its text is; who may find it may have changed, and a file that was added alone comes with its folder."""
        cited = _name_kept(source, location, known)
        if cited != known.source:
            await self.library.rename(location, location, cited)
            self.report.renamed.append(f"{known.source} → {cited}")
        if set(self._given(known)) != set(known.given):
            await self.library.relabel(location, self._given(known))
            self.report.updated.append(cited)
        elif cited == known.source:
            self.report.unchanged.append(cited)

    def _note_commit(self, location: str, known: Known, revision: str | None) -> None:
        """Of one that is as it was read: where no commit had it then, and one has it now."""
        if revision and is_commit(revision) and not known.committed:
            self.committed[location] = revision

    async def _rename(self, old: str, known: Known, seen: SeenDocument) -> None:
        """One whose title is its file's name is read again, for its title is another now."""
        source = _cited(seen.filename)
        await self.library.rename(old, seen.location, source, read_again=known.named_by_file)
        if known.named_by_file:
            self.report.wanted.append(seen.location)
        if set(self._given(known)) != set(known.given):
            await self.library.relabel(seen.location, self._given(known))
        self.report.renamed.append(f"{known.source} → {source}")

    def _shown_by(self, labels: Collection[str], source: str, location: str) -> tuple[str, Known | None]:
        """What the labels in a document itself show of those of its name: it is a new version of that."""
        carried = {*labels, *self.request.carried, *(self.request.labels or ())}
        alike = {one: known for one, known in self.every.items() if known.source == source and is_upload(one)}
        shown = sorted(one for one, known in alike.items() if visible(known.labels, carried))
        return (shown[0], alike[shown[0]]) if shown and is_upload(location) else (location, None)

    def _given(self, known: Known) -> Collection[str]:
        return known.given if self.request.labels is None else self.request.labels

    def _given_new(self, location: str, source: str) -> Collection[str]:
        """Without labels in the request, a document is no more open than all that were read from its folder, or from
        the nearest above it."""
        if self.request.labels is not None:
            return self.request.labels
        start = PurePath(root_of(location, source) or location)
        above = (folder.as_posix() for folder in (start, *start.parents))
        root = next((folder for folder in above if folder in self.folders or folder in self.emptied), "")
        return _no_more_open(self.folders.get(root) or [self.emptied.get(root, ())])

    def _given_copies(self, content_hash: str) -> set[str]:
        """A new document is no more open than all that have its content: moving a file does not open it. Of who keeps
        the database alone, for it says that there is such a document."""
        if self.request.labels is not None or not self.keeps:
            return set()
        return _no_more_open(self.contents.get(content_hash, [()]))

    def _gone(self) -> dict[str, Known]:
        folders = tuple(f"{folder.rstrip('/')}/" for folder in self.request.folders)
        present = {seen.location for seen in self.request.seen}
        gone = {
            location: known
            for location, known in self.known.items()
            if folders and location.startswith(folders) and location not in present
        }
        check_folders(self.request, {location: known.source for location, known in gone.items()})
        return gone


def _name_kept(source: str, location: str, known: Known) -> str:
    """A document of a folder keeps the name that it has from there: another folder gives it none, nor does who adds it
    alone."""
    return known.source if known.source != source and root_of(location, known.source) else source


def _left_behind(sources: Sequence[str]) -> str:
    named = ", ".join(sources[:_NAMED]) + (", …" if len(sources) > _NAMED else "")
    return f"not found where the others were moved to, and kept: {named}; `lexiquery sop remove` forgets them"


def _no_more_open(labelled: Collection[Collection[str]]) -> set[str]:
    """The labels of them all, none where one of them has none."""
    return set[str]().union(*labelled) if all(labelled) else set()


def _inherited(source: str, labels: Collection[str]) -> str:
    return (
        f"{source}: it has the labels of a document with the same content: {', '.join(sorted(labels))}; "
        "add it with --everybody to lift them"
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _decoded(content: str) -> bytes:
    if len(content) > MAX_BYTES * 4 // 3 + 4:
        raise InvalidInput(f"content_base64 holds more than the {MAX_BYTES:,} bytes a document may have")
    try:
        decoded = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"content_base64 is not base64: {error}") from error
    if len(content) != (len(decoded) + 2) // 3 * 4:
        raise InvalidInput("content_base64 is not base64: more padding at its end than belongs there")
    return decoded


async def sync_vectors(library: Library, report: IngestReport, locations: Collection[str] | None = None) -> None:
    """Of the documents at `locations`, or of all; many vectors follow later. Until then, and while the embedding model
    or Chroma is away, the documents are found by their words."""
    with _noted(report):
        report.waiting = await library.follow(locations)


async def settle_vectors(library: Library, report: IngestReport) -> None:
    """Wait for those that an import left to come."""
    if report.waiting:
        report.waiting = 0
        with _noted(report):
            await library.settled()


@contextmanager
def _noted(report: IngestReport) -> Iterator[None]:
    try:
        yield
    except ModelUnavailable as error:
        report.notes.append(f"searched by words only until the embedding model answers: {error}")
    except StorageFailed as error:
        report.notes.append(f"searched by words only until the vectors can be kept: {error}")
