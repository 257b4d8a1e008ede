"""What a model server says is neither believed nor stored when it can't be: the row ends, and can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.context import scoped
from shared.errors import ModelUnavailable
from shared.ledger import Ledger
from shared.llm.client import Models
from shared.llm.runtime import open_models
from shared.settings import Settings
from tests.scripted_ollama import ScriptedOllama
from tests.scripted_openai import ScriptedOpenAI

HELLO = [{"role": "user", "content": "how many failed sign-ins"}]


def raw(**said: Any) -> str:
    whole = {"model": "m", "message": {"role": "assistant", "content": "ok"}, "done": True, "done_reason": "stop"}
    return json.dumps(whole | said)


@pytest.mark.parametrize(
    "said",
    [
        {"eval_count": 2**40, "prompt_eval_count": -100_000},
        {"eval_duration": -5, "prompt_eval_duration": 10**40},
        {"message": {"role": "assistant", "content": "a\0b \ud800 c"}},
    ],
)
async def test_odd_numbers_and_texts_of_a_server_leave_a_row_that_can_be_read(
    settings: Settings, either: Ledger, scripted_ollama: ScriptedOllama, said: dict[str, Any]
) -> None:
    scripted_ollama.raw = raw(**said)
    there = settings.model_copy(update={"ollama_host": scripted_ollama.url})
    async with open_models(there, either, either.engine) as models:
        with scoped(journey_id="j1"):
            await models.chat(HELLO, purpose="derive")
    [row] = await either.calls("j1")
    assert row.status == "success"
    assert (row.prompt_tokens, row.completion_tokens, row.generation_seconds) == (None, None, None)


@pytest.mark.parametrize("vector", [[], [0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
async def test_vectors_that_are_none_are_not_kept(
    models: Models, scripted_ollama: ScriptedOllama, vector: list[float]
) -> None:
    scripted_ollama.raw = json.dumps({"model": "m", "embeddings": [vector]})
    with pytest.raises(ModelUnavailable):
        await models.embed(["disk full"], purpose="link")
    scripted_ollama.raw = None
    [found] = await models.embed(["disk full"], purpose="link")
    assert sum(value * value for value in found) == pytest.approx(1.0)


async def test_after_a_failover_neither_answers_nor_vectors_are_kept_under_the_other_model(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    lab = ScriptedOpenAI("of the lab").start()
    there = settings.model_copy(
        update={
            "providers": {"ollama": "", "lab": lab.url},
            "ollama_host": scripted_ollama.url,
            "embedding_model": "nomic-embed-text",
        }
    )
    async with open_models(there, ledger, ledger.engine) as models:
        await models.embed(["login"], purpose="link")
        scripted_ollama.fail(500, times=2)
        with scoped(journey_id="j1"):
            assert (await models.chat(HELLO, purpose="derive")).text == "of the lab"
            with pytest.raises(ModelUnavailable):
                await models.embed(["disk full"], purpose="link")
        with scoped(journey_id="j2"):
            assert (await models.chat(HELLO, purpose="derive")).text == "ok"
    lab.stop()
    assert [path for path, _ in lab.requests if "embed" in path] == []


async def test_an_answer_of_gigabytes_is_not_read(models: Models, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.raw = "x" * (65 << 20)
    with pytest.raises(ModelUnavailable, match="64 MiB"):
        await models.embed(["disk full"], purpose="link")
