"""Which providers the settings name, and in which order."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.llm.providers.base import Provider
from shared.llm.providers.configured import configured
from shared.llm.providers.ollama import OllamaProvider
from shared.llm.providers.openai import OpenAIProvider
from shared.settings import Settings
from tests.scripted_openai import ScriptedOpenAI
from tests.shared.llm.providers.conftest import MODEL, Ears, asking


async def _key(name: str) -> str | None:
    return f"sk-{name}"


async def _embedded() -> str:
    return "http://127.0.0.1:9"


def providers(settings: Settings, monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[Provider]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return configured(Settings(data_dir=settings.data_dir), key_of=_key, embedded=_embedded)


def test_unless_they_are_named_ollama_is_used_where_one_is_set_else_the_embedded_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.name for one in providers(settings, monkeypatch)] == ["embedded"]
    assert [one.name for one in providers(settings, monkeypatch, OLLAMA_HOST="gpu:11434")] == ["ollama"]


def test_named_ones_come_in_their_order_and_only_listed_ones_may_be_outside(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {"LEXIQUERY_PROVIDERS": "vllm=http://gpu:8000/v1, embedded,ollama", "LEXIQUERY_HOSTED": "vllm,embedded"}
    found = providers(settings, monkeypatch, **named)
    assert [(one.name, one.is_local, type(one)) for one in found] == [
        ("vllm", False, OpenAIProvider),
        ("embedded", True, OllamaProvider),
        ("ollama", True, OllamaProvider),
    ]
    assert Settings().provider_urls["ollama"] == "http://127.0.0.1:11434"


def test_a_misspelt_name_of_a_hosted_provider_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"LEXIQUERY_PROVIDERS": "vllm=http://gpu:8000/v1,ollama", "LEXIQUERY_HOSTED": "vlm"}
    with pytest.raises(
        ValidationError, match=r"'vlm' is no provider .*; did you mean 'vllm'\? known: ollama, embedded, vllm "
    ):
        providers(settings, monkeypatch, **named)


async def test_a_provider_gets_its_key_and_its_own_names_of_models(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.key = "sk-vllm"
    names = f"vllm/ours={MODEL},other/ours=none"
    variables = {"LEXIQUERY_PROVIDERS": f"vllm={scripted_openai.url}", "LEXIQUERY_MODEL_NAMES": names}
    (provider,) = providers(settings, monkeypatch, **variables)
    assert (await provider.chat(asking(model="ours"), ears.heard)).text == "ok"
    await provider.close()


WRONG = [
    ("LEXIQUERY_PROVIDERS", "vllm", "expected an address like vllm=http://host:8000/v1"),
    ("LEXIQUERY_PROVIDERS", "http://me:secret@gpu:8000", "expected NAME=URL"),
    ("LEXIQUERY_PROVIDERS", "vllm=gpu:8000,ollama", "expected an address like"),
    *(
        ("LEXIQUERY_PROVIDERS", f"vllm=http://{host}/v1", "expected an address like")
        for host in ("a b", "h\t", "300.1.1.1", "..", "a" * 64, "xn--", "a<b", "\U0001f642", "10.1", "%zz")
    ),
    ("LEXIQUERY_PROVIDERS", "ollama=http://gpu", "OLLAMA_HOST"),
    ("LEXIQUERY_PROVIDERS", "ollama,ollama", "'ollama' is named twice"),
    ("LEXIQUERY_MODEL_NAMES", "qwen=Qwen", "expected PROVIDER/MODEL=NAME"),
    ("LEXIQUERY_MODEL_NAMES", "vllm/qwen", "expected PROVIDER/MODEL=NAME"),
]


@pytest.mark.parametrize(("variable", "value", "message"), WRONG)
def test_what_can_t_be_meant_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        providers(settings, monkeypatch, **{variable: value})
    assert message in raised.value.errors()[0]["msg"]
    assert "secret" not in raised.value.errors()[0]["msg"]
