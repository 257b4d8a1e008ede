"""Who cancels, over A2A, MCP or HTTP, ends the model's call of a running LexiQuery: its model server is left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.helpers import new_text_message
from a2a.types import CancelTaskRequest, Role, SendMessageRequest, TaskState
from mcp import Client

from tests.scripted_ollama import ScriptedOllama

QUESTION = "Which hosts have many cores?"
Reached = Callable[[], Awaitable[None]]


async def over_a2a(url: str, reached: Reached) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        client = ClientFactory(ClientConfig(httpx_client=http, streaming=True)).create(card)
        asked = client.send_message(SendMessageRequest(message=new_text_message(QUESTION, role=Role.ROLE_USER)))
        task = (await anext(asked)).task
        await reached()
        cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
        assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
        assert [event async for event in asked][-1].status_update.status.state == TaskState.TASK_STATE_CANCELED


async def over_mcp(url: str, reached: Reached) -> None:
    async with Client(f"{url}/mcp", mode="legacy") as client:
        await _given_up(client.call_tool("ask", {"question": QUESTION}), reached)


async def over_newer_mcp(url: str, reached: Reached) -> None:
    async with Client(f"{url}/mcp", mode="2026-07-28") as client:
        await _given_up(client.call_tool("ask", {"question": QUESTION}), reached)


async def over_http(url: str, reached: Reached) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        await _given_up(http.post("/api/v1/query", json={"question": QUESTION}), reached)


async def _given_up(call: Awaitable[Any], reached: Reached) -> None:
    asking = asyncio.ensure_future(call)
    await reached()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("asks", [over_a2a, over_mcp, over_newer_mcp, over_http])
async def test_who_cancels_ends_the_models_call(
    running: str, scripted_ollama: ScriptedOllama, asks: Callable[[str, Reached], Awaitable[None]]
) -> None:
    called = threading.Event()

    def reply(_: dict[str, Any]) -> str:
        called.set()
        return "SELECT name FROM hosts WHERE cores > 4"

    async def reached() -> None:
        assert await asyncio.to_thread(called.wait, 60)

    scripted_ollama.reply = reply
    scripted_ollama.break_off("silence", after=1)
    await asks(running, reached)
    assert await asyncio.to_thread(scripted_ollama.left.wait, 60)
    async with httpx.AsyncClient(base_url=running) as http:
        [journey] = (await http.get("/api/v1/journeys")).json()
        async with http.stream("GET", f"/api/v1/journeys/{journey['journey_id']}/events") as events:
            told = [line async for line in events.aiter_lines() if line.startswith("data: ")]
        calls = (await http.get("/api/v1/cost/calls", params={"operation": "chat"})).json()
    assert '"status":"cancelled"' in told[-1].replace(" ", "")
    assert [call["status"] for call in calls] == ["cancelled"]
