"""The response cache: the same request to the same model, and nothing else, is answered from before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.llm.caching import ResponseCache
from shared.llm.caching.responses import CachedReply, request_key
from shared.llm.providers.base import ChatRequest, Reply
from shared.settings import Settings
from tests.shared.llm.caching.conftest import Clock, Place

DIGEST = "sha256:cc32"
ASKED = ChatRequest(
    model="qwen2.5-coder:1.5b",
    messages=[{"role": "user", "content": "how many failed sign-ins"}],
    max_tokens=512,
    num_ctx=8192,
    seed=7,
    stop=("\n\n",),
    format={"type": "object", "properties": {"why": {}, "query": {}}},
)
REPLY = Reply("SELECT 1 -- ü\0", prompt_tokens=20, completion_tokens=5, generation_seconds=1.5)


def key(**changes: Any) -> str | None:
    given = {"digest": DIGEST, "prompt_name": "derive", "prompt_version": "1"}
    of_prompt = {name: changes.pop(name, value) for name, value in given.items()}
    return request_key(replace(ASKED, **changes), of_prompt.pop("digest"), **of_prompt)


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "sha256:other"},
        {"prompt_name": "plan"},
        {"prompt_version": "2"},
        {"messages": [{"role": "system", "content": "how many failed sign-ins"}]},
        {"max_tokens": 511},
        {"num_ctx": 4096},
        {"seed": None},
        {"stop": ()},
        {"format": None},
        {"format": {"type": "object", "properties": {"query": {}, "why": {}}}},  # another order of the answer
    ],
)
def test_whatever_the_answer_depends_on_is_in_the_key(change: dict[str, Any]) -> None:
    assert key(**change) != key()


def test_a_model_is_known_by_its_digest_whoever_serves_it_under_whichever_name() -> None:
    assert key(model="qwen-on-another-server") == key()


def test_what_depends_on_chance_or_on_an_unknown_model_has_no_key() -> None:
    assert key(temperature=0.1) is None
    assert key(digest=None) is None


@pytest.fixture
def cache(settings: Settings, place: Place, clock: Clock) -> ResponseCache:
    return ResponseCache(settings, place.responses(), clock=clock)


async def test_an_answer_comes_back_whole_with_what_it_had_taken(
    cache: ResponseCache, settings: Settings, place: Place, clock: Clock
) -> None:
    await cache.put(key(), REPLY, "call-1", cost=0.25, currency="EUR", seconds=2.0)
    expected = CachedReply(REPLY, "call-1", 0.25, "EUR", 2.0, clock.now)
    assert await cache.get(key()) == expected
    assert await ResponseCache(settings, place.responses(), clock=clock).get(key()) == expected
    assert await cache.get(key(seed=8)) is None


async def test_what_is_not_known_of_a_call_stays_unknown(cache: ResponseCache) -> None:
    await cache.put(key(), Reply("SELECT 1"), "call-1")
    found = await cache.get(key())
    assert found is not None
    assert (found.cost, found.seconds, found.reply.prompt_tokens) == (None, None, None)


@pytest.mark.parametrize("reply", [Reply("SELECT 1 FRO", finish="length"), Reply(""), Reply(" \n")])
async def test_half_an_answer_is_not_kept(cache: ResponseCache, reply: Reply) -> None:
    await cache.put(key(), reply, "call-1")
    assert await cache.get(key()) is None


async def test_an_answer_expires(cache: ResponseCache, settings: Settings, place: Place, clock: Clock) -> None:
    await cache.put(key(), REPLY, "call-1")
    clock.advance(days=29, hours=23)
    assert await cache.get(key())
    clock.advance(hours=1)
    assert await cache.get(key()) is None
    assert await ResponseCache(settings, place.responses(), clock=clock).get(key()) is None


async def test_an_entry_that_cannot_be_read_is_a_miss_and_replaced(cache: ResponseCache, place: Place) -> None:
    await place.responses().put("chat", {str(key()): b'{"reply": "of another version"}'})
    assert await cache.get(key()) is None
    await cache.put(key(), REPLY, "call-2")
    found = await cache.get(key())
    assert found is not None
    assert found.call_id == "call-2"


async def test_an_answer_that_is_no_unicode_fails_nothing(cache: ResponseCache) -> None:
    await cache.put(key(), Reply("SELECT '\ud800'"), "call-1")
    assert await cache.get(key()) is None


@pytest.mark.parametrize("call_text", ["masked", "off"])
async def test_without_full_texts_answers_stay_in_memory(settings: Settings, place: Place, call_text: str) -> None:
    changed = settings.model_copy(update={"call_text": call_text})
    cache = ResponseCache(changed, place.responses())
    await cache.put(cache.key(ASKED, DIGEST), REPLY, "call-1")
    assert await cache.get(cache.key(ASKED, DIGEST))
    assert (await place.responses().kept()).entries == 0


async def test_of_zero_days_there_is_no_cache(settings: Settings, place: Place) -> None:
    cache = ResponseCache(settings.model_copy(update={"response_cache_days": 0}), place.responses())
    assert cache.key(ASKED, DIGEST) is None
    await cache.put(None, REPLY, "call-1")
    assert await cache.get(None) is None
    assert (await place.responses().kept()).entries == 0
