from __future__ import annotations

import io

import docx
import pytest

from agents.knowledge.documents import Block, read_document
from shared.errors import InvalidInput
from tests.agents.knowledge.conftest import DISK
from tests.agents.knowledge.pages import lines_of, painted, pdf_of


def word_of(document: docx.document.Document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def kinds(name: str, content: bytes) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in read_document(name, content).blocks]


def test_code_in_a_list_stays_whole_and_keeps_its_language() -> None:
    blocks = read_document("disk.md", DISK.encode()).blocks
    assert Block("code", "df -h\n\ndu -xh / | sort -h", language="shell") in blocks


def test_steps_keep_their_numbers() -> None:
    steps = [block for block in read_document("disk.md", DISK.encode()).blocks if block.kind == "step"]
    assert [(step.step, step.text) for step in steps] == [
        ("1", "1) Find the largest folders."),
        ("2", "2) Look for rotated logs that nobody removed."),
    ]


def test_steps_below_a_step_have_its_number_and_a_list_goes_on_where_it_says() -> None:
    text = "1. Look\n   1. at the disk\n   2. at the log\n2. Decide\n   - a bullet\n\nMeanwhile, call.\n\n3. Act\n"
    steps = [block.step for block in read_document("x.md", text.encode()).blocks if block.kind == "step"]
    assert steps == ["1", "1.1", "1.2", "2", None, "3"]


def test_html_steps_are_numbered_as_a_browser_does() -> None:
    page = b'<ol start="4"><li>four</li><li value="9">nine<ol><li>below</li></ol></li><li>ten</li></ol>'
    steps = [block.step for block in read_document("x.html", page).blocks]
    assert steps == ["4", "9", "9.1", "10"]


def test_the_title_of_the_front_matter_wins_and_is_no_text() -> None:
    document = read_document("x.md", b"---\ntitle: Disk full\nweight: 20\n---\n\nClean up.\n")
    assert (document.title, [block.text for block in document.blocks]) == ("Disk full", ["weight: 20", "Clean up."])


@pytest.mark.parametrize(
    ("front", "labels"),
    [
        ("labels: [Team-A, ops]", ["ops", "team-a"]),
        ("access: team-a, ops", ["ops", "team-a"]),
        ("labels: team-a\naccess: [ops]", ["ops", "team-a"]),
        ("labels: ['*?']", ["unreadable-label"]),
        ("title: x", []),
    ],
)
def test_the_front_matter_says_who_may_find_it(front: str, labels: list[str]) -> None:
    assert read_document("x.md", f"---\n{front}\n---\n\nClean up.\n".encode()).labels == labels


def test_a_rule_across_the_page_is_no_front_matter() -> None:
    assert kinds("x.md", b"---\n\nFirst things first.\n\n---\n\nThen the rest.\n") == [
        ("text", "First things first."),
        ("text", "Then the rest."),
    ]


def test_a_table_keeps_its_rows() -> None:
    document = read_document("x.md", b"# T\n\n| code | means |\n|---|---|\n| 5 | denied |\n")
    assert Block("table", "code | means\n5 | denied") in document.blocks


def test_a_short_line_is_no_heading_where_headings_are_marked() -> None:
    assert kinds("x.md", b"# Disk full\n\nRun It Now\n") == [("heading", "Disk full"), ("text", "Run It Now")]


def test_what_is_folded_on_the_page_is_read() -> None:
    page = b"<h1>T</h1><details><summary>More steps</summary><p>Restart the ingest service.</p></details>"
    assert kinds("x.html", page)[1:] == [("text", "More steps"), ("text", "Restart the ingest service.")]


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("SELECT a\nFROM b", "sql"),
        ("index=web | stats count", "spl"),
        ("| tstats count where index=web", "spl"),
        ("T | where x == 1", "kql"),
        ("// failed sign-ins\nSigninLogs\n| where ResultType != 0", "kql"),
        ("let t = 5m;\nT | take 3", "kql"),
        ("kubectl get pods", "shell"),
        ('sum by (job) (rate(http_requests_total{code="500"}[5m]))', "promql"),
        ("groups:\n  - name: node", "yaml"),
        ('{"level": "error"}', "json"),
        ("something else entirely", None),
    ],
)
def test_untyped_code_is_recognised_by_its_words(code: str, language: str | None) -> None:
    [block] = read_document("x.md", f"```\n{code}\n```\n".encode()).blocks
    assert (block.text, block.language) == (code, language)


@pytest.mark.parametrize(
    "page",
    [
        '<pre><code class="language-kusto">T</code></pre>',
        '<div class="highlight highlight-source-kusto"><pre>T</pre></div>',
        '<div class="highlight-kql notranslate"><div class="highlight"><pre>T</pre></div></div>',
        '<pre class="brush: kusto">T</pre>',
    ],
)
def test_the_class_of_code_names_its_language(page: str) -> None:
    assert Block("code", "T", language="kql") in read_document("x.html", page.encode()).blocks


def test_plain_text_has_steps() -> None:
    document = read_document("x.txt", b"DISK FULL\n\n1. Check df.\n2. Remove logs.\n")
    assert [block.kind for block in document.blocks] == ["heading", "step", "step"]
    assert [block.step for block in document.blocks] == [None, "1", "2"]


def test_an_underlined_line_of_plain_text_is_a_heading() -> None:
    document = read_document("x.txt", b"Disk full\n=========\nCall the team.\n\nMore\n----\nRun It Now\n")
    assert [(block.kind, block.level, block.text) for block in document.blocks] == [
        ("heading", 0, "Disk full"),
        ("text", 0, "Call the team."),
        ("heading", 1, "More"),
        ("text", 0, "Run It Now"),
    ]


def test_a_docx_has_headings_steps_and_tables() -> None:
    written = docx.Document()
    written.add_heading("Disk full", 0)
    written.add_heading("Mitigation", 1)
    written.add_paragraph("Remove old logs.", style="List Number")
    written.add_paragraph("Restart the service.", style="List Number")
    written.add_table(1, 2).cell(0, 0).text = "a"
    written.sections[0].footer.paragraphs[0].text = "Confidential, page 1"
    document = read_document("x.docx", word_of(written))
    assert document.title == "Disk full"
    assert [(block.kind, block.level, block.step) for block in document.blocks] == [
        ("heading", 0, None),
        ("heading", 0, None),
        ("step", 0, "1"),
        ("step", 0, "2"),
        ("table", 0, None),
    ]


def test_a_table_that_lays_out_a_page_of_a_docx_is_what_is_in_it() -> None:
    written = docx.Document()
    cells = written.add_table(1, 2).rows[0].cells
    cells[0].text = "Lay down the pipe."
    inner = cells[1].add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "hazard", "falling"
    assert [(kind, text) for kind, text in kinds("x.docx", word_of(written)) if text.strip()] == [
        ("text", "Lay down the pipe."),
        ("table", "hazard | falling"),
    ]


def test_a_pdf_has_headings_by_size_paragraphs_code_and_steps() -> None:
    page = lines_of(
        ("F1", 20, "Disk full"),
        ("F1", 10, ""),
        ("F1", 10, "The filesystem of a host has less than ten percent"),
        ("F1", 10, "of space left, and nobody has been told."),
        ("F1", 14, "Diagnosis"),
        ("F1", 10, "1. Find the largest folders:"),
        ("F3", 10, "df -h"),
        ("F3", 10, "du -xh /"),
    )
    document = read_document("x.pdf", painted(page, size=612))
    assert [(block.kind, block.level, block.text) for block in document.blocks] == [
        ("heading", 0, "Disk full"),
        (
            "text",
            0,
            "The filesystem of a host has less than ten percent of space left, and nobody has been told.",
        ),
        ("heading", 1, "Diagnosis"),
        ("step", 0, "1. Find the largest folders:"),
        ("code", 0, "df -h\ndu -xh /"),
    ]
    assert document.blocks[-1].language == "shell"
    assert document.title == "Disk full"


def test_a_pdf_table_between_lines_is_a_table() -> None:
    grid = "".join(f"50 {y} m 250 {y} l S\n" for y in (600, 620, 640)) + "".join(
        f"{x} 600 m {x} 640 l S\n" for x in (50, 150, 250)
    )
    cells = [("code", 55, 625), ("means", 155, 625), ("5", 55, 605), ("denied", 155, 605)]
    text = "".join(f"BT /F1 10 Tf {x} {y} Td ({word}) Tj ET\n" for word, x, y in cells)
    above, below = "BT /F1 10 Tf 50 660 Td (Codes are:) Tj ET\n", "BT /F1 10 Tf 50 580 Td (Ask for more.) Tj ET\n"
    document = read_document("x.pdf", painted(grid + above + text + below, size=612))
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("text", "Codes are:"),
        ("table", "code | means\n5 | denied"),
        ("text", "Ask for more."),
    ]


def test_what_stands_at_the_edge_of_each_page_is_left_out() -> None:
    pages = [
        f"BT /F1 9 Tf 50 770 Td (Operations handbook) Tj ET\nBT /F1 9 Tf 50 20 Td (Part {'ABCD'[n]}   {n + 7}) Tj ET\n"
        f"BT /F1 10 Tf 50 400 Td (Sentence number {word} stays.) Tj ET"
        for n, word in enumerate(("one", "two", "three", "four"))
    ]
    text = read_document("x.pdf", painted(*pages, size=612)).text
    assert "handbook" not in text
    assert "Part" not in text
    assert text.count("stays.") == 4


def test_a_scanned_page_is_reported() -> None:
    document = read_document("x.pdf", pdf_of("Restart the ingest service", ""))
    assert document.blocks == [Block("text", "Restart the ingest service")]
    assert document.notes == ["page 2 has no text; a scan?"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.md", b" \n", "there is no text in it"),
        ("x.pdf", pdf_of(""), "there is no text in it (page 1 has no text; a scan?)"),
        ("x.pdf", b"%PDF-1.7 cut", "not a readable .pdf file: "),
        ("x.docx", b"no zip", "not a readable .docx file: "),
        ("x.html", b"<!-- nothing else -->", "there is no text in it"),
        ("x.txt", b"\0\1\2", "holds binary data, not text"),
        ("x.mdd", b"text", "can't read '.mdd' files; did you mean '.md'?"),
        ("x.yml", b"a: b", "can't read '.yml' files; known errors are added by `lexiquery errors add`"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_document(name, content)
    assert message in str(caught.value)


def test_text_that_is_not_utf8_is_read_as_windows_1252_and_said() -> None:
    document = read_document("x.txt", "Grüße aus Köln, die Platte ist voll.".encode("cp1252"))
    assert document.blocks[0].text == "Grüße aus Köln, die Platte ist voll."
    assert document.notes == ["byte 2 is not UTF-8; read as Windows-1252"]
