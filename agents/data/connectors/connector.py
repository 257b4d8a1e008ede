"""What a connector is, and the registry of its kinds: a URL's scheme says which."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

from shared.catalog import Catalog
from shared.errors import InvalidInput, QueryTimeout, SourceUnavailable, did_you_mean
from shared.models import Rows
from shared.settings import Settings

CONNECT_SECONDS = 10.0


class Connector(ABC):
    """One platform's read-only way in.

    name: its kind; place: how messages call this one, without a secret; probe: a query that any such platform answers
    at once.
    """

    name: ClassVar[str]
    probe: ClassVar[str]
    place: str

    @abstractmethod
    def __init__(self, url: str, catalog: Catalog, settings: Settings) -> None:
        """Connects to nothing. Raises InvalidInput for a URL that can't be used, or that holds a secret itself."""

    @abstractmethod
    async def run(self, query: str, *, limit: int, offset: int = 0, seconds: float) -> Rows:
        """Rows `offset` to `offset + limit` of a query that was proven; `truncated` where there are more, or a cell was
        too long and is cut. Cancelled, or after `seconds`, it stops the query on the platform too.

        Raises QueryFailed with the platform's message, QueryTimeout, SourceUnavailable where the platform can't be
        reached or refuses the credentials, NotFound for a file that isn't there, InvalidInput for a variable that is
        not set.
        """


@dataclass(frozen=True)
class Kind:
    """Where a scheme's class is, and which groups can be connected so. dialect: SQL only; has_clock: whether `now` can
    be what the catalog says."""

    module: str
    platform: str
    dialect: str | None = None
    has_clock: bool = False


_DATABASES = "agents.data.connectors.databases:Database"
KINDS = {
    "postgresql": Kind(_DATABASES, "sql", "postgres"),
    "sqlite": Kind(_DATABASES, "sql", "sqlite"),
    "mysql": Kind(_DATABASES, "sql", "mysql"),
    "mariadb": Kind(_DATABASES, "sql", "mysql"),
    "duckdb": Kind("agents.data.connectors.duckdb_files:DuckdbFile", "sql", "duckdb", has_clock=True),
    "loganalytics": Kind("agents.data.connectors.log_analytics:LogAnalytics", "kql"),
    "splunk": Kind("agents.data.connectors.splunk:Splunk", "spl"),
    "splunk+http": Kind("agents.data.connectors.splunk:Splunk", "spl"),
}


def connector_for(url: str, catalog: Catalog, settings: Settings) -> Connector:
    """The connector of a group; nothing is connected yet.

    Raises InvalidInput for a URL that can't be used or a platform that isn't the group's; no message shows the URL.
    """
    scheme = _scheme(url)
    if scheme not in KINDS:
        message = f"can't connect to a '{scheme}'" if scheme else "that is not the URL of a platform"
        raise InvalidInput(message, suggestion=did_you_mean(scheme, KINDS) or f"known: {', '.join(sorted(KINDS))}")
    kind = KINDS[scheme]
    _check_fits(scheme, kind, catalog)
    module, _, cls = kind.module.partition(":")
    connector = getattr(import_module(module), cls)(url, catalog, settings)
    assert isinstance(connector, Connector)
    return connector


def _scheme(url: str) -> str:
    """Without the driver that the URL of a database may name (`postgresql+asyncpg`); LexiQuery has its own."""
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    named = scheme if scheme in KINDS else scheme.partition("+")[0]
    return "postgresql" if named == "postgres" else named


def _check_fits(scheme: str, kind: Kind, catalog: Catalog) -> None:
    group = f"schema group '{catalog.schema_group}'"
    if catalog.platform != kind.platform:
        message = f"{group} is on platform '{catalog.platform}'; a {scheme} connection runs '{kind.platform}'"
    elif kind.dialect and catalog.dialect != kind.dialect:
        message = f"{group} has SQL of dialect '{catalog.dialect}'; a {scheme} connection runs '{kind.dialect}'"
    elif catalog.clock and not kind.has_clock:
        message = f"{group} is a recording that ends at {catalog.clock.isoformat()}; on a {scheme} connection it is now"
        raise InvalidInput(message, suggestion="import its catalog without `clock`")
    else:
        return
    fitting = [
        name for name, one in KINDS.items() if (one.platform, one.dialect) == (catalog.platform, _dialect(catalog))
    ]
    raise InvalidInput(message, suggestion=f"known for it: {', '.join(fitting)}" if fitting else None)


def _dialect(catalog: Catalog) -> str | None:
    return catalog.dialect if catalog.platform == "sql" else None


@asynccontextmanager
async def within(seconds: float, place: str) -> AsyncIterator[None]:
    """The block is cancelled after `seconds`: QueryTimeout. A wait of its own that ended is SourceUnavailable."""
    try:
        async with asyncio.timeout(seconds) as scope:
            yield
    except TimeoutError as error:
        if not scope.expired():
            raise SourceUnavailable(f"{place} did not answer in time") from error
        message = f"the query ran longer than {seconds:g} s on {place}"
        raise QueryTimeout(message, suggestion="narrow its time range") from error
