"""The registry as the commands use it: in this process, or of a running server over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from protocol_interface.card_check import given_card
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry import Registry
from protocol_interface.registry.exchange import Export, Imported, export_agents, import_agents
from protocol_interface.registry.records import AgentDetails

_agents = TypeAdapter(list[RegisteredAgent])
_PAGE = 1000
Send = Callable[..., Awaitable[Any]]
"""Method, path and JSON body; the answer's JSON."""


class LocalDirectory:
    """Errors are the registry's."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def find(self, **wanted: Any) -> list[RegisteredAgent]:
        """wanted: as in Registry.discover; those that are None say nothing."""
        return await self._registry.discover(**wanted)

    async def show(self, name: str) -> AgentDetails:
        return await self._registry.details(name)

    async def register_url(self, url: str) -> RegisteredAgent:
        return await self._registry.register_url(url)

    async def register_card(self, card: dict[str, Any]) -> RegisteredAgent:
        return await self._registry.register_card(given_card(card, "the file"))

    async def remove(self, name: str) -> None:
        await self._registry.remove(name)

    async def export(self) -> Export:
        return await export_agents(self._registry)

    async def take_in(self, exported: Export) -> Imported:
        return await import_agents(self._registry, exported)


class RemoteDirectory:
    """The same of a server. send: raises what the server answered."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def find(self, **wanted: Any) -> list[RegisteredAgent]:
        found: list[RegisteredAgent] = []
        asked = {name: _text(value) for name, value in wanted.items() if value is not None} | {"limit": str(_PAGE)}
        while True:
            query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
            page = _agents.validate_python(await self._send("GET", f"/a2a/agents/discover?{query}"))
            found += page
            if len(page) < _PAGE:
                return found
            asked["after"] = page[-1].id

    async def show(self, name: str) -> AgentDetails:
        return AgentDetails.model_validate(await self._send("GET", f"/a2a/agents/{quote(name, safe='')}"))

    async def register_url(self, url: str) -> RegisteredAgent:
        return RegisteredAgent.model_validate(await self._send("POST", "/a2a/agents/register", {"url": url}))

    async def register_card(self, card: dict[str, Any]) -> RegisteredAgent:
        return RegisteredAgent.model_validate(await self._send("POST", "/a2a/agents/register", {"card": card}))

    async def remove(self, name: str) -> None:
        await self._send("DELETE", f"/a2a/agents/{quote(name, safe='')}")

    async def export(self) -> Export:
        return Export.model_validate(await self._send("GET", "/a2a/agents/export"))

    async def take_in(self, exported: Export) -> Imported:
        return Imported.model_validate(await self._send("POST", "/a2a/agents/import", exported.model_dump()))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
