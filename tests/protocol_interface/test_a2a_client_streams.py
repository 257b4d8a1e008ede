"""Tasks that are followed: what an agent says while it works, and what is done when the connection breaks."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.responses import Response

from protocol_interface.a2a_client import A2AClient, AskedBack, peer
from protocol_interface.registry import Registry
from shared.errors import AgentUnavailable
from tests.agents.serving import loopback_socket
from tests.protocol_interface.scripted_peer import (
    BREAKS,
    DONE,
    Reply,
    ScriptedPeer,
    peer_card,
    piece,
    refuses,
    says,
    streams,
    task,
    update,
)

SEND, FOLLOW, LOOK = "SendStreamingMessage", "SubscribeToTask", "GetTask"
UNKNOWN_TASK, UNSUPPORTED = -32001, -32004


async def test_what_an_agent_says_is_told_while_it_works(registry: Registry, remote_client: A2AClient) -> None:
    heard = asyncio.Queue[str]()
    working = streams(
        task("submitted"), update("working", "reading\nthe schema"), update("working"), update("working", "writing"),
        update("working", "writing"), piece('{"n": 1}'), update("completed", "done"),
    )  # fmt: skip
    async with ScriptedPeer({SEND: [working]}).registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}, report=heard.put) == {"n": 1}
    assert [heard.get_nowait() for _ in range(heard.qsize())] == ["reading the schema", "writing", "done"]


async def test_an_answer_in_pieces_is_read_whole(registry: Registry, remote_client: A2AClient) -> None:
    answer = json.dumps({"rows": list(range(100)), "said": "é"})
    pieces = [piece(one, append=number > 0) for number, one in enumerate(answer)]
    async with ScriptedPeer({SEND: [streams(task("working"), *pieces, update("completed"))]}).registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}) == json.loads(answer)


async def test_a_long_answer_is_read(registry: Registry, remote_client: A2AClient) -> None:
    """Beside the event loop, which goes on meanwhile."""
    answer = {"rows": [[number, "x" * 50] for number in range(2000)]}
    async with ScriptedPeer({SEND: [streams(piece(json.dumps(answer)), update("completed"))]}).registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}) == answer


async def test_a_piece_that_does_not_append_replaces(registry: Registry, remote_client: A2AClient) -> None:
    events = streams(task("working"), piece('{"n": 0}'), piece('{"n": 1}'), update("completed"))
    async with ScriptedPeer({SEND: [events]}).registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}) == {"n": 1}


BROKEN = streams(task("working"), update("working", "half way"), then=BREAKS)
WORKING = says(task("working")["task"])
COMPLETED = says(DONE["task"])


async def test_a_stream_that_breaks_is_followed_and_nothing_is_sent_twice(
    registry: Registry, remote_client: A2AClient
) -> None:
    rest = streams(task("working"), update("working", "nearly"), DONE)
    scripted = ScriptedPeer({SEND: [BROKEN], FOLLOW: [rest], LOOK: [WORKING, COMPLETED]})
    heard = asyncio.Queue[str]()
    async with scripted.registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}, report=heard.put) == {"n": 1}
    assert scripted.asked == [SEND, LOOK, FOLLOW, LOOK]
    assert [heard.get_nowait() for _ in range(heard.qsize())] == ["half way", "nearly"]


@pytest.mark.parametrize("first", [BROKEN, streams(task("working"))], ids=["breaks", "ends too soon"])
async def test_a_task_that_can_not_be_followed_is_looked_at_until_it_ends(
    registry: Registry, remote_client: A2AClient, first: object
) -> None:
    scripted = ScriptedPeer({SEND: [first], FOLLOW: [refuses(UNSUPPORTED)], LOOK: [WORKING, COMPLETED]})  # type: ignore[list-item]
    async with scripted.registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}) == {"n": 1}
    assert scripted.asked == [SEND, LOOK, FOLLOW, LOOK]


async def test_an_agent_that_forgot_the_task_is_told(registry: Registry, remote_client: A2AClient) -> None:
    async with ScriptedPeer({SEND: [BROKEN], LOOK: [refuses(UNKNOWN_TASK)]}).registered(registry):
        with pytest.raises(
            AgentUnavailable, match="agent 'scripted' answered nonsense: A2AClientError: it no longer knows"
        ):
            await remote_client.invoke("scripted", "echo", {})


async def test_an_agent_that_dies_mid_way_is_given_up_after_a_while(
    registry: Registry, remote_client: A2AClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "RESUME_SECONDS", 0.1)
    replies: dict[str, list[Reply | None]] = {
        SEND: [BROKEN],
        LOOK: [streams(then=BREAKS)],
        "CancelTask": [refuses(UNKNOWN_TASK)],
    }
    scripted = ScriptedPeer(replies)
    async with scripted.registered(registry):
        with pytest.raises(AgentUnavailable, match="can't reach agent 'scripted' at http"):
            await remote_client.invoke("scripted", "echo", {})
    assert scripted.asked.count(SEND) == 1


async def test_an_agent_that_comes_back_gives_its_answer(registry: Registry, remote_client: A2AClient) -> None:
    scripted = ScriptedPeer({SEND: [BROKEN], LOOK: [streams(then=BREAKS), COMPLETED]})
    async with scripted.registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}) == {"n": 1}
    assert scripted.asked == [SEND, LOOK, LOOK]


async def test_the_task_of_an_answer_that_was_lost_is_found_again(registry: Registry, remote_client: A2AClient) -> None:
    """An agent that does not stream has not said the task's id when the connection breaks."""
    sent: list[dict[str, str]] = []

    async def takes(body: dict[str, dict[str, dict[str, str]]]) -> Response:
        sent.append(body["params"]["message"])
        return await streams(then=BREAKS)(body)

    async def lists(body: dict[str, str]) -> Response:
        return await says({"tasks": [{**task("working")["task"], "history": sent}]})(body)

    replies = {"SendMessage": [takes], "ListTasks": [lists], LOOK: [WORKING, COMPLETED]}
    scripted = ScriptedPeer(replies, streaming=False)  # type: ignore[arg-type]
    async with scripted.registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}) == {"n": 1}
    assert scripted.asked == ["SendMessage", "ListTasks", LOOK, LOOK]


async def test_an_agent_that_answers_before_it_is_done_is_looked_at(
    registry: Registry, remote_client: A2AClient
) -> None:
    scripted = ScriptedPeer({"SendMessage": [says(task("submitted"))], LOOK: [WORKING, COMPLETED]}, streaming=False)
    async with scripted.registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}) == {"n": 1}
    assert scripted.asked == ["SendMessage", LOOK, LOOK]


async def test_a_question_of_the_agent_is_given_back_and_its_task_ended(
    registry: Registry, remote_client: A2AClient
) -> None:
    asked = streams(task("working"), update("input_required", "Which one?"))
    scripted = ScriptedPeer({SEND: [asked], "CancelTask": [says(task("canceled")["task"])]})
    async with scripted.registered(registry):
        with pytest.raises(AskedBack, match="agent 'scripted' asks back: Which one") as raised:
            await remote_client.invoke("scripted", "echo", {})
        await remote_client.close()
    assert raised.value.clarification.question == "Which one?"
    assert scripted.asked == [SEND, "CancelTask"]


async def test_a_task_that_wants_a_login_is_told(registry: Registry, remote_client: A2AClient) -> None:
    asked = streams(task("working"), update("auth_required", "log in at example.com"))
    async with ScriptedPeer({SEND: [asked], "CancelTask": [refuses(UNSUPPORTED)]}).registered(registry):
        with pytest.raises(AgentUnavailable, match=r"left the task auth_required: log in at example\.com"):
            await remote_client.invoke("scripted", "echo", {})


async def test_a_dead_server_of_grpc_is_named_with_its_address(registry: Registry, remote_client: A2AClient) -> None:
    listener = loopback_socket()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    await registry.register(peer_card("dead", address, binding="GRPC"), url=address)
    with pytest.raises(AgentUnavailable, match=f"can't reach agent 'dead' at {address}: ConnectError: no gRPC server"):
        await remote_client.invoke("dead", "echo", {})
