"""PDFs for tests, written as what a page paints."""

from __future__ import annotations

import io

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

FONTS = {"F1": "Helvetica", "F2": "Helvetica-Bold", "F3": "Courier"}


def pdf_of(*pages: str, size: int = 300) -> bytes:
    """A PDF with a line of text a page; an empty string is a page that only a scanner saw."""
    return painted(*(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET" if text else "" for text in pages), size=size)


def lines_of(*lines: tuple[str, int, str], top: int = 700) -> str:
    """What paints the lines (font, size in points, text), one below the other; an empty text is room."""
    painted, y = "", top
    for font, size, text in lines:
        y -= round(size * 1.4)
        painted += f"BT /{font} {size} Tf 50 {y} Td ({text}) Tj ET\n"
    return painted


def painted(*streams: str, size: int = 300) -> bytes:
    """A page for each content stream (ISO 32000-1, 7.8.2)."""
    writer = PdfWriter()
    fonts = DictionaryObject({NameObject(f"/{name}"): writer._add_object(_font(base)) for name, base in FONTS.items()})
    for content in streams:
        page = writer.add_blank_page(width=size, height=max(size, 300) if size < 600 else 792)
        if content:
            stream = DecodedStreamObject()
            stream.set_data(content.encode("latin-1"))
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
            page[NameObject("/Contents")] = writer._add_object(stream)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def _font(base: str) -> DictionaryObject:
    named = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": f"/{base}"}
    return DictionaryObject({NameObject(name): NameObject(value) for name, value in named.items()})
