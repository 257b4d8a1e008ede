"""/api/chat and /api/generate: the answer whole and in a stream, its usage, its options, its shape."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.shared.llm.ollama_contract.conftest import Given
from tests.shared.llm.ollama_contract.contract import shows
from tests.shared.llm.ollama_contract.target import HELLO, SHORT, Answer, Target, text_of

pytestmark = pytest.mark.real_model

WHOLE = ["whole_chat", "whole_generate"]
STREAMED = ["streamed_chat", "streamed_generate"]
USAGE = ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration", "prompt_eval_count", "eval_count"]
LONG_SYSTEM = "You are a lighthouse keeper. You speak of ships, of storms, of fog and of nothing else. " * 2


@shows("chat:whole")
def test_a_whole_chat_is_one_object_with_the_assistant_s_message(target: Target, whole_chat: Answer) -> None:
    answer = whole_chat.json
    assert (whole_chat.status, whole_chat.kind) == (200, "application/json")
    assert (answer["model"], answer["done"], answer["message"]["role"]) == (target.model, True, "assistant")
    assert whole_chat.text
    assert datetime.fromisoformat(answer["created_at"]).tzinfo


@shows("generate:whole")
def test_a_whole_completion_is_one_object_with_the_response(target: Target, whole_generate: Answer) -> None:
    answer = whole_generate.json
    assert (whole_generate.status, whole_generate.kind) == (200, "application/json")
    assert (answer["model"], answer["done"], "message" in answer) == (target.model, True, False)
    assert whole_generate.text
    assert datetime.fromisoformat(answer["created_at"]).tzinfo


@shows("stream:default", "stream:ndjson")
@pytest.mark.parametrize("name", STREAMED)
def test_an_answer_is_a_stream_of_json_lines_where_nothing_else_is_asked(given: Given, name: str) -> None:
    answer = given(name)
    assert (answer.status, answer.kind) == (200, "application/x-ndjson")
    assert len(answer.lines) > 1
    assert all(isinstance(line, dict) for line in answer.lines)


@shows("chat:stream", "generate:stream")
@pytest.mark.parametrize(("name", "field"), [("streamed_chat", "message"), ("streamed_generate", "response")])
def test_every_line_names_the_model_its_time_and_its_piece(given: Given, target: Target, name: str, field: str) -> None:
    lines = given(name).lines
    assert all(line["model"] == target.model and field in line for line in lines)
    times = [datetime.fromisoformat(line["created_at"]) for line in lines]
    assert times == sorted(times)


@shows("stream:one-done-and-it-is-last", "stream:usage-is-in-the-last-line")
@pytest.mark.parametrize("name", STREAMED)
def test_the_last_line_alone_is_done_and_has_the_usage(given: Given, name: str) -> None:
    *pieces, last = given(name).lines
    assert [line["done"] for line in pieces] == [False] * len(pieces)
    assert not any(field in line for line in pieces for field in (*USAGE, "done_reason"))
    assert (last["done"], text_of(last)) == (True, "")
    assert all(field in last for field in (*USAGE, "done_reason"))


@shows("stream:same-text-as-whole", "options:seed")
@pytest.mark.parametrize(("streamed", "whole"), [*zip(STREAMED, WHOLE, strict=True)])
def test_the_pieces_are_the_whole_answer_with_the_same_counts(given: Given, streamed: str, whole: str) -> None:
    pieces, one = given(streamed), given(whole)
    assert pieces.text == one.text
    assert [pieces.last[field] for field in ("eval_count", "prompt_eval_count", "done_reason")] == [
        one.last[field] for field in ("eval_count", "prompt_eval_count", "done_reason")
    ]


@shows("usage:counts", "done-reason:length", "options:num-predict")
@pytest.mark.parametrize("name", WHOLE + STREAMED)
def test_an_answer_cut_by_num_predict_has_that_many_tokens_and_says_length(given: Given, name: str) -> None:
    last = given(name).last
    assert (last["done_reason"], last["eval_count"]) == ("length", SHORT["num_predict"])
    assert last["prompt_eval_count"] > len(HELLO.split())


@shows("usage:durations-are-nanoseconds")
@pytest.mark.parametrize("name", WHOLE + STREAMED)
def test_durations_are_whole_nanoseconds_that_fit_into_the_client_s_own(given: Given, name: str) -> None:
    """The client's clock tells the unit only: microseconds would be a thousandth of what it saw."""
    answer = given(name)
    total, *parts = [answer.last[field] for field in USAGE[:4]]
    assert all(isinstance(duration, int) and duration >= 0 for duration in (total, *parts))
    assert answer.last["eval_duration"] > 0
    assert sum(parts) <= total
    assert answer.seconds / 100 < total / 1e9 <= answer.seconds


@shows("options:seed")
def test_the_same_seed_gives_the_same_text_also_at_a_temperature(target: Target) -> None:
    drawn = SHORT | {"temperature": 1.0, "seed": 42}
    texts = {target.generate("Name some animals.", stream=False, options=drawn).text for _ in range(2)}
    assert len(texts) == 1


@shows("options:stop", "done-reason:stop")
@pytest.mark.parametrize("stop", [" 5", ["no such thing", " 5"]])
def test_a_stop_sequence_ends_the_answer_and_is_not_in_it(target: Target, stop: Any) -> None:
    answer = target.generate("Count: 1, 2, 3,", raw=True, stream=False, options=SHORT | {"stop": stop})
    assert (answer.text.strip(), answer.last["done_reason"]) == ("4,", "stop")


@shows("generate:raw")
def test_a_raw_prompt_is_read_as_it_is(target: Target, whole_generate: Answer) -> None:
    answer = target.generate(HELLO, raw=True, stream=False, options=SHORT | {"num_predict": 1})
    assert answer.last["prompt_eval_count"] < whole_generate.last["prompt_eval_count"]


@shows("chat:system", "generate:system")
def test_a_system_message_is_read_and_means_the_same_to_chat_and_generate(
    target: Target, whole_generate: Answer
) -> None:
    generated = target.generate(HELLO, system=LONG_SYSTEM, stream=False)
    messages = [{"role": "system", "content": LONG_SYSTEM}, {"role": "user", "content": HELLO}]
    chatted = target.chat("", messages=messages, stream=False)
    assert (chatted.text, chatted.last["prompt_eval_count"]) == (generated.text, generated.last["prompt_eval_count"])
    assert generated.last["prompt_eval_count"] > whole_generate.last["prompt_eval_count"] + 10


@shows("chat:history")
def test_a_chat_remembers_what_its_messages_say(target: Target) -> None:
    """A message of an answer is sent back as it came, `images: null` and all."""
    messages = [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello Ada!", "images": None},
        {"role": "user", "content": "What is my name? Answer with the name alone."},
    ]
    assert "Ada" in target.chat("", messages=messages, stream=False).text


@shows("options:all")
def test_every_option_of_the_docs_is_accepted(target: Target) -> None:
    sampling = {"top_k": 20, "top_p": 0.9, "min_p": 0.0, "typical_p": 0.7, "repeat_last_n": 33, "temperature": 0.8}
    penalties = {"repeat_penalty": 1.2, "presence_penalty": 1.5, "frequency_penalty": 1.0, "penalize_newline": True}
    others = {"num_keep": 5, "seed": 42, "draft_num_predict": 4, "stop": ["\n", "user:"]}
    answer = target.generate(HELLO, stream=False, options=SHORT | sampling | penalties | others)
    assert (answer.status, answer.json["done"]) == (200, True)


@shows("options:wrong-type", "errors:shape")
@pytest.mark.parametrize("option", [{"num_ctx": "many"}, {"temperature": [1]}, {"seed": {}}])
def test_an_option_of_a_wrong_type_is_an_error(target: Target, option: dict[str, Any]) -> None:
    answer = target.chat("hi", stream=False, options=option)
    assert answer.status in range(400, 600)
    assert isinstance(answer.json["error"], str)


SHAPE = {
    "type": "object",
    "properties": {"sky": {"enum": ["blue", "green"]}, "high": {"type": "boolean"}},
    "required": ["sky", "high"],
    "additionalProperties": False,
}
IN_JSON = 'Which colour has the sky, and is it high? Answer in JSON like {"sky": "…", "high": …}, on one line.'


@shows("format:schema")
@pytest.mark.parametrize("ask", [Target.chat, Target.generate])
def test_a_schema_shapes_the_answer(target: Target, ask: Any) -> None:
    answer = ask(target, IN_JSON, format=SHAPE, stream=False, options=SHORT | {"num_predict": 40})
    told = json.loads(answer.text)
    assert told.keys() == {"sky", "high"}
    assert told["sky"] in ("blue", "green")
    assert isinstance(told["high"], bool)


@shows("format:json")
@pytest.mark.parametrize("ask", [Target.chat, Target.generate])
def test_format_json_gives_an_object(target: Target, ask: Any) -> None:
    answer = ask(target, IN_JSON, format="json", stream=False, options=SHORT | {"num_predict": 60})
    assert isinstance(json.loads(answer.text), dict)


@shows("format:unknown", "errors:shape")
def test_a_format_that_is_neither_json_nor_a_schema_is_an_error(target: Target) -> None:
    answer = target.chat("hi", stream=False, format="xml")
    assert answer.status in range(400, 600)
    assert isinstance(answer.json["error"], str)


@shows("capabilities:lacking-is-refused", "errors:shape")
@pytest.mark.parametrize(
    ("capability", "ask", "fields"),
    [
        ("tools", Target.chat, {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}),
        ("thinking", Target.chat, {"think": True}),
        ("insert", Target.generate, {"suffix": "    return result"}),
    ],
)
def test_what_a_model_can_t_do_is_refused_by_name(
    target: Target, capabilities: set[str], capability: str, ask: Any, fields: dict[str, Any]
) -> None:
    if capability in capabilities:
        pytest.skip(f"{target.model} can do {capability}")
    answer = ask(target, "hi", stream=False, **fields)
    assert answer.status == 400
    assert f"does not support {capability}" in answer.json["error"]


@shows("logprobs:each-token")
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("route", ["chat", "generate", "raw"])
def test_every_token_comes_with_the_logarithm_of_its_probability(target: Target, route: str, stream: bool) -> None:
    ask = target.chat if route == "chat" else target.generate
    answer = ask(HELLO, stream=stream, logprobs=True, **({"raw": True} if route == "raw" else {}))
    tokens = [token for line in answer.lines for token in line.get("logprobs", ())]
    assert "".join(token["token"] for token in tokens) == answer.text
    assert len(tokens) == answer.last["eval_count"]
    assert all(-50 < token["logprob"] <= 0 and "top_logprobs" not in token for token in tokens)
    assert "logprobs" not in ask(HELLO, stream=False).json


@shows("logprobs:top")
def test_the_likeliest_tokens_are_told_where_asked_for_and_at_temperature_0_the_first_is_taken(target: Target) -> None:
    tokens = target.chat(HELLO, stream=False, logprobs=True, top_logprobs=3).json["logprobs"]
    for token in tokens:
        top = token["top_logprobs"]
        assert len(top) == 3
        assert top[0]["token"] == token["token"]
        assert [one["logprob"] for one in top] == sorted((one["logprob"] for one in top), reverse=True)


@shows("logprobs:top-out-of-range")
@pytest.mark.parametrize("count", [-1, 21])
def test_more_alternatives_than_there_may_be_are_refused_by_name(target: Target, count: int) -> None:
    answer = target.chat(HELLO, stream=False, logprobs=True, top_logprobs=count)
    assert answer.status == 400
    assert "top_logprobs" in answer.json["error"]
