"""Plain text, and the bytes of every format that is text."""

from __future__ import annotations

import re
from dataclasses import replace

from agents.knowledge.documents.document import Block, Document, check_length, title_of
from agents.knowledge.documents.elements import END, HEADING, blocks_of, unstructured
from agents.knowledge.documents.hidden import without_shapeless
from agents.knowledge.documents.plain_code import take_out_code
from shared.errors import InvalidInput

_STEP = re.compile(r"\s*(?:step\s+)?(\d{1,3}(?:\.\d{1,3}){0,4})[.):]\s+(?=\S)", re.IGNORECASE)

_UNDERLINED = re.compile(r"^(\S[^\n]{0,150})\n([=~^#-])\2{2,}[ \t]*$", re.MULTILINE)


def read_text(name: str, content: bytes) -> Document:
    text, notes = decoded(name, content)
    check_length(len(text))  # before minutes of work on it
    text, shapeless = without_shapeless(text)
    text, code = take_out_code(text)
    text = _UNDERLINED.sub(lambda found: f"\n{HEADING}{int(found[2] != '=')}{END}{found[1]}\n", text)
    elements = unstructured().partition_text(text=text, languages=[""])
    blocks = [with_step(block) for block in blocks_of(elements, code)]
    return Document(title_of(blocks, name), blocks, [*notes, *shapeless])


def with_step(block: Block) -> Block:
    """A text that begins with a number and a mark is a step."""
    found = _STEP.match(block.text) if block.kind in ("text", "step") else None
    return replace(block, kind="step", step=found[1]) if found else block


def decoded(name: str, content: bytes) -> tuple[str, list[str]]:
    """The text, and a note when it had to be read as Windows-1252. Raises InvalidInput for what is no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) and not content.startswith(b"\xff\xfe\0\0"):
        return content.decode("utf-16", errors="replace").replace("\r\n", "\n"), []
    if b"\0" in content:
        raise InvalidInput("holds binary data, not text")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n"), []
    except UnicodeDecodeError as error:
        note = f"byte {error.start} is not UTF-8; read as Windows-1252"
        return content.decode("cp1252", errors="replace").replace("\r\n", "\n"), [note]
