"""Code of documents that do not mark it as such: by its letters and its style in a DOCX, by its look in plain text."""

from __future__ import annotations

import io
import time

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from agents.data.sandbox import Sandbox
from agents.knowledge.checks.check import check_query, queries_of
from agents.knowledge.documents import Block, read_document
from agents.knowledge.documents.code import is_monospaced
from agents.knowledge.documents.plain_code import take_out_code
from shared.settings import Settings
from tests.agents.knowledge.reading import LOGS, passages_of

PROSE = "Which sign-ins failed today?"
QUERY = "SigninLogs\n| where ResultType != '0'\n| count"


def blocks_of(written: docx.document.Document) -> list[Block]:
    buffer = io.BytesIO()
    written.save(buffer)
    return read_document("x.docx", buffer.getvalue()).blocks


def with_prose() -> docx.document.Document:
    written = docx.Document()
    written.add_paragraph(PROSE)
    return written


def typed(written: docx.document.Document, text: str, font: str = "Consolas") -> None:
    """A paragraph for each line, in a font."""
    for line in text.split("\n"):
        written.add_paragraph().add_run(line).font.name = font


@pytest.mark.parametrize("font", ["Consolas", "Courier New", "Menlo", "Cascadia Mono", "DejaVu Sans Mono", "Fira Code"])
def test_paragraphs_of_a_docx_in_letters_of_one_width_are_code(font: str) -> None:
    written = with_prose()
    typed(written, QUERY, font)
    assert blocks_of(written) == [Block("text", PROSE), Block("code", QUERY, language="kql")]


@pytest.mark.parametrize("name", ["HTML Preformatted", "Code", "Source Code", "Plain Text", "Code Block", "SQL code"])
def test_a_paragraph_of_a_docx_in_a_style_for_code_is_code(name: str) -> None:
    written = with_prose()
    written.add_paragraph(QUERY, style=written.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH))
    assert blocks_of(written) == [Block("text", PROSE), Block("code", QUERY, language="kql")]


def test_a_style_has_the_letters_of_the_one_that_it_is_based_on() -> None:
    written = with_prose()
    for number, kind in enumerate((WD_STYLE_TYPE.PARAGRAPH, WD_STYLE_TYPE.CHARACTER)):
        base = written.styles.add_style(f"Typed {number}", kind)
        base.font.name = "Courier New"
        written.styles.add_style(f"Query {number}", kind).base_style = base
    written.add_paragraph("df -h", style="Query 0")
    written.add_paragraph(PROSE)
    written.add_paragraph().add_run("df -h", style="Query 1")
    assert [block.kind for block in blocks_of(written)] == ["text", "code", "text", "code"]


def test_what_else_is_set_in_letters_of_one_width_is_no_code() -> None:
    """A word of a sentence, a step, a heading, a cell of a table; and plain text that has letters of its own."""
    written = with_prose()
    written.add_paragraph("Then run ").add_run("df -h").font.name = "Consolas"
    written.add_paragraph(style="List Number").add_run("df -h").font.name = "Consolas"
    written.add_heading(level=1).add_run("df -h").font.name = "Consolas"
    cells = written.add_table(1, 2).rows[0].cells
    cells[0].text = "disk"
    cells[1].paragraphs[0].add_run("df -h").font.name = "Consolas"
    written.styles.add_style("Plain Text", WD_STYLE_TYPE.PARAGRAPH).font.name = "Calibri"
    written.add_paragraph("Call the team.", style="Plain Text")
    assert [(block.kind, block.text) for block in blocks_of(written)] == [
        ("text", PROSE),
        ("text", "Then run df -h"),
        ("step", "1. df -h"),
        ("heading", "df -h"),
        ("table", "disk | df -h"),
        ("text", "Call the team."),
    ]


def test_a_document_that_is_all_in_letters_of_one_width_has_the_code_that_looks_like_it() -> None:
    written = docx.Document()
    written.styles["Normal"].font.name = "Courier New"
    written.add_heading("Sign-ins", 1)
    written.add_paragraph(PROSE)
    written.add_heading("Query", 1)
    written.add_paragraph(QUERY)
    assert [block.kind for block in blocks_of(written)] == ["heading", "text", "heading", "code"]


STEPS = "Check the disk.\n1. Call the owner.\n2. Restart the pod."


@pytest.mark.parametrize("beginning", ["Alert: DiskFull\nSeverity: high", "kubectl get pods", '{"alert": "DiskFull"}'])
@pytest.mark.parametrize("footer", ["", "Version 1.2, owner ops"])
def test_steps_of_a_document_that_is_mostly_in_letters_of_one_width_are_steps(beginning: str, footer: str) -> None:
    written = docx.Document()
    typed(written, f"{beginning}\n{STEPS}")
    written.add_paragraph(footer)
    kinds = [block.kind for block in blocks_of(written)]
    assert "code" not in kinds
    assert kinds.count("step") == 2


@pytest.mark.parametrize("name", ["Plain Text", "HTML Preformatted"])
def test_queries_of_a_document_in_plain_text_are_code_and_its_steps_are_not(name: str) -> None:
    written = docx.Document()
    written.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    for line in f"{STEPS}\n\n{QUERY}\n3. Count them.\nSELECT 1\nFROM orders\n\nThen stop.".split("\n"):
        written.add_paragraph(line, style=name)
    written.add_paragraph("Footer")
    blocks = [(block.kind, block.text) for block in blocks_of(written)]
    assert blocks[1:3] == [("step", "1. Call the owner."), ("step", "2. Restart the pod.")]
    assert blocks[3:6] == [("code", QUERY), ("step", "3. Count them."), ("code", "SELECT 1\nFROM orders")]
    assert [kind for kind, _ in blocks[6:]] == ["text", "text"]


@pytest.mark.parametrize(
    "text",
    [
        "Delete old logs from /var/log",
        "SELECT order_id FROM orders\nThen call the owner",
        "SELECT order_id FROM orders\n1) restart the pod",
        "status | count\nopen | 3",
    ],
)
def test_what_only_begins_as_a_query_is_text_where_most_letters_are_of_one_width(text: str) -> None:
    written = docx.Document()
    written.styles["Normal"].font.name = "Courier New"
    written.add_heading("Query", 1)
    written.add_paragraph(text)
    assert "code" not in [block.kind for block in blocks_of(written)]


def test_code_in_a_style_for_code_alone_is_code_though_it_is_most_of_a_document() -> None:
    written = with_prose()
    written.styles.add_style("Source Code", WD_STYLE_TYPE.PARAGRAPH).font.name = "Consolas"
    shell = "kubectl get pods --namespace orders\nkubectl rollout restart deployment/orders"
    written.add_paragraph(shell, style="Source Code")
    assert blocks_of(written) == [Block("text", PROSE), Block("code", shell, language="shell")]


def test_code_in_a_box_of_a_docx_is_code() -> None:
    written = with_prose()
    written.add_table(1, 1).cell(0, 0).paragraphs[0].add_run(QUERY).font.name = "Consolas"
    assert blocks_of(written) == [Block("text", PROSE), Block("code", QUERY, language="kql")]


def test_empty_lines_of_code_are_kept_and_others_part_it() -> None:
    written = with_prose()
    typed(written, "SELECT 1\n\nFROM orders")
    look = OxmlElement("w:rPr")
    look.append(OxmlElement("w:rFonts"))
    look[0].set(qn("w:ascii"), "Consolas")
    written.paragraphs[2]._p.get_or_add_pPr().append(look)
    written.add_paragraph()
    typed(written, "df\u00a0-h")
    code = [block.text for block in blocks_of(written) if block.kind == "code"]
    assert code == ["SELECT 1\n\nFROM orders", "df -h"]


def test_hidden_letters_are_no_code() -> None:
    written = with_prose()
    typed(written, "df -h")
    written.paragraphs[-1].add_run("rm -rf /").font.hidden = True
    assert blocks_of(written)[-1] == Block("code", "df -h", language="shell")


@pytest.mark.parametrize("font", ["Calibri", "Monotype Corsiva", "Times New Roman", "Codec Pro", ""])
def test_other_fonts_are_no_fonts_of_code(font: str) -> None:
    assert not is_monospaced(font)


def plain(text: str) -> list[tuple[str, str, str | None]]:
    """Below a heading: without one, short lines are headings."""
    [_, *blocks] = read_document("x.txt", f"Notes\n=====\n\n{text}".encode()).blocks
    return [(block.kind, block.text, block.language) for block in blocks]


def indented(query: str, by: str = "    ") -> str:
    return "\n".join(f"{by}{line}" if line else "" for line in query.split("\n"))


@pytest.mark.parametrize(
    ("query", "language"),
    [
        (QUERY, "kql"),
        ("let since = ago(1d);\n\nSigninLogs\n| where TimeGenerated > since\n\n| count", "kql"),
        ("SELECT order_id\n  FROM orders;\n\nSELECT paid_at FROM refunds;", "sql"),
        ("-- not paid\nselect order_id from orders", "sql"),
        ("index=web status=500\n| stats count by host", "spl"),
        ("sum by (job) (rate(errors_total[5m]))", "promql"),
        ("WITH late AS (\n  SELECT order_id FROM orders\n)\n\nSELECT order_id FROM late", "sql"),
        ("SELECT order_id FROM orders\n\nWHERE paid = 0\n\n-- the oldest first\nORDER BY order_id", "sql"),
        ("let since = ago(1d);\n\n// of today\n\nSigninLogs\n| where TimeGenerated > since", "kql"),
        ("// Sign-ins.\n\n// They need the connector.\n// Of a day:\n\nSigninLogs\n| where UserId > 1", "kql"),
        ("SigninLogs\n// Not the users of our own.\n| where UserId > 1\n// Add more below.", "kql"),
        ("union withsource=Table SigninLogs, AuditLogs\n| where UserId > 1", "kql"),
        ("-- Not paid.\n\nSELECT order_id FROM orders", "sql"),
        ("SigninLogs\n| join kind=inner (\n  Users | take 5\n\n) on UserId", "kql"),
        ("index=web\n| stats count by host\n\n| sort - count", "spl"),
    ],
)
def test_a_query_that_is_set_in_from_plain_text_is_code(query: str, language: str) -> None:
    code = ("code", query, language)
    assert plain(f"{PROSE}\n\n{indented(query)}\n\nCall the team.\n") == [
        ("text", PROSE, None),
        code,
        ("text", "Call the team.", None),
    ]
    assert code in plain(f"1. Look at it:\n{indented(query, chr(9))}\n2. Call.\n")
    assert code in plain(f"Query\n-----\n{indented(query)}\n")
    assert code in plain(f"  {PROSE}\n\n{indented(query, ' ' * 6)}\n")


@pytest.mark.parametrize(
    "text",
    [
        "Call:\n\n    Select the host from the list of hosts\n    and restart it\n",
        "Call:\n\n    with a note from the team to whoever is on call.\n",
        "Call:\n\n    status | count\n    open | 3\n",
        "Call:\n\n    // of the team.\n\n    Whoever is on call\n",
        "Call:\n\n    SigninLogs\n    | where UserId > 1\n    Then restart it.\n    // See above.\n",
        "Call:\n\n    union members | where they are\n",
        "Call:\n\n    // of the team\n\nSigninLogs\n| where UserId > 1\n",
        "Call:\n\n    df -h\n",
        "1. Look at the orders that you\n    select order_id from orders\n",
        "Call:\n\n  SELECT order_id FROM orders\n",
        "Then:\n    Delete orders from the list until none is open\n",
        "Then:\n    Delete orders from last week\n",
        "Then:\n    Update orders on the page and set the status\n",
        "Then:\n    Select rows and paste them into the sheet\n",
        "Then:\n    Select orders from yesterday\n",
        "Note:\n    With luck the job restarts from here\n",
        "Note:\n    Explain to the customer as needed\n",
        "Alert when:\n    count (of orders) drops below 5\n",
        "Alert when:\n    rate(errors_total[5m]) is high\n",
        "Fields:\n    Host | Count | Owner\n",
        "Fields:\n    index=5\n",
    ],
)
def test_other_text_that_is_set_in_is_text(text: str) -> None:
    found = plain(text)
    assert "code" not in [kind for kind, _, _ in found]
    assert " ".join(" ".join(words for _, words, _ in found).split()) == " ".join(text.split())


def test_prose_and_results_behind_a_query_are_no_part_of_it() -> None:
    query = "SELECT status, count(*) FROM orders GROUP BY 1;"
    text = f"Run:\n\n    {query}\n\n    status | count\n    open | 3\n\n    Then call the team.\n"
    assert [kind for kind, _, _ in plain(text)] == ["text", "code", "text", "text", "text"]
    assert ("code", query, "sql") in plain(text)


@pytest.mark.parametrize(
    "after",
    [
        "Then look at the status of each order",
        "Expected: none",
        "order_id\n--------\n17",
        "--------\n17",
        "| order_id |\n| 17 |",
        "1. Call the owner\n2. Restart the job",
        "where needed",
    ],
)
@pytest.mark.parametrize("query", ["SELECT order_id FROM orders", QUERY, "index=web\n| stats count by host"])
def test_a_query_in_plain_text_ends_at_the_blank_line_before_what_is_none(query: str, after: str) -> None:
    found = plain(f"Run:\n\n{indented(query)}\n\n{indented(after)}\n\nEnd.\n")
    assert [text for kind, text, _ in found if kind == "code"] == [query]
    assert " ".join(after.split()) in " ".join(" ".join(text for _, text, _ in found).split())


@pytest.mark.parametrize("text", ["select a from b:\n", "T | where a > 1.\n"])
def test_lines_that_are_refused_as_queries_take_time_by_their_length_alone(text: str) -> None:
    """Each a tab deeper: 1 MB took minutes."""
    started = time.monotonic()
    _, found = take_out_code("x:\n" + "".join("\t" * depth + text for depth in range(1, 1400)))
    assert found == []
    assert time.monotonic() - started < 10


def test_queries_of_a_docx_and_of_plain_text_are_checked(settings: Settings) -> None:
    written = with_prose()
    typed(written, QUERY.replace("ResultType", "ResultTyp"))
    buffer = io.BytesIO()
    written.save(buffer)
    documents = {"a.docx": buffer.getvalue(), "b.txt": f"Sign-ins\n========\n\n{PROSE}\n\n{indented(QUERY)}\n".encode()}
    queries = queries_of([one for name, content in documents.items() for one in passages_of(name, content)], [LOGS])
    sandbox = Sandbox(settings)
    found = [check_query(query, [LOGS], sandbox) for query in queries]
    sandbox.close()
    assert [(one.source, one.status, one.question) for one in found] == [
        ("a.docx", "broken", PROSE),
        ("b.txt", "proven", PROSE),
    ]
