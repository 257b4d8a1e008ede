"""What goes wrong with a model ends in a bounded time with a clear problem, on either API."""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import ContextExceeded, ModelUnavailable
from shared.llm.providers.base import Likelihood, Provider
from shared.llm.providers.stream import LONGEST_PAUSE, pause_before, repeats
from tests.scripted_ollama import ScriptedOllama
from tests.scripted_openai import ScriptedOpenAI
from tests.scripted_server import Break, ScriptedServer
from tests.shared.llm.providers.conftest import HELLO, Both, Ears, asking, on_ollama, on_openai


async def test_an_answer_is_heard_piece_by_piece(both: Both, ears: Ears) -> None:
    server, provider = both
    server.reply = "select count(*) from t"
    reply = await provider.chat(HELLO, ears.heard)
    assert ears.pieces == ["select ", "count(*) ", "from ", "t"]
    assert (reply.text, reply.finish, ears.retries) == ("select count(*) from t", "stop", 0)
    assert (reply.prompt_tokens, reply.completion_tokens) == (5, 4)


async def test_an_answer_s_likelihood_is_asked_for_and_told(both: Both, ears: Ears) -> None:
    server, provider = both
    server.reply, server.logprob = "one two", -0.5
    assert (await provider.chat(HELLO, ears.heard)).likelihood == Likelihood(-0.5, -0.5)
    server.logprob = None
    assert (await provider.chat(HELLO, ears.heard)).likelihood is None


async def test_an_answer_that_max_tokens_cut_says_so(both: Both, ears: Ears) -> None:
    server, provider = both
    server.reply = "one two three"
    assert (await provider.chat(asking(max_tokens=3), ears.heard)).finish == "length"
    assert (await provider.chat(asking(max_tokens=4), ears.heard)).finish == "stop"


async def test_an_empty_answer_is_an_answer(both: Both, ears: Ears) -> None:
    server, provider = both
    server.reply = ""
    reply = await provider.chat(HELLO, ears.heard)
    assert (reply.text, reply.finish, ears.pieces) == ("", "stop", [])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("broken", "gave an answer that is not"),
        ("closed", "broke off in the middle of its answer"),
        ("undone", "ended its answer without saying that it is done"),
        ("error", r"failed: (an error was encountered|the engine died)"),
    ],
)
async def test_a_stream_that_goes_wrong_is_not_an_answer(both: Both, ears: Ears, how: Break, message: str) -> None:
    server, provider = both
    server.reply = "one two three four"
    server.break_off(how, after=2)
    with pytest.raises(ModelUnavailable, match=message):
        await provider.chat(HELLO, ears.heard)
    assert (ears.pieces, ears.retries, len(server.requests)) == (["one ", "two "], 0, 1)


@pytest.fixture(params=["ollama", "openai"])
def impatient(request: pytest.FixtureRequest) -> Both:
    """Providers that wait long for the first piece, and not for the next."""
    if request.param == "ollama":
        server: ScriptedServer = request.getfixturevalue("scripted_ollama")
        return server, on_ollama(server.url, idle_timeout=0.05)
    server = request.getfixturevalue("scripted_openai")
    return server, on_openai(server.url, idle_timeout=0.05)


async def test_a_model_that_stops_in_the_middle_of_its_answer_is_given_up(impatient: Both, ears: Ears) -> None:
    server, provider = impatient
    server.reply = "one two three"
    server.break_off("silence", after=2)
    with pytest.raises(
        ModelUnavailable, match=r"stopped in the middle of its answer: nothing came for 0\.05 s"
    ) as raised:
        await provider.chat(HELLO, ears.heard)
    assert "LEXIQUERY_MODEL_IDLE_TIMEOUT" in str(raised.value.suggestion)
    assert await asyncio.to_thread(server.left.wait, 10)
    await provider.close()


@pytest.mark.parametrize("api", ["ollama", "openai"])
async def test_a_server_that_never_answers_is_given_up(
    scripted_ollama: ScriptedOllama, scripted_openai: ScriptedOpenAI, ears: Ears, api: str
) -> None:
    server = scripted_ollama if api == "ollama" else scripted_openai
    provider: Provider = (on_ollama if api == "ollama" else on_openai)(server.url, timeout=0.05)
    server.hang()
    with pytest.raises(ModelUnavailable, match=r"did not answer within 0\.05 s"):
        await provider.chat(HELLO, ears.heard)
    with pytest.raises(ModelUnavailable, match=r"did not answer within 0\.05 s"):
        await provider.embed("nomic-embed-text", ["a"], 8192, ears.heard)
    await provider.close()


async def test_a_model_that_repeats_itself_is_stopped_and_its_answer_counts_as_cut(both: Both, ears: Ears) -> None:
    server, provider = both
    server.reply = "select a, b, "
    server.break_off("endless", after=3)
    reply = await provider.chat(asking(max_tokens=4096), ears.heard)
    assert (reply.finish, reply.completion_tokens) == ("length", None)
    assert reply.text.startswith("select a, b, b, b, ")
    assert await asyncio.to_thread(server.left.wait, 10)


async def test_an_answer_far_beyond_max_tokens_is_stopped(both: Both, ears: Ears) -> None:
    server, provider = both
    server.reply = " ".join(str(number) for number in range(1000))
    reply = await provider.chat(asking(max_tokens=2), ears.heard)
    assert (reply.finish, 512 < len(reply.text) < 600) == ("length", True)


async def test_a_cancelled_call_closes_its_connection(both: Both) -> None:
    server, provider = both
    server.reply = "one two three"
    server.break_off("silence", after=2)
    begun = asyncio.Event()
    task = asyncio.create_task(provider.chat(HELLO, Ears(begun.set).heard))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.left.wait, 10)


async def test_a_busy_server_and_a_lost_connection_are_tried_again(both: Both, ears: Ears) -> None:
    server, provider = both
    server.fail(503, "busy")
    server.fail(0)
    assert (await provider.chat(HELLO, ears.heard)).text == "ok"
    assert ears.retries == 2
    server.fail(503, "busy", times=3)
    with pytest.raises(ModelUnavailable, match=r"failed: busy \(HTTP 503\)"):
        await provider.chat(HELLO, ears.heard)
    assert len(server.requests) == 6


@pytest.mark.parametrize("how", ["undone", "error", "broken", 503, 500, None])
async def test_a_server_that_answers_wrong_is_named_with_what_helps(
    both: Both, ears: Ears, how: Break | int | None
) -> None:
    server, provider = both
    server.reply = "one two three four"
    if isinstance(how, int):
        server.fail(how, "busy", times=3)
    elif how is None:
        server.raw = "<html>"
    else:
        server.break_off(how, after=2)
    with pytest.raises(ModelUnavailable) as raised:
        await provider.chat(HELLO, ears.heard)
    assert f" at {server.url}" in raised.value.message
    assert "`lexiquery providers list`" in str(raised.value.suggestion)


async def test_a_stream_that_broke_before_its_first_piece_is_tried_again(both: Both, ears: Ears) -> None:
    server, provider = both
    server.break_off("closed", after=0)
    assert (await provider.chat(HELLO, ears.heard)).text == "ok"
    assert ears.retries == 1


async def test_a_prompt_that_the_server_refuses_as_too_long_is_context_exceeded(both: Both, ears: Ears) -> None:
    server, provider = both
    server.fail(413, "the prompt has 9000 tokens and does not fit the context window of 8192")
    with pytest.raises(ContextExceeded, match="9000 tokens"):
        await provider.chat(HELLO, ears.heard)
    assert ears.retries == 0


async def test_a_redirect_is_not_followed(both: Both, ears: Ears) -> None:
    server, provider = both
    server.fail(307, "elsewhere", Location="http://192.0.2.1/")
    with pytest.raises(ModelUnavailable, match="HTTP 307"):
        await provider.chat(HELLO, ears.heard)


@pytest.mark.parametrize("raw", ["<html>", '{"message": 7}', "[1]", '{"embeddings": 1, "data": [7]}'])
async def test_an_answer_of_another_kind_is_an_error(both: Both, ears: Ears, raw: str) -> None:
    server, provider = both
    server.raw = raw
    for call in (provider.chat(HELLO, ears.heard), provider.embed("all-minilm", ["a"], 8192, ears.heard)):
        with pytest.raises(ModelUnavailable, match=r"an answer that is not (Ollama|OpenAI)'s"):
            await call


async def test_vectors_come_in_the_order_of_their_texts(both: Both, ears: Ears) -> None:
    _, provider = both
    both_texts = await provider.embed("nomic-embed-text", ["disk full", "login"], 8192, ears.heard)
    second = await provider.embed("nomic-embed-text", ["login"], 8192, ears.heard)
    assert (both_texts.vectors[1], both_texts.prompt_tokens) == (second.vectors[0], 3)


RUNAWAYS = ["ab" * 200, " " * 400, "\n" * 400, "select 1; " * 40, "the same sentence of some length, " * 20]


@pytest.mark.parametrize("text", RUNAWAYS)
def test_a_text_that_ends_in_one_unit_over_and_over_repeats(text: str) -> None:
    assert repeats(f"WITH t AS (\n{text}")


LEGITIMATE = [
    "",
    "select *\n" + " " * 120 + "from t",
    "where host in (" + ", ".join(f"'host{number}'" for number in range(200)) + ")",
    "where letter in (" + ", ".join(f"'{chr(97 + number % 26)}{number // 26}'" for number in range(300)) + ")",
    "values (" + "NULL, " * 50,
    "-" * 120,
    "select 1 union all " * 15,
]


@pytest.mark.parametrize("text", LEGITIMATE)
def test_lists_and_indentation_do_not_repeat(text: str) -> None:
    assert not any(repeats(text[:end]) for end in range(0, len(text) + 1, 7))


def test_a_retry_waits_a_little_longer_each_time_and_as_long_as_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.llm.providers.stream._BACKOFF_SECONDS", 0.25)
    assert 0.125 <= pause_before(1, None) <= 0.375
    assert 0.25 <= pause_before(2, None) <= 0.75
    assert pause_before(1, 7.0) == 7.0 < LONGEST_PAUSE
