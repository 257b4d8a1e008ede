from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.knowledge.documents import Block, Document, read_document
from agents.knowledge.ingest.chunks import CHUNK_CHARACTERS, Chunk, chunks_of
from tests.agents.knowledge.conftest import DISK


def test_a_passage_knows_the_titles_above_it() -> None:
    chunks = chunks_of(read_document("disk.md", DISK.encode()))
    assert [(chunk.path[-1], chunk.kind) for chunk in chunks] == [
        ("Meaning", "text"),
        ("Diagnosis", "text"),
        ("Diagnosis", "code"),
        ("Diagnosis", "text"),
        ("Mitigation", "text"),
    ]
    assert {chunk.path[0] for chunk in chunks} == {"Disk almost full"}


def test_a_deeper_heading_ends_with_its_parent() -> None:
    blocks = [
        Block("heading", "A", level=0),
        Block("heading", "B", level=1),
        Block("heading", "C", level=2),
        Block("text", "under c"),
        Block("heading", "D", level=1),
        Block("text", "under d"),
    ]
    assert [chunk.path for chunk in chunks_of(Document("A", blocks))] == [("A", "B", "C"), ("A", "D")]


def test_code_longer_than_a_passage_stays_whole() -> None:
    code = "SELECT 1;\n" * CHUNK_CHARACTERS
    assert chunks_of(Document("T", [Block("code", code, language="sql")])) == [Chunk(("T",), "code", code, "sql")]


def test_a_document_of_headings_alone_can_still_be_found() -> None:
    assert chunks_of(Document("Disk full", [Block("heading", "Disk full")])) == [
        Chunk(("Disk full",), "text", "Disk full")
    ]


@given(st.lists(st.text(alphabet="ab .\n", min_size=1, max_size=3 * CHUNK_CHARACTERS).filter(str.strip), max_size=4))
def test_text_passages_are_bounded_and_lose_no_letter(texts: list[str]) -> None:
    chunks = chunks_of(Document("T", [Block("text", text) for text in texts] or [Block("text", "a")]))
    assert all(0 < len(chunk.text) <= CHUNK_CHARACTERS for chunk in chunks)
    letters = "".join("".join(chunk.text.split()) for chunk in chunks)
    assert letters == "".join("".join(text.split()) for text in texts or ["a"])


def test_a_passage_has_its_step_and_code_the_sentence_that_introduces_it() -> None:
    code = "      ```kql\n      Syslog | take 3\n      ```\n"
    text = f"# Disk\n\n1. Look.\n   1. First the log. Then run:\n\n{code}\n2. Call.\n"
    chunks = chunks_of(read_document("disk.md", text.encode()))
    assert [(chunk.kind, chunk.language, chunk.step, chunk.lead) for chunk in chunks] == [
        ("text", None, "1", ""),
        ("code", "kql", "1.1", "Then run:"),
        ("text", None, "2", ""),
    ]
    assert chunks[1].text == "Syslog | take 3"


def test_front_matter_is_a_passage_of_its_own() -> None:
    text = f"---\ntitle: Disk\nalert: DiskFull\nnote: {'word ' * 400}\n---\nClean up.\n"
    chunks = chunks_of(read_document("disk.md", text.encode()))
    assert [chunk.kind for chunk in chunks] == ["front"] * (len(chunks) - 1) + ["text"]
    assert {chunk.path for chunk in chunks} == {("Disk",)}
    assert chunks[0].text.startswith("alert: DiskFull")
    assert all(len(chunk.text) <= CHUNK_CHARACTERS for chunk in chunks)


def test_a_heading_ends_the_step() -> None:
    chunks = chunks_of(read_document("disk.md", b"# A\n\n1. One.\n\n   More of it.\n\n# B\n\nNo step.\n"))
    assert [(chunk.path[-1], chunk.step) for chunk in chunks] == [("A", "1"), ("B", None)]
