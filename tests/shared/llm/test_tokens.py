"""The estimate before a call, with the real encoding where it is installed."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from shared.context import scoped
from shared.errors import ContextExceeded, ModelFileCorrupt
from shared.ledger import Ledger
from shared.llm.tokens import ENCODING_FILE, estimate_tokens
from shared.settings import Settings
from tests.conftest import models_on
from tests.scripted_ollama import ScriptedOllama


@pytest.fixture
def encoding(settings: Settings) -> Path:
    """A byte-level encoding in tiktoken's file format: a token a byte."""
    settings.models_path.mkdir(parents=True)
    lines = (f"{base64.b64encode(bytes([byte])).decode()} {byte}" for byte in range(256))
    (settings.models_path / ENCODING_FILE).write_text("\n".join(lines))
    return settings.models_path


def test_without_the_encoding_s_file_the_estimate_is_unknown(tmp_path: Path) -> None:
    assert estimate_tokens([{"role": "user", "content": "hi"}], tmp_path) is None


@pytest.mark.parametrize("content", ["<html>", "aGk= one", "aGk"])
def test_a_damaged_file_is_named(encoding: Path, content: str) -> None:
    (encoding / ENCODING_FILE).write_text(content)
    with pytest.raises(ModelFileCorrupt, match=str(encoding / ENCODING_FILE)):
        estimate_tokens([{"role": "user", "content": "hi"}], encoding)


def test_an_estimate_counts_every_message(encoding: Path) -> None:
    assert estimate_tokens([{"role": "user", "content": "hello"}, {"role": "user", "content": ""}], encoding) == 13


@pytest.mark.usefixtures("encoding")
async def test_a_prompt_that_surely_does_not_fit_is_not_sent(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    async with models_on(settings.model_copy(update={"num_ctx": 1000}), ledger, scripted_ollama.url) as models:
        with scoped(journey_id="j1"), pytest.raises(ContextExceeded, match="a prompt of about 2004 tokens and 100"):
            await models.chat([{"role": "user", "content": "x" * 2000}], purpose="derive", max_tokens=100)
    assert scripted_ollama.requests == []
    assert await ledger.calls("j1") == []


@pytest.mark.usefixtures("encoding")
async def test_a_prompt_of_which_the_server_dropped_messages_is_an_error(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.prompt_eval_count = 40
    async with models_on(settings.model_copy(update={"num_ctx": 1000}), ledger, scripted_ollama.url) as models:
        with pytest.raises(ContextExceeded, match="it read 40 tokens"):
            await models.chat([{"role": "user", "content": "x" * 1000}], purpose="derive", max_tokens=100)
