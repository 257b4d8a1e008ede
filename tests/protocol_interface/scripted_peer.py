"""A peer on a socket that answers each A2A method as a test says, in JSON-RPC: what no SDK's server would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from protocol_interface.registry import Registry
from tests.agents.serving import loopback_socket, on_a_socket

Reply = Callable[[dict[str, Any]], Awaitable[Response]]
TASK = {"id": "t-1", "contextId": "c-1"}


def state(name: str, said: str = "") -> dict[str, Any]:
    message = {"messageId": "m-1", "role": "ROLE_AGENT", "parts": [{"text": said}]}
    return {"state": f"TASK_STATE_{name.upper()}", **({"message": message} if said else {})}


def task(name: str, said: str = "", **fields: Any) -> dict[str, Any]:
    return {"task": {**TASK, "status": state(name, said), **fields}}


def update(name: str, said: str = "") -> dict[str, Any]:
    return {"statusUpdate": {"taskId": "t-1", "contextId": "c-1", "status": state(name, said)}}


def piece(text: str, *, append: bool = False) -> dict[str, Any]:
    artifact = {"artifactId": "a-1", "parts": [{"text": text, "mediaType": "application/json"}]}
    return {"artifactUpdate": {"taskId": "t-1", "contextId": "c-1", "artifact": artifact, "append": append}}


DONE = task("completed", artifacts=[{"artifactId": "a-1", "parts": [{"data": {"n": 1}}]}])


def says(result: dict[str, Any]) -> Reply:
    async def reply(body: dict[str, Any]) -> Response:
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": result})

    return reply


def refuses(code: int) -> Reply:
    async def reply(body: dict[str, Any]) -> Response:
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "error": {"code": code, "message": "no"}})

    return reply


def streams(*events: dict[str, Any] | bytes, then: Exception | None = None) -> Reply:
    """Events, or bytes as they are; then the connection breaks, if `then` is raised."""

    async def lines(body: dict[str, Any]) -> AsyncIterator[bytes]:
        for event in events:
            whole = {"jsonrpc": "2.0", "id": body["id"], "result": event}
            yield event if isinstance(event, bytes) else f"data: {json.dumps(whole)}\n\n".encode()
        if then:
            raise then

    async def reply(body: dict[str, Any]) -> Response:
        return StreamingResponse(lines(body), media_type="text/event-stream")

    return reply


BREAKS = ConnectionError("the peer dies")


@dataclass
class ScriptedPeer:
    """replies: by A2A method, one after the other, the last again and again; None never answers.

    asked: the methods that were called.
    """

    replies: dict[str, list[Reply | None]]
    streaming: bool = True
    push: bool = False
    asked: list[str] = field(default_factory=list)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body["method"])
        replies = self.replies[body["method"]]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if reply is None:
            await self._closing.wait()
            return Response()
        return await reply(body)

    @asynccontextmanager
    async def registered(self, registry: Registry, name: str = "scripted") -> AsyncIterator[str]:
        """Serving, and registered as the operator's; its URL."""
        host = Starlette(routes=[Route("/", self.answer, methods=["POST"])])
        async with on_a_socket(host, loopback_socket()) as url:
            await registry.register(peer_card(name, url, streaming=self.streaming, push=self.push), url=url)
            yield url
            self._closing.set()


def peer_card(
    name: str,
    url: str,
    *,
    binding: str = "JSONRPC",
    version: str = "1.0",
    streaming: bool = True,
    push: bool = False,
) -> AgentCard:
    return AgentCard(
        name=name,
        description="as a test says",
        version="1",
        supported_interfaces=[AgentInterface(url=url, protocol_binding=binding, protocol_version=version)],
        capabilities=AgentCapabilities(streaming=streaming, push_notifications=push),
        default_input_modes=["application/json"],
        default_output_modes=["application/json"],
        skills=[AgentSkill(id="echo", name="echo", description="echoes", tags=["test"])],
    )
