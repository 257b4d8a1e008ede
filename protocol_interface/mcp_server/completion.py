"""Completing the arguments of templates and prompts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from protocol_interface.mcp_server.results import check_nul
from protocol_interface.product import Product
from shared.errors import InvalidInput, NotFound

_MOST = 100
"""Values that one completion may hold, by the specification."""
Named = PromptReference | ResourceTemplateReference
Values = Callable[[dict[str, str]], Awaitable[list[str]]]


def add_completion(server: MCPServer[None], product: Product) -> None:
    values = Known(product).by_argument

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK gives it no types
    async def complete(ref: Named, argument: CompletionArgument, context: CompletionContext | None) -> Completion:
        await _check(server, ref)
        given = dict((context and context.arguments) or {})
        try:
            check_nul(given)
        except InvalidInput as error:
            raise MCPError(INVALID_PARAMS, f"{error.code}: {error}") from error
        known = await values[argument.name](given) if argument.name in values else []
        return _best(known, argument.value)


class Known:
    """What is there, by the name of the argument that stands for it."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self.by_argument: dict[str, Values] = {
            "group": self._groups,
            "schema_group": self._groups,
            "source_group": self._groups,
            "platform": self._platforms,
            "table": self._tables,
            "id": self._procedures,
            "journey_id": self._journeys,
        }

    async def _groups(self, _: dict[str, str]) -> list[str]:
        return [one.schema_group for one in await self._product.groups()]

    async def _platforms(self, _: dict[str, str]) -> list[str]:
        return sorted({one.platform for one in await self._product.groups()})

    async def _tables(self, given: dict[str, str]) -> list[str]:
        """Of the group that was chosen before; without one of every group."""
        chosen = given.get("group")
        groups = [chosen] if chosen else await self._groups(given)
        try:
            return [table.name for group in groups for table in (await self._product.catalog(group)).tables]
        except NotFound:
            return []

    async def _procedures(self, _: dict[str, str]) -> list[str]:
        return [one.source for one in await self._product.procedures()]

    async def _journeys(self, _: dict[str, str]) -> list[str]:
        return [one.journey_id for one in await self._product.journeys(limit=_MOST)]


async def _check(server: MCPServer[None], ref: Named) -> None:
    if isinstance(ref, PromptReference):
        name, known = ref.name, {prompt.name for prompt in await server.list_prompts()}
    else:
        name, known = str(ref.uri), {template.uri_template for template in await server.list_resource_templates()}
    if name not in known:
        raise MCPError(INVALID_PARAMS, f"nothing is called '{name[:100]}'")


def _best(known: list[str], begun: str) -> Completion:
    """Those that begin so, then those that have it anywhere; case is ignored."""
    word = begun.lower()
    found = [one for one in dict.fromkeys(known) if word in one.lower()]
    found.sort(key=lambda one: not one.lower().startswith(word))
    return Completion(values=found[:_MOST], total=len(found), has_more=len(found) > _MOST)
