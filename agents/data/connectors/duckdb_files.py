"""DuckDB files, read-only and locked as the sandbox is: no other file, no network, no extension, no setting."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import unquote

from agents.data.connectors.connector import Connector, within
from agents.data.reading import fetch, one_select
from agents.data.session import Connection, cursor, limited, open_group
from shared.catalog import Catalog
from shared.errors import InvalidInput, NotFound, SourceUnavailable, StorageFailed
from shared.models import Rows
from shared.settings import Settings

_AGAIN_SECONDS = 0.05


class DuckdbFile(Connector):
    """Opened for each query, so that whoever writes the file finds it free in between. `now` is the catalog's clock."""

    name = "duckdb"
    probe = "SELECT 1"

    def __init__(self, url: str, catalog: Catalog, settings: Settings) -> None:
        _, _, path = url.partition("://")
        if not path.startswith("/") or path == "/" or "?" in path:
            raise InvalidInput("that is not the URL of a DuckDB file", suggestion="expected duckdb:///FILE")
        self._path = Path(unquote(path[1:]))
        self._catalog = catalog
        self._memory_mb = settings.query_memory_mb
        self.place = f"duckdb:///{self._path}"

    async def run(self, query: str, *, limit: int, offset: int = 0, seconds: float) -> Rows:
        statement = one_select(query)
        session = await asyncio.to_thread(self._open)
        try:
            own = cursor(session, self._catalog, attached=True)
            async with within(seconds, self.place):
                return await _interruptible(own, statement, limit, offset, seconds)
        finally:
            session.close()

    def _open(self) -> Connection:
        if not self._path.is_file():
            raise NotFound(
                f"no DuckDB file at '{self._path}'", suggestion="write duckdb:////DIR/FILE for an absolute path"
            )
        try:
            return open_group(self._path, self._memory_mb)
        except StorageFailed as error:
            raise SourceUnavailable(f"can't use {self.place}: {error.__cause__}") from error


async def _interruptible(own: Connection, statement: str, limit: int, offset: int, seconds: float) -> Rows:
    """Cancelled, it interrupts the query, and waits until its thread has seen that."""

    def read() -> Rows:
        with limited(own, seconds):
            return fetch(own, statement, limit, offset)

    work = asyncio.ensure_future(asyncio.to_thread(read))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            own.interrupt()
            await asyncio.wait([work], timeout=_AGAIN_SECONDS)
        raise
