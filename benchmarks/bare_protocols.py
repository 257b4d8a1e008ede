"""The same work by the protocols' SDKs alone: what no server of ours can be cheaper than."""

from __future__ import annotations

from typing import Any

from a2a.helpers import new_data_part, new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import DatabaseTaskStore, InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from mcp.server import MCPServer
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from protocol_interface.product import RegisteredAgent

OUTPUT: dict[str, Any] = {
    "hits": [
        {"title": f"Host web-{number}", "source": "runbooks/web.md", "excerpt": "Restart the service. " * 10}
        for number in range(5)
    ]
}
"""What an agent of the benchmark answers: about the size of a search."""
AGENT = RegisteredAgent(
    id="sop",
    name="sop",
    description="Finds runbooks",
    url="http://sop.agents.localhost",
    version="1",
    skills=[{"id": "search", "name": "search", "description": "finds passages", "tags": [], "examples": []}],
    healthy=True,
    trusted=True,
)


class _Answers(AgentExecutor):
    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        task = context.current_task or new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updates = TaskUpdater(event_queue, task.id, task.context_id)
        await updates.start_work()
        await updates.add_artifact([new_data_part(OUTPUT)])
        await updates.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise NotImplementedError


def bare_a2a(url: str, engine: AsyncEngine | None = None) -> tuple[AgentCard, Starlette]:
    """An agent by the SDK's documentation, on JSON-RPC. engine: keeps tasks there, in memory if not given."""
    card = AgentCard(
        name="bare",
        description="by the SDK alone",
        version="1",
        supported_interfaces=[AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["application/json"],
        default_output_modes=["application/json"],
        skills=[AgentSkill(id="search", name="search", description="finds passages", tags=["search"])],
    )
    store = DatabaseTaskStore(engine) if engine else InMemoryTaskStore()
    handler = DefaultRequestHandler(_Answers(), store, card)
    return card, Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, rpc_url="/")])


def bare_mcp(agents: list[RegisteredAgent]) -> MCPServer:
    """One tool that gives the agents, typed."""
    server = MCPServer("bare", log_level="ERROR")

    @server.tool()
    async def list_agents() -> list[RegisteredAgent]:
        """List the agents, their skills and platforms."""
        return agents

    return server
