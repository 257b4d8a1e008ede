"""Reading a file into blocks: headings, text, steps, code and tables, in the order of the page.

Markdown, text, HTML and DOCX go through `unstructured`, kept offline; PDF through pypdf. Both are imported on first
use: they take seconds and nobody who only searches needs them.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import yaml

from shared.errors import InvalidInput, did_you_mean

if TYPE_CHECKING:
    from unstructured.documents.elements import Element

BlockKind = Literal["heading", "text", "step", "code", "table"]

MAX_BYTES = 20 * 1024 * 1024
MAX_UNZIPPED_BYTES = 200 * 1024 * 1024
MAX_CHARACTERS = 2_000_000
MAX_PAGES = 2_000


@dataclass(frozen=True)
class Block:
    """A piece of a document. level: depth of a heading, from 0; language: of code, lower case, None if unknown."""

    kind: BlockKind
    text: str
    level: int = 0
    language: str | None = None


@dataclass(frozen=True)
class Document:
    """What was read of a file. notes: what could not be read of it, in words (`page 3 has no text`)."""

    title: str
    blocks: list[Block]
    notes: list[str] = field(default_factory=list)


def read_document(name: str, content: bytes) -> Document:
    """The blocks of a file's content; `name` says the format by its ending.

    Raises InvalidInput, which the caller says of which file: unknown ending, too large, empty, damaged.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in READERS:
        raise InvalidInput(f"can't read '{suffix}' files", suggestion=did_you_mean(suffix, READERS))
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"{len(content):,} bytes, more than the {MAX_BYTES:,} a document may have")
    try:
        document = READERS[suffix](name, content)
    except InvalidInput:
        raise
    except Exception as error:
        raise InvalidInput(f"not a readable {suffix} file: {error or type(error).__name__}") from error
    characters = sum(len(block.text) for block in document.blocks)
    if characters > MAX_CHARACTERS:
        raise InvalidInput(f"{characters:,} characters of text, more than the {MAX_CHARACTERS:,} allowed")
    if not characters:
        raise InvalidInput("there is no text in it" + (f" ({'; '.join(document.notes)})" if document.notes else ""))
    return document


_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)\n"
    r"(?P<code>.*?)(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_NUMBERED = re.compile(r"^([ \t]*)(\d{1,3})\.[ \t]+(?=\S)", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_PLACE = re.compile(r"\s*\bcode-block-(\d+)-here\b\s*")


def _markdown(name: str, content: bytes) -> Document:
    """Fenced code is taken out first: `unstructured` forgets its language, and breaks what is indented in a list."""
    text, notes = _decoded(name, content)
    title = _front_matter_title(text)
    text = _COMMENT.sub("", _FRONT_MATTER.sub("", text, count=1))
    snippets: list[Block] = []

    def take_out(fence: re.Match[str]) -> str:
        snippets.append(_fenced(fence))
        return f"\n{fence['indent']}code-block-{len(snippets) - 1}-here\n"

    text = _FENCE.sub(take_out, text)
    # HTML lists have no numbers in their text, and a step without its number can't be referred to.
    text = _NUMBERED.sub(r"\1\2. \2) ", text)
    elements = _unstructured().partition_md(text=text, languages=[""]) if text.strip() else []
    blocks = [piece for element in elements for piece in _put_back(_block(element), snippets)]
    return Document(title or _title(blocks, name), blocks, notes)


def _fenced(fence: re.Match[str]) -> Block:
    indent = len(fence["indent"])
    lines = [line[indent:] if not line[:indent].strip() else line for line in fence["code"].rstrip().split("\n")]
    return _code("\n".join(lines), language=fence["info"].strip().split(" ")[0].strip("{}.").lower() or None)


def _put_back(block: Block, snippets: list[Block]) -> Iterable[Block]:
    """The block, cut at the places where code was taken out, with the code in between."""
    pieces = _PLACE.split(block.text)
    for index, piece in enumerate(pieces):
        if index % 2:
            yield snippets[int(piece)]
        elif piece.strip():
            yield Block(block.kind, piece.strip(), block.level, block.language)


def _front_matter_title(text: str) -> str | None:
    match = _FRONT_MATTER.match(text)
    try:
        values = yaml.safe_load(match[1]) if match else None
    except yaml.YAMLError:
        return None
    title = values.get("title") if isinstance(values, dict) else None
    return title if isinstance(title, str) else None


def _text(name: str, content: bytes) -> Document:
    text, notes = _decoded(name, content)
    blocks = [_block(element) for element in _unstructured().partition_text(text=text, languages=[""])]
    return Document(_title(blocks, name), blocks, notes)


def _html(name: str, content: bytes) -> Document:
    text, notes = _decoded(name, content)
    elements = _unstructured().partition_html(text=text, languages=[""]) if text.strip() else []
    blocks = [_block(element) for element in elements]
    return Document(_title(blocks, name), blocks, notes)


def _docx(name: str, content: bytes) -> Document:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unzipped = sum(member.file_size for member in archive.infolist())
    if unzipped > MAX_UNZIPPED_BYTES:
        raise InvalidInput(f"unpacks to {unzipped:,} bytes, more than the {MAX_UNZIPPED_BYTES:,} allowed")
    elements = _unstructured().partition_docx(file=io.BytesIO(content), languages=[""])
    blocks = [_block(element) for element in elements]
    return Document(_title(blocks, name), blocks)


def _pdf(name: str, content: bytes) -> Document:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise InvalidInput("the PDF wants a password")
    if len(reader.pages) > MAX_PAGES:
        raise InvalidInput(f"{len(reader.pages):,} pages, more than the {MAX_PAGES:,} allowed")
    pages = [page.extract_text() for page in reader.pages]
    title = reader.metadata.title if reader.metadata else None
    notes = [f"page {number} has no text; a scan?" for number, page in enumerate(pages, 1) if not page.strip()]
    blocks = [block for page in pages for block in _paragraphs(page)]
    return Document(title or _title(blocks, name), blocks, notes)


def _paragraphs(page: str) -> Iterable[Block]:
    for paragraph in re.split(r"\n\s*\n", page):
        if paragraph.strip():
            yield Block("text", paragraph.strip())


READERS: dict[str, Callable[[str, bytes], Document]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _text,
    ".html": _html,
    ".htm": _html,
    ".docx": _docx,
    ".pdf": _pdf,
}


def _decoded(name: str, content: bytes) -> tuple[str, list[str]]:
    """The text, and a note when it had to be read as Windows-1252."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace"), []
    if b"\0" in content:
        raise InvalidInput("holds binary data, not text")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n"), []
    except UnicodeDecodeError as error:
        note = f"byte {error.start} is not UTF-8; read as Windows-1252"
        return content.decode("cp1252", errors="replace").replace("\r\n", "\n"), [note]


def _title(blocks: list[Block], name: str) -> str:
    """The first heading, else the file's name without its ending."""
    heading = next((block.text for block in blocks if block.kind == "heading"), None)
    return heading or PurePath(name).stem


def _block(element: Element) -> Block:
    """An element of `unstructured` as a block."""
    text, category = element.text or "", element.category
    if category == "Title":
        return Block("heading", text, level=element.metadata.category_depth or 0)
    if category == "CodeSnippet":
        return _code(text)
    if category == "Table":
        return Block("table", _table_text(element.metadata.text_as_html or "") or text)
    return Block("step" if category == "ListItem" else "text", text)


class _Cells(HTMLParser):
    """The cells of a table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def _table_text(html: str) -> str:
    """A table with ` | ` between its cells and a line for a row."""
    cells = _Cells()
    cells.feed(html)
    return "\n".join(" | ".join(cell.strip() for cell in row) for row in cells.rows)


_LANGUAGES = {"sh": "shell", "bash": "shell", "console": "shell", "kusto": "kql", "splunk": "spl", "postgresql": "sql"}
_LOOKS_LIKE = (
    ("sql", re.compile(r"\s*(select|with|insert|explain)\b.*\b(from|as)\b", re.IGNORECASE | re.DOTALL)),
    ("spl", re.compile(r"\s*(search\s+)?index\s*=|\s*\|\s*(tstats|inputlookup|makeresults)\b", re.IGNORECASE)),
    ("kql", re.compile(r"\s*(let\s|\w+\s*\|\s*(where|summarize|extend|project|take|join)\b)", re.IGNORECASE)),
    ("shell", re.compile(r"\s*(\$ |#!|(sudo|kubectl|curl|systemctl|journalctl|docker|aws|ssh|grep|df|cat|etcdctl)\s)")),
)


def _code(text: str, language: str | None = None) -> Block:
    if language:
        return Block("code", text, language=_LANGUAGES.get(language, language))
    return Block("code", text, language=next((name for name, form in _LOOKS_LIKE if form.match(text)), None))


@dataclass(frozen=True)
class _Unstructured:
    partition_md: Callable[..., list[Element]]
    partition_text: Callable[..., list[Element]]
    partition_html: Callable[..., list[Element]]
    partition_docx: Callable[..., list[Element]]


@cache
def _unstructured() -> _Unstructured:
    """`unstructured`, told not to call home, with a blank English pipeline for the model that it would download."""
    os.environ.update(DO_NOT_TRACK="true", SCARF_NO_ANALYTICS="true", UNSTRUCTURED_DISABLE_NOTICE="1")
    import spacy
    from unstructured.nlp import tokenize
    from unstructured.partition.docx import partition_docx
    from unstructured.partition.html import partition_html
    from unstructured.partition.md import partition_md
    from unstructured.partition.text import partition_text

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    # The original is an lru_cache whose type a plain function has not.
    vars(tokenize)["_get_nlp"] = lambda: pipeline
    return _Unstructured(partition_md, partition_text, partition_html, partition_docx)
