"""Documents on their way to the runbooks, what became of them, and how they are kept."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.models import Model

Label = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,63}$")
]
"""Of a document: who may find it, such as `team-a`. Lower case."""
Labels = Annotated[list[Label], Field(max_length=50)]


class SentDocument(Model):
    """A document on its way to the runbooks. filename: how it is cited, with the folders it lies in; location: where it
    was read, by which it is known again; the filename if not given; revision: the commit it was read at."""

    filename: str
    content_base64: str
    location: str | None = None
    revision: str | None = Field(None, max_length=64)

    @classmethod
    def of(
        cls, filename: str, content: bytes, location: str | None = None, revision: str | None = None
    ) -> SentDocument:
        encoded = base64.b64encode(content).decode()
        return cls(filename=filename, content_base64=encoded, location=location, revision=revision)


class SeenDocument(Model):
    """A document that is there, told before it is sent. filename, location, revision: as of SentDocument; content_hash:
    sha256 in hex, None of one that can't be read now."""

    filename: str
    location: str
    content_hash: str | None
    revision: str | None = Field(None, max_length=64)

    @classmethod
    def of(cls, filename: str, content: bytes, location: str, revision: str | None = None) -> SeenDocument:
        content_hash = hashlib.sha256(content).hexdigest()
        return cls(filename=filename, location=location, content_hash=content_hash, revision=revision)


class IngestRequest(Model):
    """POST /api/v1/procedures, and skill `ingest` of the agent that keeps the runbooks. It answers an IngestReport.

    seen: documents that the sender has; the report's `wanted` says which of them are to be sent. folders: locations of
    folders that were seen whole: what was once read there and is not among `seen` was renamed, or is removed.
    gone: locations elsewhere of which the sender knows that no file is there any more: a new document with the content
    of one was moved from there; what was not moved stays.
    allow_empty: the request is not refused where none of a folder's documents was seen; they are removed.
    urls: web addresses to read, at hosts that LEXIQUERY_DOCUMENT_HOSTS lists. labels: who may find all of these;
    as before if not given, and everybody if there are none. carried: labels that the sender carries beside these and
    those in a document itself: a document that none of them shows is not there for the request, and stays beside one
    of its name.
    signature: of who keeps the database (`sop add`), who alone says where documents lie (seen, folders, locations),
    and for whom every document is there."""

    documents: list[SentDocument] = []
    seen: list[SeenDocument] = []
    folders: list[str] = []
    gone: list[str] = []
    allow_empty: bool = False
    urls: Annotated[list[str], Field(max_length=1000)] = []
    labels: Labels | None = None
    carried: Labels = []
    signature: str | None = Field(None, max_length=64)


class Failure(Model):
    """A document that was not read in, and why."""

    source: str
    reason: str


class IngestReport(Model):
    """What an import did, by source. renamed: `old → new`; notes: what was read in but not whole, or waits (`page 3 has
    no text`); wanted: locations of seen documents that are to be sent; waiting: passages of the whole library that are
    found by their words only, for their vectors are still being computed."""

    added: list[str] = []
    unchanged: list[str] = []
    updated: list[str] = []
    renamed: list[str] = []
    removed: list[str] = []
    failed: list[Failure] = []
    notes: list[str] = []
    wanted: list[str] = []
    waiting: int = 0

    def plus(self, other: IngestReport) -> IngestReport:
        """Both reports as one, `other` the later one."""
        lists = type(self).model_fields.keys() - {"waiting"}
        both = {name: getattr(self, name) + getattr(other, name) for name in lists}
        return type(self)(**both, waiting=other.waiting)

    def reads(self, source: str) -> bool:
        """Whether the document is one that was added, updated or renamed."""
        renamed = any(one.endswith(f" → {source}") for one in self.renamed)
        return renamed or source in self.added or source in self.updated

    def render(self) -> str:
        """Counts, then what failed, then the rest."""
        kinds = ("added", "updated", "unchanged", "renamed", "removed")
        counts = [f"{len(getattr(self, what))} {what}" for what in kinds if what != "renamed" or self.renamed]
        failed = [f"failed: {failure.source}: {failure.reason}" for failure in self.failed]
        waiting = [f"{self.waiting:,} passages are found by their words; their vectors follow"] if self.waiting else []
        return "\n".join([", ".join(counts), *failed, *waiting, *self.notes])


class StoredDocument(Model):
    """A document as it is kept. id: stays when it is renamed; source: how it is cited; location: where it was read;
    labels: who may find it, everybody if empty; revision: the commit it was read at."""

    id: str
    source: str
    location: str
    title: str
    content_hash: str
    imported_at: datetime
    passages: int = 0
    labels: list[str] = []
    revision: str | None = None


class DocumentVersion(Model):
    """What a document was when it was read, or renamed. number: counts from 1."""

    number: int
    read_at: datetime
    source: str
    location: str
    title: str
    content_hash: str
    revision: str | None = None
    passages: int


class DocumentText(Model):
    """A document as people read it. text: of the version asked for, the newest if none was."""

    document: StoredDocument
    text: str


class RemovalRequest(Model):
    """Skill `remove` of the agent that keeps the runbooks. It answers an IngestReport. document: its id or source."""

    document: str
