"""One real document of each kind, that nobody here wrote, as Debian and Python packages ship them. Where the package
is not installed, the test says so and is skipped."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from agents.knowledge.documents import Document, read_document
from agents.knowledge.ingest.chunks import Chunk, chunks_of

ROOT = Path(__file__).parents[4]


def real(path: str) -> Path:
    """A file of the system, or, by `package:path`, of an installed Python package."""
    package, _, below = path.rpartition(":")
    found = Path(below)
    if package:
        spec = find_spec(package)
        folders = list(spec.submodule_search_locations or []) if spec else []
        found = Path(folders[0], below) if folders else Path("/nowhere", below)
    if not found.is_file():
        pytest.skip(f"{path} is not installed")
    return found


def read(path: str) -> Document:
    found = real(path)
    return read_document(found.name, found.read_bytes())


def headings(document: Document) -> list[str]:
    return [block.text for block in document.blocks if block.kind == "heading"]


def passage(document: Document, words: str) -> Chunk:
    [found] = [chunk for chunk in chunks_of(document) if words in chunk.text][:1]
    return found


def test_a_pdf_manual_made_by_tex() -> None:
    """GNU Libtasn1's manual (Debian package libtasn1-doc): chapters, code, lists; no running header, no page number."""
    document = read("/usr/share/doc/libtasn1-doc/libtasn1.pdf")
    assert document.title == "Libtasn1"
    assert {"1 Introduction", "2.1 ASN.1 syntax", "2.4 Library Notes"} <= set(headings(document))
    found = passage(document, "DEFINITIONS <EXPLICIT or IMPLICIT> TAGS ::=")
    assert (found.kind, found.path[-2:]) == ("code", ("2 ASN.1 structure handling", "2.1 ASN.1 syntax"))
    assert found.text.splitlines()[0] == "definitions_name {<object definition>}"
    assert "Chapter 2: ASN.1 structure handling" not in document.text
    assert document.notes == []


def test_a_pdf_specification_made_by_docbook() -> None:
    """The Shared MIME-info specification (Debian package shared-mime-info), in another letter on other paper."""
    document = read("/usr/share/doc/shared-mime-info/shared-mime-info-spec.pdf")
    assert {"1. Introduction", "1.2. What is this spec?", "2.1. Directory layout"} <= set(headings(document))
    text = passage(document, "Incompatible changes will be handled").text
    assert "by creating both the current ‘magic’ file and a newer ‘magic2’ in the new format." in text


def test_an_html_howto() -> None:
    """Socat's guide to a tunnel (Debian package socat)."""
    document = read("/usr/share/doc/socat/socat-openssltunnel.html")
    assert document.title == "Securing Traffic Between two Socat Instances Using SSL"
    found = passage(document, "openssl genrsa -out $FILENAME.key 2048")
    assert found.path[-1] == "Generate a server certificate"


def test_a_markdown_guide() -> None:
    """FastAPI's guide for writing with it (Python package fastapi)."""
    document = read("fastapi:.agents/skills/fastapi/SKILL.md")
    assert document.title
    assert len(headings(document)) > 5
    code = [block for block in document.blocks if block.kind == "code"]
    assert {"python"} <= {block.language for block in code}
    assert all(chunk.lead for chunk in chunks_of(document)[:5] if chunk.kind == "code")


def test_a_plain_text_guide() -> None:
    """SQLAlchemy's guide for dialects (Python package sqlalchemy)."""
    document = read("sqlalchemy:dialects/type_migration_guidelines.txt")
    assert document.title == "Rules for Migrating TypeEngine classes to 0.6"
    assert any(block.step == "1" for block in document.blocks)


def test_a_docx_procedure_made_by_word() -> None:
    """A drilling contractor's procedure for laying down pipe, laid out with tables in tables. No package has it: it is
    tests/resources/240-DOP-1013A… of the repository ShayHill/docx2python, put beside what LexiQuery keeps."""
    folder = os.environ.get("LEXIQUERY_REAL_DOCUMENTS", str(ROOT / "data/runtime/documents"))
    document = read(str(Path(folder, "240-DOP-1013A.docx")))
    tables = [block.text for block in document.blocks if block.kind == "table"]
    assert "Task Name: | Lay Down Tubulars | Job Location: | Rig Floor" in tables[0].replace("\n", " | ")
    [steps] = [table for table in tables if "kick the single onto the gull wings" in table]
    assert steps.startswith("8 | The Wrangler operator")
    assert "\n9 | " in steps
