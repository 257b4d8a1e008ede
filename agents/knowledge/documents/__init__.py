"""Reading a file into blocks: headings, text, steps, code and tables, in the order of the page.

Markdown, text, HTML and DOCX go through `unstructured`, kept offline; PDF through pypdf and pdfplumber. A file may be
made to do harm: `agents.knowledge.ingest.reader` reads it in a process of its own, with bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath

from agents.knowledge.documents.document import Block, Document, as_title, check_length
from agents.knowledge.documents.html import read_html
from agents.knowledge.documents.markdown import read_markdown
from agents.knowledge.documents.pdf import read_pdf
from agents.knowledge.documents.plain import read_text
from agents.knowledge.documents.word import read_docx
from shared.errors import InvalidInput, did_you_mean

__all__ = ["MAX_BYTES", "READERS", "Block", "Document", "check_kind", "check_size", "read_document"]

MAX_BYTES = 20 * 1024 * 1024
MAX_BLOCKS = 50_000

READERS: dict[str, Callable[[str, bytes], Document]] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text,
    ".html": read_html,
    ".htm": read_html,
    ".docx": read_docx,
    ".pdf": read_pdf,
}
_LISTED = "known errors are added by `lexiquery errors add`"


def read_document(name: str, content: bytes) -> Document:
    """The blocks of a file's content; `name` says the format by its ending.

    Raises InvalidInput, which the caller says of which file: unknown ending, too large, empty, damaged.
    """
    suffix = check_kind(name)
    check_size(len(content))
    try:
        document = READERS[suffix](name, content)
    except (InvalidInput, MemoryError):
        raise
    except Exception as error:
        raise InvalidInput(f"not a readable {suffix} file: {error or type(error).__name__}") from error
    characters = sum(len(block.text) for block in document.blocks)
    check_length(characters)
    if len(document.blocks) > MAX_BLOCKS:
        raise InvalidInput(f"{len(document.blocks):,} pieces of text, more than the {MAX_BLOCKS:,} allowed")
    if not characters:
        raise InvalidInput("there is no text in it" + (f" ({'; '.join(document.notes)})" if document.notes else ""))
    return replace(document, title=as_title(document.title) or as_title(PurePath(name).stem) or suffix)


def check_kind(name: str) -> str:
    """The ending, lower case. Raises InvalidInput for one that nothing here reads."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in READERS:
        suggestion = _LISTED if suffix in (".yaml", ".yml") else did_you_mean(suffix, READERS)
        raise InvalidInput(f"can't read '{suffix}' files", suggestion=suggestion)
    return suffix


def check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise InvalidInput(f"{size:,} bytes, more than the {MAX_BYTES:,} a document may have")
