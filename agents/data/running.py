"""Running what was proven: on the platform that the group is connected to, else on its rows in the sandbox."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from agents.data.connectors.connections import Connections
from agents.data.connectors.connector import Connector, connector_for
from agents.data.platform import Platform
from agents.data.proof import check_proven, run_proven
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog
from shared.models import Rows
from shared.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ran:
    """place: the platform that the query ran on, without secrets; None is the sandbox."""

    rows: Rows
    place: str | None = None


class Runner:
    """The same gate before both: what its proof rejects runs nowhere."""

    def __init__(
        self, platform: Platform, sandbox: Sandbox, settings: Settings, connections: Connections | None
    ) -> None:
        self._platform = platform
        self._sandbox = sandbox
        self._settings = settings
        self._connections = connections
        self._connectors: dict[str, tuple[str, Connector]] = {}

    async def can_run(self, catalog: Catalog) -> bool:
        """Whether the group has rows here, or a connection."""
        return self._sandbox.has_rows(catalog) or await self._url(catalog) is not None

    async def run(self, query: str, catalog: Catalog, limit: int, offset: int = 0) -> Ran:
        """At most `limit` rows, and never more than the setting `row_limit`, in at most `connection_seconds` (on the
        sandbox `query_seconds`).

        Raises QueryRejected with the first problem of its proof, and what `Connector.run` or `run_proven` raises.
        """
        url = await self._url(catalog)
        if url is None:
            return Ran(
                await asyncio.to_thread(run_proven, self._platform, query, catalog, self._sandbox, limit, offset)
            )
        connector = self._connector(url, catalog)
        await asyncio.to_thread(check_proven, self._platform, query, catalog, self._sandbox)
        most = min(limit, self._settings.row_limit)
        sent = self._platform.as_sent(query, catalog)
        rows = await connector.run(sent, limit=most, offset=offset, seconds=self._settings.connection_seconds)
        log.info("query ran on its platform", schema_group=catalog.schema_group, place=connector.place)
        return Ran(rows, connector.place)

    async def _url(self, catalog: Catalog) -> str | None:
        return await self._connections.get(catalog.schema_group) if self._connections else None

    def _connector(self, url: str, catalog: Catalog) -> Connector:
        """The group's own, kept while neither its URL nor its catalog changes: it may hold a token."""
        made_of = f"{catalog.version} {url}"
        kept = self._connectors.get(catalog.schema_group)
        if kept is None or kept[0] != made_of:
            kept = made_of, connector_for(url, catalog, self._settings)
            self._connectors[catalog.schema_group] = kept
        return kept[1]
