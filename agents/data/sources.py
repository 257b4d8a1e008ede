"""Where a catalog comes from: a file, an address on the web, a live database."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents.data.ddl import read_ddl
from agents.data.downloading import download_catalog, download_rows, told_of
from agents.data.reflecting import reflect
from shared.catalog import Catalog, read_catalog
from shared.errors import InvalidInput, NotFound

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True)
class Source:
    """folder: what the paths of its tables' rows are relative to; notes: what is not as it was there, in words."""

    catalog: Catalog
    folder: Path
    notes: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_source(source: str, group: str | None, platform: str | None) -> AsyncIterator[Source]:
    """The catalog at a path, at http(s)://…, or of the database at sqlite:///… or postgresql://…

    group, platform: instead of what it says. Raises NotFound, InvalidInput, SourceUnavailable.
    """
    scheme = found[1].lower() if (found := _SCHEME.match(source)) else None
    if scheme in ("http", "https"):
        with tempfile.TemporaryDirectory() as folder, told_of(source, Path(folder)):
            yield await _downloaded(source, Path(folder), group, platform)
    elif scheme:
        catalog, notes = await reflect(source, _group_of("a database", group))
        yield Source(_said(catalog, group, platform), Path(), notes)
    else:
        yield Source(await asyncio.to_thread(read_any, Path(source), group, platform), Path(source).parent)


async def _downloaded(url: str, folder: Path, group: str | None, platform: str | None) -> Source:
    path = await download_catalog(url, folder, tuple(_READERS))
    catalog = await asyncio.to_thread(read_any, path, group, platform)
    for rows in {table.rows for table in catalog.tables if table.rows and table.rows != path.name}:
        await download_rows(url, rows, folder)
    return Source(catalog, folder)


def read_any(path: Path, group: str | None = None, platform: str | None = None) -> Catalog:
    """A catalog from any file that has a reader. Raises NotFound, or InvalidInput for a suffix without one."""
    if not path.is_file():
        raise NotFound(f"no catalog file at {path}")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidInput(f"can't read a catalog from {path}", suggestion=f"known: {', '.join(sorted(_READERS))}")
    return _said(reader(path, group), group, platform)


def _said(catalog: Catalog, group: str | None, platform: str | None) -> Catalog:
    changes = {"schema_group": group or catalog.schema_group, "platform": platform or catalog.platform}
    return Catalog.model_validate({**catalog.model_dump(by_alias=True), **changes})


def _group_of(what: str, group: str | None) -> str:
    if group is None:
        raise InvalidInput(f"{what} names no schema group", suggestion="say which with --group")
    return group


def _from_catalog_file(path: Path, group: str | None) -> Catalog:
    return read_catalog(path)


def _from_ddl(path: Path, group: str | None) -> Catalog:
    return read_ddl(path, _group_of(str(path), group))


# A new kind of file is one reader here: (path, group asked for) → Catalog.
_READERS: dict[str, Callable[[Path, str | None], Catalog]] = {
    ".yaml": _from_catalog_file,
    ".yml": _from_catalog_file,
    ".json": _from_catalog_file,
    ".sql": _from_ddl,
}
