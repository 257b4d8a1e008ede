"""Which model server answers, and that the embedded one lives exactly as long as it should."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.context import scoped
from shared.errors import ModelFileCorrupt, ModelUnavailable, StorageFailed
from shared.ledger import Ledger
from shared.llm.runtime import EmbeddedServer, needed_models, open_models
from shared.settings import Settings
from tests.scripted_ollama import ScriptedOllama

HELLO = [{"role": "user", "content": "Say hello."}]
PARENT = """
import sys
from pathlib import Path
from shared.llm.runtime import EmbeddedServer
from shared.settings import Settings
server = EmbeddedServer(Settings(data_dir=Path(sys.argv[1]), model_dir=Path(sys.argv[1])))
print(server.start(), flush=True)
input()
"""


async def test_an_ollama_that_is_set_is_used(
    settings: Settings, ledger: Ledger, engine: AsyncEngine, scripted_ollama: ScriptedOllama
) -> None:
    settings = settings.model_copy(update={"ollama_host": scripted_ollama.url})
    async with open_models(settings, ledger, engine) as models:
        assert (await models.chat(HELLO, purpose="derive")).call.provider == "ollama"
    assert needed_models(settings) == ["cl100k_base"]


async def test_opening_starts_nothing(settings: Settings, ledger: Ledger, engine: AsyncEngine) -> None:
    async with open_models(settings, ledger, engine):
        assert not (settings.data_dir / "logs").exists()
    assert needed_models(settings) == ["qwen2.5-coder:1.5b", "all-minilm", "cl100k_base"]


async def test_beside_other_providers_the_embedded_server_needs_only_the_models_that_it_has(settings: Settings) -> None:
    changes = {"providers": {"vllm": "http://gpu:8000/v1", "embedded": ""}, "model": "qwen2.5-coder:7b"}
    settings = settings.model_copy(update=changes)
    assert needed_models(settings) == ["all-minilm", "cl100k_base"]
    server = EmbeddedServer(settings)
    try:
        assert (await server.url()).startswith("http://127.0.0.1:")
    finally:
        await server.close()


async def test_a_model_that_was_not_pulled_is_said_with_the_command(
    settings: Settings, ledger: Ledger, engine: AsyncEngine
) -> None:
    async with open_models(settings, ledger, engine) as models:
        with scoped(journey_id="j1"), pytest.raises(ModelUnavailable) as raised:
            await models.chat(HELLO, purpose="derive")
    assert raised.value.suggestion == "run `lexiquery models pull qwen2.5-coder:1.5b`"
    assert [row.status for row in await ledger.calls("j1")] == ["error"]


async def test_a_corrupt_model_file_is_named_before_anything_runs(
    settings: Settings, ledger: Ledger, engine: AsyncEngine
) -> None:
    settings.models_path.mkdir(parents=True)
    file = settings.models_path / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    file.write_bytes(b"half of it")
    async with open_models(settings, ledger, engine) as models:
        with pytest.raises(ModelFileCorrupt, match=str(file)):
            await models.check()


async def test_a_log_that_can_t_be_written_is_named(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "logs").write_text("a file where the folder should be")
    with pytest.raises(StorageFailed, match=r"embedded\.log"):
        await EmbeddedServer(settings).url()


async def test_a_server_that_does_not_start_says_its_last_words(settings: Settings) -> None:
    server = EmbeddedServer(settings.model_copy(update={"num_ctx": "many"}))
    with pytest.raises(ModelUnavailable, match="argument --num-ctx: invalid int value: 'many'"):
        await server.url()


def test_a_killed_server_is_started_again(settings: Settings) -> None:
    server = EmbeddedServer(settings)
    first = server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
    second = server.start()
    assert first != second == server.start()
    server.stop()
    assert server.pid is None


def test_the_server_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            parent.kill()
            assert ends(connection)


def ends(connection: socket.socket) -> bool:
    """Waits for the other side's end: its system closes the connection, or resets it when nobody had accepted."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.real_model
async def test_the_embedded_model_answers_and_is_metered(
    real_settings: Settings, ledger: Ledger, engine: AsyncEngine
) -> None:
    async with open_models(real_settings, ledger, engine) as models:
        with scoped(journey_id="j1", agent="sql"):
            shape = {"type": "object", "properties": {"sql": {"type": "string"}}, "required": ["sql"]}
            completion = await models.chat(HELLO, purpose="derive", format=shape, max_tokens=40)
            assert "sql" in json.loads(completion.text)
            (vector,) = await models.embed(["failed sign-ins"], purpose="link")
    assert len(vector) == 384
    chat, embeddings = await ledger.calls("j1")
    assert (chat.provider, chat.status, embeddings.status) == ("embedded", "success", "success")
    assert chat.model_digest == "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
    assert chat.prompt_tokens == 32
    assert None not in (chat.completion_tokens, chat.load_seconds, chat.prompt_seconds, embeddings.prompt_tokens)
