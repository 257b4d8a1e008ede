"""The two servers that the contract is shown on, and the answers that several tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import ollama
import pytest

from shared.llm.runtime import EmbeddedServer
from shared.settings import Settings
from tests.conftest import SMALL_MODEL
from tests.shared.llm.ollama_contract.target import EMBEDDING_MODEL, HELLO, MODEL, OLLAMA, Answer, Target

Given = Callable[[str], Answer]


@pytest.fixture(scope="package")
def embedded(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The embedded server as a process, one for all tests; one thread is fastest where tests run side by side."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"), model_dir=model_dir, model=SMALL_MODEL, model_threads=1
    )
    server = EmbeddedServer(settings)
    with httpx.Client(base_url=server.start(), timeout=None) as http:
        yield Target("embedded", http, SMALL_MODEL, "all-minilm")
    server.stop()


@pytest.fixture(scope="package")
def real_ollama() -> Iterator[Target]:
    if not OLLAMA:
        pytest.skip("neither LEXIQUERY_CONTRACT_OLLAMA nor OLLAMA_HOST is set")
    # Ollama's own client knows every form of OLLAMA_HOST.
    with httpx.Client(base_url=ollama.Client(OLLAMA)._client.base_url, timeout=None, trust_env=False) as http:
        try:
            listed = {model["name"] for model in http.get("/api/tags").json()["models"]}
        except httpx.TransportError as error:
            pytest.skip(f"no Ollama answers at {OLLAMA}: {error}")
        for name, variable in ((MODEL, "LEXIQUERY_CONTRACT_MODEL"), (EMBEDDING_MODEL, "…_EMBEDDING_MODEL")):
            if not {name, f"{name}:latest"} & listed:
                pytest.skip(f"the Ollama at {OLLAMA} has no {name}; pull it, or name another in {variable}")
        yield Target("real_ollama", http, MODEL, EMBEDDING_MODEL)


@pytest.fixture(scope="package", params=["embedded", "real_ollama"])
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="package")
def whole_chat(target: Target) -> Answer:
    return target.chat(HELLO, stream=False)


@pytest.fixture(scope="package")
def streamed_chat(target: Target) -> Answer:
    """Without `stream`: streaming is the default."""
    return target.chat(HELLO)


@pytest.fixture(scope="package")
def whole_generate(target: Target) -> Answer:
    return target.generate(HELLO, stream=False)


@pytest.fixture(scope="package")
def streamed_generate(target: Target) -> Answer:
    return target.generate(HELLO)


@pytest.fixture
def given(request: pytest.FixtureRequest, target: Target) -> Given:
    """One of these answers by its name."""
    return lambda name: request.getfixturevalue(name)


@pytest.fixture(scope="package")
def capabilities(target: Target) -> set[str]:
    return set(target.post("/api/show", {"model": target.model}).json["capabilities"])
