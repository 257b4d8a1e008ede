"""`lexiquery providers` and `lexiquery keys`: what is configured, where prompts may go, whose key is kept."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from core_engine.provider_commands import key_remove, key_set, keys_rotate, providers_list
from shared.errors import InvalidInput, NotFound
from shared.llm.keys import Keys
from shared.llm.providers import stream
from shared.settings import Settings
from tests.core_engine.processes import loggers_kept
from tests.scripted_ollama import ScriptedOllama
from tests.scripted_openai import ScriptedOpenAI


@pytest.fixture(autouse=True)
def _on_the_tests_data(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("LEXIQUERY_PROVIDERS", "vllm=http://127.0.0.1:9/v1")
    monkeypatch.setattr(stream, "_BACKOFF_SECONDS", 0.0)
    with loggers_kept():
        yield


@pytest.fixture
def scripted_openai() -> Iterator[ScriptedOpenAI]:
    server = ScriptedOpenAI().start()
    yield server
    server.stop()


async def test_the_list_says_of_each_provider_what_it_is_and_what_it_says(
    monkeypatch: pytest.MonkeyPatch, scripted_ollama: ScriptedOllama, scripted_openai: ScriptedOpenAI
) -> None:
    here = scripted_openai.url.removeprefix("http://")
    far = "far=https://93.184.215.14/v1"
    monkeypatch.setenv("LEXIQUERY_PROVIDERS", f"vllm=http://me:secret@{here}/v1,ollama,embedded,{far}")
    monkeypatch.setenv("OLLAMA_HOST", scripted_ollama.url)
    shown = await providers_list()
    vllm, ollama, embedded, outside = shown.value
    models = ["nomic-embed-text", "qwen2.5-coder:1.5b"]
    assert vllm == {
        "name": "vllm", "url": f"{scripted_openai.url}/v1", "place": "local", "allowed": True, "key": False,
        "state": "answers", "models": models,
    }  # fmt: skip
    assert (ollama["name"], ollama["state"], len(ollama["models"])) == ("ollama", "answers", 4)
    assert (embedded["url"], embedded["state"]) == (None, "starts with the first call")
    assert (outside["place"], outside["allowed"], "LEXIQUERY_HOSTED=far" in outside["state"]) == ("hosted", False, True)
    assert "secret" not in shown.text
    assert ", ".join(models) in shown.text


async def test_without_settings_the_embedded_one_is_the_only_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEXIQUERY_PROVIDERS")
    assert [line["name"] for line in (await providers_list()).value] == ["embedded"]


async def test_a_key_is_read_from_standard_input_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, engine: AsyncEngine, settings: Settings
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-secret\n"))
    done = await key_set("vllm")
    assert "sk-secret" not in f"{done.text}{done.value}"
    assert await Keys(engine, settings).get("vllm") == "sk-secret"
    assert (await keys_rotate()).text == "1 key is encrypted with a new key"
    assert await Keys(engine, settings).get("vllm") == "sk-secret"
    assert (await providers_list()).value[0]["key"] is True


@pytest.mark.parametrize(("name", "error"), [("vlm", NotFound), ("ollama", InvalidInput)])
async def test_a_key_is_set_only_for_a_configured_provider_that_takes_one(name: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"'{name}'"):
        await key_set(name)


async def test_where_none_takes_a_key_the_setting_that_names_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEXIQUERY_PROVIDERS")
    with pytest.raises(NotFound, match="unknown provider 'vllm'; name it in LEXIQUERY_PROVIDERS"):
        await key_set("vllm")


async def test_a_key_that_is_not_there_can_t_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-secret"))
    await key_set("vllm")
    with pytest.raises(NotFound, match="did you mean 'vllm'"):
        await key_remove("vlm")
    assert (await key_remove("vllm")).value == {"name": "vllm", "key": False}


async def test_a_key_file_that_others_may_read_is_told_where_no_warning_is_logged(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    settings.key_path.touch(mode=0o600)
    await providers_list()
    assert "chmod" not in capsys.readouterr().err
    settings.key_path.chmod(0o666)
    await providers_list()
    assert f"others may read the key of the providers' keys; chmod 600 {settings.key_path}" in capsys.readouterr().err
