"""Documents on their way to the runbooks, and what became of them."""

from __future__ import annotations

import base64

from shared.models import Model


class SentDocument(Model):
    """A document on its way to the runbooks. filename: how it is cited, with the folders it lies in; location: where it
    was read, by which it is known again; the filename if not given."""

    filename: str
    content_base64: str
    location: str | None = None

    @classmethod
    def of(cls, filename: str, content: bytes, location: str | None = None) -> SentDocument:
        return cls(filename=filename, content_base64=base64.b64encode(content).decode(), location=location)


class IngestRequest(Model):
    """POST /api/v1/procedures, and skill `ingest` of the agent that keeps the runbooks. It answers an IngestReport.

    folders: locations of folders that were seen whole: what was once read there and is not among `present` (locations)
    is removed."""

    documents: list[SentDocument] = []
    folders: list[str] = []
    present: list[str] = []


class Failure(Model):
    """A document that was not read in, and why."""

    source: str
    reason: str


class IngestReport(Model):
    """What an import did, by source. notes: what was read in but not whole, or waits (`page 3 has no text`)."""

    added: list[str] = []
    unchanged: list[str] = []
    updated: list[str] = []
    removed: list[str] = []
    failed: list[Failure] = []
    notes: list[str] = []

    def plus(self, other: IngestReport) -> IngestReport:
        """Both reports as one."""
        fields = type(self).model_fields
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in fields})

    def render(self) -> str:
        counts = [f"{len(getattr(self, what))} {what}" for what in ("added", "updated", "unchanged", "removed")]
        failed = [f"failed: {failure.source}: {failure.reason}" for failure in self.failed]
        return "\n".join([", ".join(counts), *self.notes, *failed])
