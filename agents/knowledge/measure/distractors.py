"""Text that is no runbook but reads like technical prose: what the packages and modules here say of themselves."""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from pydoc_data.topics import topics

from agents.knowledge.ingest.chunks import Chunk

_SHORTEST, _LONGEST = 120, 400
"""Characters; the runbooks' passages are as long on average."""
_NO_PROSE = {"test", "tests", "site-packages", "idlelib", "pydoc_data", "lib2to3"}


def distractors(count: int) -> dict[str, list[Chunk]]:
    """Chunks by the document they are of: READMEs of the installed packages, the topics and docstrings of Python's
    library. The same ones wherever the same packages are installed; at most `count`, in no order of theirs."""
    found = {piece: name for name, text in sorted(_texts()) for piece in _pieces(text)}
    chosen = sorted(found, key=lambda piece: hashlib.sha256(piece.encode()).digest())[:count]
    documents: dict[str, list[Chunk]] = {}
    for piece in chosen:
        name = found[piece]
        documents.setdefault(name, []).append(Chunk((name.rsplit("/", 1)[-1],), "text", piece))
    return documents


def _texts() -> Iterator[tuple[str, str]]:
    for package in distributions():
        yield f"packages/{package.metadata['Name']}", (package.read_text("METADATA") or "").partition("\n\n")[2]
    for name, text in topics.items():
        yield f"python/{name}", text
    library = Path(sysconfig.get_path("stdlib"))
    for path in library.rglob("*.py"):
        below = path.relative_to(library)
        if not _NO_PROSE.intersection(below.parts):
            yield f"library/{below.as_posix()}", "\n\n".join(_docstrings(path))


def _docstrings(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            yield ast.get_docstring(node) or ""


def _pieces(text: str) -> Iterator[str]:
    """Paragraphs, packed."""
    piece = ""
    for paragraph in [*text.split("\n\n"), ""]:
        words = " ".join(paragraph.split())
        if not words or len(piece) + len(words) > _LONGEST:
            if len(piece) >= _SHORTEST:
                yield piece[:_LONGEST]
            piece = words
        else:
            piece = f"{piece} {words}".strip()
