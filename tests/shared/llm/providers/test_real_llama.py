"""llama.cpp's own server, with the real 0.5B model, through its OpenAI-compatible API."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ContextExceeded
from shared.llm.models import locate
from shared.llm.providers.base import ModelMissing
from shared.llm.providers.openai import OpenAIProvider
from tests.conftest import SMALL_MODEL
from tests.shared.llm.providers.conftest import Ears, asking, on_openai

pytestmark = pytest.mark.real_model
PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}


@pytest.fixture(scope="module")
def url(model_dir: Path) -> Iterator[str]:
    """One server for the module: loading is most of the time."""
    xllamacpp: Any = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(locate(SMALL_MODEL, model_dir)[0])
    params.model_alias = {SMALL_MODEL}
    params.n_ctx, params.n_parallel, params.port, params.warmup = 256, 1, 0, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    yield server.listening_address
    del server, params
    gc.collect()  # the server stops in its destructor


@pytest.fixture
async def llama(url: str) -> AsyncIterator[OpenAIProvider]:
    provider = on_openai(url, timeout=120.0)
    yield provider
    await provider.close()


async def test_llama_cpp_answers_as_the_provider_expects(llama: OpenAIProvider, ears: Ears) -> None:
    assert SMALL_MODEL in await llama.models()
    short = asking(model=SMALL_MODEL, max_tokens=16, seed=1, format=PERSON)
    first, again = await llama.chat(short, ears.heard), await llama.chat(short, ears.heard)
    assert json.loads(first.text).keys() == {"age"}
    assert "".join(ears.pieces) == first.text + again.text
    assert (first.prompt_tokens, first.cached_tokens) == (again.prompt_tokens, 0)
    assert (again.cached_tokens or 0) > 0 < (again.completion_tokens or 0)
    assert (first.prompt_seconds or 0) > 0 < (first.generation_seconds or 0)


async def test_llama_cpp_refuses_a_long_prompt_and_what_it_was_not_started_for(
    llama: OpenAIProvider, ears: Ears
) -> None:
    long = [{"role": "user", "content": "word " * 300}]
    with pytest.raises(ContextExceeded, match="tokens"):
        await llama.chat(asking(model=SMALL_MODEL, messages=long), ears.heard)
    with pytest.raises(ModelMissing, match="embeddings"):
        await llama.embed(SMALL_MODEL, ["a"], 256, ears.heard)
