"""How long MCP requests took reaches a collector, by names that no client can make up."""

from __future__ import annotations

from mcp import Client

from protocol_interface.mcp_server import build_mcp
from shared.errors import NotFound
from shared.telemetry import Telemetry
from shared.telemetry.otlp import Sender
from tests.otlp_collector import attributes, collecting
from tests.protocol_interface.notebook import Notebook


async def test_requests_are_timed_by_method_and_tool() -> None:
    with collecting() as collector:
        telemetry = Telemetry(Sender(collector.url, {}))
        async with Client(build_mcp(Notebook(fault=NotFound("no such journey")), telemetry)) as client:
            await client.list_tools()
            await client.call_tool("list_agents", {"made": "up"})
            await client.call_tool("journey_cost", {"journey_id": "j-1"})
            await client.call_tool("made_up_by_a_client", {})
        await telemetry.close()
    found = [attributes(one) for one in collector.points("mcp.server.operation.duration")]
    assert {"mcp.method.name": "tools/list"} in found
    assert b"made" not in collector.bodies
    called = [one for one in found if one["mcp.method.name"] == "tools/call"]
    assert {one.get("gen_ai.tool.name") for one in called} == {"list_agents", "journey_cost", None}
    assert {one["error.type"] for one in called if "gen_ai.tool.name" in one} == {"tool_error"}
    assert {one["gen_ai.operation.name"] for one in called if "gen_ai.tool.name" in one} == {"execute_tool"}
