"""Peers that stream nonsense, too much, or for ever: each is told by name, and an agent beside it answers as ever."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import HTMLResponse, Response, StreamingResponse

from protocol_interface.a2a_client import A2AClient, folding
from protocol_interface.registry import Registry
from shared.errors import AgentUnavailable
from tests.protocol_interface.scripted_peer import Reply, ScriptedPeer, piece, refuses, streams, task, update

MIB = 2**20


def endless(chunk: bytes, *, pause: float = 0.0, headers: dict[str, str] | None = None) -> Reply:
    """A stream of that chunk, again and again."""

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield chunk
            await asyncio.sleep(pause)

    async def reply(_: dict[str, Any]) -> Response:
        return StreamingResponse(chunks(), media_type="text/event-stream", headers=headers)

    return reply


def answers(response: Response) -> Reply:
    async def reply(_: dict[str, Any]) -> Response:
        return response

    return reply


def many_values(count: int) -> dict[str, Any]:
    return task("completed", artifacts=[{"artifactId": "a-1", "parts": [{"data": {"a": [1] * count}}]}])


SSE = {"Content-Type": "text/event-stream"}
WORKING = task("working")
FAULTS: list[tuple[str, Reply | None, str]] = [
    ("never answers", None, "did not answer within 0.4 s"),
    ("keeps the connection alive for ever", endless(b": ping\n\n", pause=0.01), "did not answer within 0.4 s"),
    ("sends a line without end", endless(b"x" * MIB), "answered more than 16 MiB"),
    ("sends 100 MB", answers(Response(b"data: " + b"x" * 100_000_000, headers=SSE)), "answered more than 16 MiB"),
    ("sends 100 MB of events", endless(b"data: {}\n\n" * 100_000), "answered nonsense"),
    ("sends a million pieces", streams(WORKING, *[piece("x", append=True)] * 300), "sent more than 200 events of one"),
    ("sends a million values", streams(many_values(1_000_000)), "answered more than 400,000 values"),
    ("sends a gzip bomb", endless(gzip.compress(b" " * MIB), headers={"Content-Encoding": "gzip"}), "content encoding"),
    ("sends a page", answers(HTMLResponse("<html>")), "answered nonsense"),
    ("sends half a line of JSON", streams(WORKING, b'data: {"jsonrpc": \n\n'), "answered nonsense"),
    ("sends bytes that are no text", streams(WORKING, b"data: \xff\xfe\n\n"), "answered nonsense"),
    ("sends what is no event", streams({"status": 5}), "answered nonsense"),
    ("sends an event of nothing", streams({}), "answered nonsense"),
    ("tells an error in the stream", streams(WORKING, b"event: error\ndata: no\n\n"), "answered nonsense"),
    ("answers HTTP 500", answers(Response(status_code=500)), "answered HTTP 500"),
    ("redirects", answers(Response(status_code=307, headers={"Location": "http://127.0.0.1:1/"})), "answered HTTP 307"),
    ("says that it ends and nothing else", streams(update("completed")), "no JSON object in 0 parts"),
]


@pytest.mark.parametrize(("reply", "says"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
async def test_a_faulty_stream_is_told_and_touches_nobody_else(
    registry: Registry, local_client: A2AClient, monkeypatch: pytest.MonkeyPatch, reply: Reply | None, says: str
) -> None:
    monkeypatch.setattr(folding, "EVENTS", 200)
    faulty = ScriptedPeer({"SendStreamingMessage": [reply], "CancelTask": [refuses(-32001)], "ListTasks": [None]})
    async with faulty.registered(registry, "faulty"):
        asking = asyncio.create_task(local_client.invoke("faulty", "echo", {}, seconds=0.4 if "within" in says else 30))
        assert await local_client.invoke("scripted", "echo", {"n": 1}) == {"n": 1}
        with pytest.raises(AgentUnavailable, match="agent 'faulty'") as raised:
            await asking
    assert says in str(raised.value)
    assert faulty.asked.count("SendStreamingMessage") == 1


async def test_while_an_agent_says_nothing_others_answer(registry: Registry, local_client: A2AClient) -> None:
    faulty = ScriptedPeer({"SendStreamingMessage": [None], "ListTasks": [None]})
    async with faulty.registered(registry, "faulty"):
        asking = [asyncio.create_task(local_client.invoke("faulty", "echo", {})) for _ in range(20)]
        for number in range(5):
            assert await local_client.invoke("scripted", "echo", {"n": number}) == {"n": number}
        assert not any(one.done() for one in asking)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
