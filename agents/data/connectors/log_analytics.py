"""Azure Monitor Log Analytics over its query API: `POST /v1/workspaces/{id}/query`.

By httpx and not by azure-monitor-query: the call is one request, for which the SDK brings six packages more, and a
second HTTP client for asyncio.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from agents.data.connectors.connector import Connector, within
from agents.data.connectors.credentials import check_named
from agents.data.connectors.entra import AUTHORITY, Application, Tokens
from agents.data.connectors.pages import page
from agents.data.connectors.web import Reply, Web, address, check_private, client, refusal
from agents.data.kql.limiting import at_most
from shared.catalog import Catalog
from shared.errors import InvalidInput, QueryFailed, SourceUnavailable
from shared.models import Rows
from shared.settings import Settings

_ENDPOINT = "https://api.loganalytics.azure.com"
# The public cloud's tokens are for the older of its two names; elsewhere for the endpoint itself.
_AUDIENCE = "https://api.loganalytics.io"
_MOST_WAIT = 600
_EXPECTED = "loganalytics://WORKSPACE_ID"
_OPTIONS = ("timespan", "token", "tenant", "client", "secret", "endpoint", "authority")


class LogAnalytics(Connector):
    """The service has no pages and no jobs: a page is asked for with `take`, and a query that nobody waits for any more
    ends by the `wait` that was sent with it."""

    name = "loganalytics"
    probe = "print connected = 1"

    def __init__(self, url: str, catalog: Catalog, settings: Settings) -> None:
        asked = address(url, _OPTIONS, _EXPECTED)
        if asked.user or asked.port:
            raise InvalidInput("that is not the URL of a workspace", suggestion=f"expected {_EXPECTED}")
        options = asked.options
        endpoint = options.get("endpoint", _ENDPOINT).rstrip("/")
        authority = options.get("authority", AUTHORITY).rstrip("/")
        for base in (endpoint, authority):
            check_private(base)
        for name in ("token", "secret"):
            check_named(name, options.get(name))
        self.place = f"loganalytics://{asked.host}"
        self._url = f"{endpoint}/v1/workspaces/{asked.host}/query"
        self._timespan = options.get("timespan")
        self._tokens = Tokens(
            Application(
                token=options.get("token", "${AZURE_ACCESS_TOKEN}"),
                tenant=options.get("tenant", "${AZURE_TENANT_ID}"),
                client=options.get("client", "${AZURE_CLIENT_ID}"),
                secret=options.get("secret", "${AZURE_CLIENT_SECRET}"),
                authority=authority,
                scope=f"{_AUDIENCE if endpoint == _ENDPOINT else endpoint}/.default",
            )
        )

    async def run(self, query: str, *, limit: int, offset: int = 0, seconds: float) -> Rows:
        body = {"query": at_most(query, offset + limit + 1)} | ({"timespan": self._timespan} if self._timespan else {})
        prefer = f"wait={min(_MOST_WAIT, math.ceil(seconds))}"
        async with within(seconds, self.place), client() as http:
            web = Web(http, self.place, asyncio.get_running_loop().time() + seconds)
            headers = {"Authorization": f"Bearer {await self._tokens.get(web)}", "Prefer": prefer}
            reply = await web.send("POST", self._url, json=body, headers=headers)
        columns, types, rows = self._table(reply)
        return page(
            columns, [_converted(row, types) for row in rows[offset : offset + limit + 1]], limit, _kinds(types)
        )

    def _table(self, reply: Reply) -> tuple[list[str], list[str], list[list[Any]]]:
        """Columns, their types, rows. A part of a result is no result: it raises, as any other error does."""
        value = reply.value if isinstance(reply.value, dict) else {}
        if reply.status == 401:
            self._tokens.forget()
        if reply.status != 200:
            raise refusal(self.place, reply.status, _said(value.get("error")))
        if value.get("error"):
            raise QueryFailed(f"only a part of the result came: {_said(value['error'])}")
        tables = value.get("tables") or []
        table = next((one for one in tables if one.get("name") == "PrimaryResult"), tables[0] if tables else None)
        if table is None:
            raise SourceUnavailable(f"{self.place} answered no table")
        columns = table["columns"]
        return [one["name"] for one in columns], [str(one.get("type", "")) for one in columns], table["rows"]


def _converted(row: list[Any], types: list[str]) -> list[Any]:
    """Decimals come as text; they are numbers here, as in the sandbox."""
    return [_decimal(cell) if type_ == "decimal" else cell for cell, type_ in zip(row, types, strict=True)]


def _decimal(cell: Any) -> Any:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return cell


def _kinds(types: list[str]) -> list[str]:
    return ["JSON" if type_ == "dynamic" else "" for type_ in types]


def _said(error: Any) -> str:
    """The innermost of an error's messages: the outer ones say that the request had invalid properties."""
    said = ""
    while isinstance(error, dict):
        code, message = error.get("code"), error.get("message")
        said = ": ".join(str(one) for one in (code, message) if one) if message or not said else said
        inner = error.get("innererror") or error.get("details")
        error = inner[0] if isinstance(inner, list) and inner else inner
    return said
