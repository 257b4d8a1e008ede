"""What an import says of documents."""

from __future__ import annotations

import pytest

from shared.documents import Failure, IngestReport


@pytest.mark.parametrize(
    ("source", "read"),
    [("a/new.md", True), ("b.md", True), ("c.md", True), ("a/old.md", False), ("new.md", False), ("d.md", False)],
)
def test_a_report_knows_which_documents_were_read_in_anew(source: str, read: bool) -> None:
    report = IngestReport(renamed=["a/old.md → a/new.md"], added=["b.md"], updated=["c.md"], unchanged=["d.md"])
    assert report.reads(source) is read


def test_what_failed_is_said_before_what_was_noted() -> None:
    report = IngestReport(added=["a.md"], failed=[Failure(source="b.pdf", reason="cut off")], notes=["c.pdf: a scan"])
    assert report.render().splitlines()[1:] == ["failed: b.pdf: cut off", "c.pdf: a scan"]
