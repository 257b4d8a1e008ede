"""A whole LexiQuery on a socket, with a model that a test scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core_engine.bootstrap import open_lexiquery
from core_engine.server import build_app
from shared.settings import Settings
from tests.agents.serving import loopback_socket, on_a_socket
from tests.core_engine.conftest import HOSTS
from tests.scripted_ollama import ScriptedOllama


@pytest.fixture
async def running(settings: Settings, scripted_ollama: ScriptedOllama) -> AsyncIterator[str]:
    """Its URL; it has a schema group of its own, `estate`."""
    scripted_ollama.models.append("tiny:latest")
    changes = {"ollama_host": scripted_ollama.url, "model": "tiny", "embedding_model": settings.embedding_model_name}
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with open_lexiquery(settings.model_copy(update=changes), url=url) as lexiquery:
        await lexiquery.state.catalogs.put(HOSTS)
        async with on_a_socket(build_app(lexiquery, url), listener):
            yield url
