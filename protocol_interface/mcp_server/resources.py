"""What clients read by address: tables, runbooks, answers, costs."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import ResourceSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from protocol_interface.mcp_server.journeys import permitted
from protocol_interface.mcp_server.results import check_nul
from protocol_interface.mcp_server.tables import DescribedTable, describe
from protocol_interface.product import Product
from shared.documents import DocumentText
from shared.errors import Conflict, InvalidInput, LexiQueryError, NotFound
from shared.models import Answer

T = TypeVar("T")
_JSON = "application/json"


def add_resources(server: MCPServer[None], product: Product) -> None:
    """The templates; what they name changes too often to be listed."""

    @server.resource(
        "catalog://{group}/{table}", title="Table", mime_type=_JSON, description="A table's columns and relationships"
    )
    async def table(group: str, table: str) -> str:
        return (await _found(_table(product, group, table))).model_dump_json(by_alias=True)

    # A runbook is kept in the database under its name, which may look like a path: nothing is read from a disk.
    @server.resource(
        "sop://{+id}",
        title="Runbook",
        mime_type="text/markdown",
        description="A runbook, by its id or as answers cite it",
        security=ResourceSecurity(exempt_params={"id"}),
    )
    async def procedure(id: str) -> str:
        return (await _found(_procedure(product, id))).text

    @server.resource(
        "journey://{journey_id}", title="Answer", mime_type=_JSON, description="The answer to an earlier question"
    )
    async def journey(journey_id: str) -> str:
        return permitted(await _found(_ended(product, journey_id))).model_dump_json()

    @server.resource(
        "ledger://journey/{journey_id}",
        title="Cost",
        mime_type=_JSON,
        description="What a journey's model calls took",
    )
    async def cost(journey_id: str) -> str:
        return (await _found(product.journey_cost(journey_id))).model_dump_json()


async def _table(product: Product, group: str, table: str) -> DescribedTable:
    return describe(await product.catalog(group), table)


async def _procedure(product: Product, name: str) -> DocumentText:
    check_nul({"id": name})
    return await product.procedure(name)


async def _ended(product: Product, journey_id: str) -> Answer:
    answer = await product.peek(journey_id)
    if answer is None:
        raise Conflict(f"journey '{journey_id}' is still running", suggestion="read it again later")
    return answer


async def _found(work: Awaitable[T]) -> T:
    """Its outcome, errors in MCP's terms."""
    try:
        return await work
    except NotFound as error:
        raise ResourceNotFoundError(str(error)) from error
    except InvalidInput as error:
        raise MCPError(INVALID_PARAMS, f"{error.code}: {error}") from error
    except LexiQueryError as error:
        raise ResourceError(f"{error.code}: {error}") from error
