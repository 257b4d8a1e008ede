"""Where a catalog comes from: a file or folder, an address on the web, a live database."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agents.data.downloading import download_catalog, download_rows, shown, told_of
from agents.data.importers.detecting import SUFFIXES
from agents.data.importers.read import group_of
from agents.data.importers.reading import Asked, read_path
from agents.data.importers.row_files import is_row_file
from agents.data.reflecting import reflect
from shared.catalog import Catalog
from shared.errors import InvalidInput

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True)
class Source:
    """folder: what the paths of its tables' rows are relative to; notes: what is not as it was there, in words."""

    catalog: Catalog
    folder: Path
    notes: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_source(
    source: str, group: str | None, platform: str | None, *, sample_values: bool = False
) -> AsyncIterator[Source]:
    """The catalog of a file or folder, at http(s)://…, or of the database at sqlite:///…, postgresql://… or mysql://…

    group, platform: instead of what it says; sample_values: known values of columns with few, where the source itself
    has them. Raises NotFound, InvalidInput, SourceUnavailable.
    """
    scheme = found[1].lower() if (found := _SCHEME.match(source)) else None
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(group, platform, Path(folder), sample_values)
        if scheme in ("http", "https"):
            _check_address(source)
            with told_of(source, Path(folder)):
                yield await _downloaded(source, asked)
        elif scheme:
            catalog, notes = await reflect(source, group_of("a database", group), sample_values=sample_values)
            yield Source(_said(catalog, asked), Path(), notes)
        else:
            yield await asyncio.to_thread(_local, Path(source), asked)


def _check_address(url: str) -> None:
    try:
        urlsplit(url)
    except ValueError as error:
        raise InvalidInput(f"that is not the address of a catalog: {error}") from error


async def _downloaded(url: str, asked: Asked) -> Source:
    if is_row_file(Path(unquote(urlsplit(url).path))):
        raise _rows_alone(url)
    path = await download_catalog(url, asked.scratch, SUFFIXES)
    read = await asyncio.to_thread(read_path, path, asked)
    if read.rows:
        raise _rows_alone(url)
    for rows in {table.rows for table in read.catalog.tables if table.rows and table.rows != path.name}:
        await download_rows(url, rows, asked.scratch)
    return Source(_said(read.catalog, asked), asked.scratch, read.notes)


def _rows_alone(url: str) -> InvalidInput:
    advice = "download them, or give the address of a catalog beside them"
    return InvalidInput(f"{shown(url)} holds rows alone", suggestion=advice)


def _local(path: Path, asked: Asked) -> Source:
    read = read_path(path, asked)
    return Source(_said(read.catalog, asked), read.rows or path.parent, read.notes)


def _said(catalog: Catalog, asked: Asked) -> Catalog:
    changes = {"schema_group": asked.group or catalog.schema_group, "platform": asked.platform or catalog.platform}
    return Catalog.model_validate({**catalog.model_dump(by_alias=True), **changes})
