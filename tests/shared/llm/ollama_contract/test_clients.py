"""Several clients at once, and clients that leave."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.shared.llm.ollama_contract.contract import shows
from tests.shared.llm.ollama_contract.target import ENDLESS, HELLO, SHORT, Answer, Json, Target

pytestmark = pytest.mark.real_model


def endless(target: Target, *, stream: bool = True) -> Json:
    """Fills the window, for minutes: what comes after it in the same test never comes if it is not stopped."""
    messages = [{"role": "user", "content": "Boxes in boxes, in JSON."}]
    options = SHORT | {"num_predict": -1}
    return {"model": target.model, "messages": messages, "format": ENDLESS, "options": options, "stream": stream}


@shows("disconnect:mid-stream")
def test_a_client_that_leaves_mid_stream_frees_the_model_for_the_next(target: Target, whole_chat: Answer) -> None:
    with target.http.stream("POST", "/api/chat", json=endless(target)) as answer:
        lines = answer.iter_lines()
        assert [json.loads(next(lines))["done"] for _ in range(2)] == [False, False]
    assert target.chat(HELLO, stream=False).text == whole_chat.text


@shows("disconnect:mid-stream")
def test_one_who_waits_gets_his_turn_when_the_client_before_him_leaves(target: Target, whole_chat: Answer) -> None:
    with ThreadPoolExecutor(1) as waiting:
        with target.http.stream("POST", "/api/chat", json=endless(target)) as answer:
            next(answer.iter_lines())
            second = waiting.submit(target.chat, HELLO, stream=False)
        assert second.result().text == whole_chat.text


@shows("disconnect:waiting-for-the-whole")
def test_a_client_that_leaves_while_it_waits_for_the_whole_frees_the_model(target: Target, whole_chat: Answer) -> None:
    with pytest.raises(httpx.ReadTimeout):
        target.http.post("/api/chat", json=endless(target, stream=False), timeout=httpx.Timeout(None, read=0.5))
    assert target.chat(HELLO, stream=False).text == whole_chat.text


@shows("concurrent:lists-do-not-wait")
def test_lists_are_answered_while_a_model_writes(target: Target) -> None:
    with target.http.stream("POST", "/api/chat", json=endless(target)) as answer:
        next(answer.iter_lines())
        assert target.model in target.loaded()
        assert target.http.get("/api/tags").status_code == 200
        assert target.post("/api/show", {"model": target.model}).status == 200


@shows("concurrent:answers-are-not-mixed")
def test_requests_at_the_same_time_get_each_their_own_answer(
    target: Target, whole_chat: Answer, whole_generate: Answer
) -> None:
    with ThreadPoolExecutor(4) as clients:
        chats = [clients.submit(target.chat, HELLO, stream=stream) for stream in (True, False)]
        raws = [clients.submit(target.generate, "Count: 1, 2, 3,", raw=True, stream=stream) for stream in (True, False)]
    assert {chat.result().text for chat in chats} == {whole_chat.text}
    (raw,) = {raw.result().text for raw in raws}
    assert raw.startswith(" 4, 5")
    assert whole_generate.text
