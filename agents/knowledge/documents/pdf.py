"""PDF: headings by the size of their letters, text, steps, code and tables; what repeats on each page is left out.

pypdf opens it, pdfplumber says where each letter stands. A page without letters is a scan, and said to be.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.knowledge.documents.document import Document, title_of
from agents.knowledge.documents.hidden import Hidden, without_shapeless
from agents.knowledge.documents.pdf_layout import blocks_of, without_running_lines
from agents.knowledge.documents.pdf_page import PageRead, read_page
from shared.errors import InvalidInput

if TYPE_CHECKING:
    from pdfplumber.pdf import PDF

MAX_PAGES = 500
"""Pages that are read of one file, a tenth of a second each."""


def read_pdf(name: str, content: bytes) -> Document:
    title, count = _opened(content)
    hidden = Hidden()
    pages = list(_pages(content, hidden))
    notes = _notes(pages, count)
    blocks = blocks_of(without_running_lines(pages))
    return Document(title or title_of(blocks, name), blocks, [*notes, *hidden.notes()])


def _opened(content: bytes) -> tuple[str | None, int]:
    """The title that it says of itself, and how many pages it has. Raises InvalidInput for an encrypted one."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise InvalidInput("the PDF wants a password")
    title = reader.metadata.title if reader.metadata else None
    shown = without_shapeless(str(title))[0].strip() if title else ""
    return shown[:300] or None, len(reader.pages)


def _pages(content: bytes, hidden: Hidden) -> Iterator[PageRead]:
    import pdfplumber

    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
    pdf: PDF
    with pdfplumber.open(io.BytesIO(content), pages=list(range(1, MAX_PAGES + 1))) as pdf:
        for page in pdf.pages:
            yield read_page(page, hidden)
            page.close()


def _notes(pages: list[PageRead], count: int) -> list[str]:
    scans = [page.number for page in pages if not page.parts]
    notes = [f"page {number} has no text; a scan?" for number in scans[:5]]
    if len(scans) > len(notes):
        notes.append(f"{len(scans) - len(notes):,} more pages have no text")
    if recognised := sum(page.recognised for page in pages):
        notes.append(f"{recognised:,} page{'s' * (recognised > 1)} of a scan: the text is what a program recognised")
    if count > len(pages):
        notes.append(f"pages {len(pages) + 1:,} to {count:,} were not read; split the file")
    return notes
