"""The metered client against a real HTTP server: every call leaves a true row."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select

from shared.context import scoped
from shared.errors import BudgetExceeded, ContextExceeded, LexiQueryError, ModelUnavailable
from shared.ledger import Ledger
from shared.ledger.tables import calls
from shared.llm.caching import ResponseCache
from shared.llm.client import Models
from shared.llm.prompts import Prompt
from shared.llm.providers import stream
from shared.llm.providers.base import Reply
from shared.models import Budget
from shared.settings import Settings
from tests.conftest import models_on
from tests.scripted_ollama import ScriptedOllama, digest_of

HELLO = [{"role": "user", "content": "how many failed sign-ins"}]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BACKOFF_SECONDS", 0.0)


async def chat(models: Models, **changes: Any) -> str:
    return (await models.chat(HELLO, purpose="derive", **changes)).text


async def test_a_call_leaves_a_row_with_the_server_s_own_counts(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "select 1"
    with scoped(journey_id="j1", agent="kql", parent_call_id="p"):
        completion = await models.chat(HELLO, purpose="derive", prompt=Prompt("derive", "text"))
    (row,) = await ledger.calls("j1")
    assert row == completion.call
    assert (row.status, row.response, row.agent, row.parent_id, row.purpose) == (
        "success", "select 1", "kql", "p", "derive",
    )  # fmt: skip
    assert (row.prompt_tokens, row.completion_tokens, row.load_seconds, row.prompt_seconds) == (5, 2, 0.01, 0.02)
    assert (row.model_digest, row.prompt_name, row.prompt_version) == (digest_of(row.model), "derive", "982d9e3eb996")
    assert (row.cost, row.cached_tokens, row.error) == (None, None, None)


async def test_the_context_window_and_a_fixed_seed_are_always_sent(
    models: Models, settings: Settings, scripted_ollama: ScriptedOllama
) -> None:
    await chat(models, max_tokens=9, stop=["```"])
    await models.embed(["a"], purpose="embed")
    (sent,) = scripted_ollama.chats
    options = {"num_ctx": settings.num_ctx, "num_predict": 9, "temperature": 0.0, "seed": 7, "stop": ["```"]}
    assert sent["options"] == options
    assert scripted_ollama.embeds[0]["options"] == {"num_ctx": settings.num_ctx}


async def test_a_json_schema_is_passed_on(models: Models, scripted_ollama: ScriptedOllama) -> None:
    await chat(models, format={"type": "object"})
    assert scripted_ollama.chats[0]["format"] == {"type": "object"}


async def test_counts_that_the_server_left_out_are_unknown(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.counts = False
    with scoped(journey_id="j1"):
        await chat(models)
    summary = await ledger.journey_summary("j1")
    assert (summary.prompt_tokens, summary.uncounted_calls) == (None, 1)


async def test_a_failed_call_leaves_an_error_row(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.fail(500, "out of memory")
    with scoped(journey_id="j1"), pytest.raises(ModelUnavailable, match="out of memory"):
        await chat(models)
    (row,) = await ledger.calls("j1")
    assert (row.status, row.retries) == ("error", 0)
    assert row.error is not None
    who = f"model 'qwen2.5-coder:1.5b' at {scripted_ollama.url}"
    assert row.error.startswith(f"model_unavailable: {who} failed: out of memory")


async def test_a_cancelled_call_leaves_a_cancelled_row(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.hang()
    with scoped(journey_id="j1"):
        task = asyncio.create_task(chat(models))
    await asyncio.to_thread(scripted_ollama.arrived.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (row,) = await ledger.calls("j1")
    assert (row.status, row.response) == ("cancelled", None)
    assert row.total_seconds is not None


async def test_the_row_is_there_before_the_server_answers(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.hang()
    with scoped(journey_id="j1"):
        task = asyncio.create_task(chat(models))
    await asyncio.to_thread(scripted_ollama.arrived.wait)
    assert [row.status for row in await ledger.calls("j1")] == ["pending"]
    scripted_ollama.release()
    await task
    assert [row.status for row in await ledger.calls("j1")] == ["success"]


async def test_a_busy_or_broken_connection_is_tried_again(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.fail(503, "busy")
    scripted_ollama.fail(0)
    with scoped(journey_id="j1"):
        assert await chat(models) == "ok"
    assert [(row.status, row.retries) for row in await ledger.calls("j1")] == [("success", 2)]


async def test_after_two_retries_the_call_fails(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.fail(503, "busy", times=3)
    with scoped(journey_id="j1"), pytest.raises(ModelUnavailable, match="busy"):
        await chat(models)
    assert len(scripted_ollama.chats) == 3


async def test_a_missing_model_names_the_command_that_gets_it(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.models = ["all-minilm:latest"]
    with scoped(journey_id="j1"), pytest.raises(ModelUnavailable) as raised:
        await chat(models)
    assert str(raised.value) == "model 'qwen2.5-coder:1.5b' is not installed; run `ollama pull qwen2.5-coder:1.5b`"
    assert [row.status for row in await ledger.calls("j1")] == ["error"]
    with pytest.raises(ModelUnavailable, match="not installed"):
        await models.check()


async def test_check_names_the_models_that_are_there(models: Models) -> None:
    assert "qwen2.5-coder:1.5b" in await models.check()


@pytest.mark.parametrize("user", ["", "user:secret@"])
async def test_a_dead_server_is_named(settings: Settings, ledger: Ledger, user: str) -> None:
    async with models_on(settings, ledger, f"http://{user}127.0.0.1:9") as models:
        with scoped(journey_id="j1"), pytest.raises(ModelUnavailable, match=r"http://127\.0\.0\.1:9 can't be reached"):
            await chat(models)
    assert [row.status for row in await ledger.calls("j1")] == ["error"]


async def test_a_server_that_never_answers_is_given_up(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.hang()
    async with models_on(settings.model_copy(update={"model_timeout": 0.05}), ledger, scripted_ollama.url) as models:
        with scoped(journey_id="j1"), pytest.raises(ModelUnavailable, match=r"did not answer within 0.05 s") as late:
            await chat(models)
    assert "LEXIQUERY_MODEL_TIMEOUT" in str(late.value.suggestion)


@pytest.mark.parametrize("raw", ["<html>", '{"message": 7}', "[1]"])
async def test_an_answer_that_is_not_ollama_s_is_an_error(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama, raw: str
) -> None:
    scripted_ollama.raw = raw
    with scoped(journey_id="j1"), pytest.raises(ModelUnavailable, match="not Ollama's"):
        await chat(models)
    assert [row.status for row in await ledger.calls("j1")] == ["error"]


async def test_the_same_request_of_a_journey_is_answered_from_the_ledger(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = ["first", "second"]
    with scoped(journey_id="j1"):
        assert [await chat(models), await chat(models)] == ["first", "first"]
    assert len(await ledger.calls("j1")) == 1


async def test_a_resumed_process_repeats_no_call(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    for _ in range(2):
        async with models_on(settings, ledger, scripted_ollama.url) as models:
            with scoped(journey_id="j1"):
                await chat(models)
    assert len(scripted_ollama.chats) == 1


async def test_a_failed_call_is_made_again(models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.fail(500)
    with scoped(journey_id="j1"):
        with pytest.raises(ModelUnavailable):
            await chat(models)
        assert await chat(models) == "ok"
    assert [row.status for row in await ledger.calls("j1")] == ["error", "success"]


async def test_another_journey_s_answer_comes_from_the_cache_and_the_ledger_says_what_that_spared(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    for journey in ("j1", "j2"):
        with scoped(journey_id=journey):
            assert await chat(models) == "ok"
    [made], [spared] = await ledger.calls("j1"), await ledger.calls("j2")
    assert (spared.status, spared.cache_of, spared.saved_seconds) == ("cached", made.id, made.total_seconds)
    assert spared.saved_tokens == (made.prompt_tokens or 0) + (made.completion_tokens or 0)
    assert (spared.prompt_tokens, spared.cost, spared.response) == (None, None, "ok")
    assert len(scripted_ollama.chats) == 1


async def test_an_answer_is_cached_once_the_ledger_has_how_its_call_ended(
    models: Models, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    put = ResponseCache.put

    async def watched(cache: ResponseCache, key: str | None, reply: Reply, call_id: str, **more: Any) -> None:
        async with ledger.engine.connect() as connection:
            seen.append((await connection.execute(select(calls.c.status).where(calls.c.id == call_id))).scalar_one())
        await put(cache, key, reply, call_id, **more)

    monkeypatch.setattr(ResponseCache, "put", watched)
    for number in range(5):
        await models.chat([{"role": "user", "content": str(number)}], purpose="derive")
    assert seen == ["success"] * 5


async def test_outside_a_journey_and_without_a_cache_every_call_is_made(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    off = settings.model_copy(update={"response_cache_days": 0})
    async with models_on(off, ledger, scripted_ollama.url) as models:
        await chat(models)
        await chat(models)
    assert len(scripted_ollama.chats) == 2


async def test_of_identical_calls_at_once_one_is_made(models: Models, scripted_ollama: ScriptedOllama) -> None:
    with scoped(journey_id="j1"):
        await asyncio.gather(*(chat(models) for _ in range(5)))
    assert len(scripted_ollama.chats) == 1


@pytest.mark.parametrize(
    "budget", [Budget(calls=1), Budget(tokens=513), Budget(seconds=0.000001)], ids=["calls", "tokens", "seconds"]
)
async def test_a_budget_that_leaves_no_room_stops_the_next_call(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama, budget: Budget
) -> None:
    with scoped(journey_id="j1", budget=budget):
        await chat(models)
        with pytest.raises(BudgetExceeded, match=r"is spent|leaves too little"):
            await models.chat([{"role": "user", "content": "more"}], purpose="derive")
    assert len(scripted_ollama.chats) == len(await ledger.calls("j1")) == 1


async def test_a_prompt_cut_by_the_server_is_an_error_not_an_answer(
    models: Models, ledger: Ledger, settings: Settings, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.prompt_eval_count = settings.num_ctx
    with scoped(journey_id="j1"), pytest.raises(ContextExceeded, match="cut the prompt"):
        await chat(models)
    (row,) = await ledger.calls("j1")
    assert (row.status, row.prompt_tokens) == ("error", settings.num_ctx)


async def test_no_larger_window_is_asked_for_than_the_model_has(
    models: Models, settings: Settings, scripted_ollama: ScriptedOllama
) -> None:
    assert settings.num_ctx > 2048
    scripted_ollama.window = 2048
    long = [{"role": "user", "content": "disk full " * 1500}]
    with pytest.raises(ContextExceeded, match="it read 3000 tokens, the window has 2048"):
        await models.chat(long, purpose="derive")
    await chat(models)
    assert [sent["options"]["num_ctx"] for sent in scripted_ollama.chats] == [2048, 2048]
    assert scripted_ollama.shown == 1


async def test_a_server_that_refuses_a_long_prompt_says_context_exceeded(
    models: Models, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.fail(413, "the prompt has 9000 tokens and does not fit the context window of 8192")
    with pytest.raises(ContextExceeded, match="9000 tokens"):
        await chat(models)


async def test_an_answer_stopped_by_max_tokens_says_so(models: Models, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "one two three"
    assert (await models.chat(HELLO, purpose="derive", max_tokens=3)).cut
    assert not (await models.chat(HELLO, purpose="derive", max_tokens=4)).cut


async def test_with_call_text_off_the_ledger_keeps_no_text(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    async with models_on(settings.model_copy(update={"call_text": "off"}), ledger, scripted_ollama.url) as models:
        with scoped(journey_id="j1"):
            assert [await chat(models), await chat(models)] == ["ok", "ok"]
    assert [(row.request, row.response) for row in await ledger.calls("j1")] == [(None, None)] * 2


async def test_a_text_is_embedded_once(models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama) -> None:
    with scoped(journey_id="j1"):
        first = await models.embed(["disk full", "login", "disk full"], purpose="link")
        again = await models.embed(["login", "new host", "disk full"], purpose="link")
    assert [body["input"] for body in scripted_ollama.embeds] == [["disk full", "login"], ["new host"]]
    assert (first[0], first[1]) == (again[2], again[0])
    assert [json.loads(row.response or "")["vectors"] for row in await ledger.calls("j1")] == [2, 1]


async def test_texts_that_two_journeys_embed_at_the_same_time_are_sent_once(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    async def embed(journey_id: str) -> list[list[float]]:
        with scoped(journey_id=journey_id):
            return await models.embed(["disk full", "login"], purpose="index")

    first, second = await asyncio.gather(embed("j1"), embed("j2"))
    assert first == second
    assert len(scripted_ollama.embeds) == 1
    statuses = [row.status for journey_id in ("j1", "j2") for row in await ledger.calls(journey_id)]
    assert sorted(statuses) == ["cached", "success"]


async def test_embeddings_have_unit_length_and_their_texts_order(models: Models) -> None:
    near, other, far = await models.embed(["failed login", "failed logins", "disk"], purpose="link")
    assert sum(value * value for value in near) == pytest.approx(1.0)
    assert sum(a * b for a, b in zip(near, other, strict=True)) > sum(a * b for a, b in zip(near, far, strict=True))


async def test_another_model_s_vectors_are_not_taken(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    for name in ("all-minilm", "nomic-embed-text"):
        changed = settings.model_copy(update={"embedding_model": name})
        async with models_on(changed, ledger, scripted_ollama.url) as models:
            await models.embed(["disk full"], purpose="link")
    assert [body["model"] for body in scripted_ollama.embeds] == ["all-minilm", "nomic-embed-text"]


async def test_no_texts_need_no_call(models: Models, scripted_ollama: ScriptedOllama) -> None:
    assert await models.embed([], purpose="link") == []
    assert scripted_ollama.embeds == []


async def test_a_failed_embedding_leaves_an_error_row(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.fail(500)
    with scoped(journey_id="j1"), pytest.raises(LexiQueryError):
        await models.embed(["a"], purpose="link")
    assert [(row.operation, row.status) for row in await ledger.calls("j1")] == [("embeddings", "error")]
