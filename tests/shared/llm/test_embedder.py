"""Who waits for whom where texts are embedded."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from shared.llm.embedded.embedder import Embedded, Embedder

_LONG = 30.0
"""Seconds after which a call that waits for ever is given up."""


async def test_a_question_does_not_wait_for_calls_of_many_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: they do not take the threads away in which it is read."""
    free = threading.Event()

    def embed(_: Embedder, __: Any, texts: list[str], *rest: Any) -> Embedded:
        if len(texts) > 1:
            free.wait(_LONG)
        return Embedded([[1.0]] * len(texts), len(texts), 0)

    monkeypatch.setattr(Embedder, "_embed", embed)
    embedder = Embedder(1)
    many = [asyncio.create_task(embedder.embed(list, ["a", "b"], 256, False)) for _ in range(40)]
    await asyncio.sleep(0)
    question = await asyncio.wait_for(embedder.embed(list, ["Why?"], 256, False), _LONG / 2)
    assert question.tokens == 1
    assert not any(call.done() for call in many)
    free.set()
    assert [one.tokens for one in await asyncio.gather(*many)] == [2] * 40
