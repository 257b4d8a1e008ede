"""Reading the documents that a command names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.errors import InvalidInput, NotFound

SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".docx", ".pdf")


def read_documents(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """(source, content) of each file, and of each document below each folder; hidden ones are left out.

    Raises NotFound for a path that isn't there, InvalidInput when no document is among them.
    """
    documents = [(str(path), path.read_bytes()) for root in paths for path in _documents_below(root)]
    if not documents:
        raise InvalidInput(f"no document in {', '.join(map(str, paths))}", suggestion=f"known: {', '.join(SUFFIXES)}")
    return documents


def _documents_below(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    elif root.is_dir():
        for path in sorted(root.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            if path.is_file() and path.suffix.lower() in SUFFIXES and not hidden:
                yield path
    else:
        raise NotFound(f"no such file or folder: {root}")
