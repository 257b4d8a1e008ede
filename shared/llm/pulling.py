"""Having the models that the settings name: files of the manifest for the embedded server, or pulled by an Ollama."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import httpx
import ollama

from shared.errors import ModelUnavailable
from shared.llm.models import pull
from shared.llm.runtime import needed_models
from shared.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with a file's or model's name, the bytes that are here, and the bytes in all."""


def wanted_models(settings: Settings) -> list[str]:
    """Chat model, embedding model, and the encodings that estimate prompts."""
    served_there = [settings.model, settings.embedding_model_name] if settings.ollama_host else []
    return [*served_there, *needed_models(settings)]


async def pull_models(settings: Settings, names: Sequence[str], progress: Progress) -> None:
    """Fetch what is missing of the named models. Raises ModelUnavailable, NotFound, StorageFailed."""
    files = set(needed_models(settings))
    for name in names:
        if settings.ollama_host and name not in files:
            await _pull_by_ollama(settings.ollama_host, name, progress)
        else:
            await asyncio.to_thread(pull, name, settings.models_path, progress=progress)


async def _pull_by_ollama(host: str, name: str, progress: Progress) -> None:
    client = ollama.AsyncClient(host=host)
    try:
        there = {model.model for model in (await client.list()).models}
        if name in there or f"{name}:latest" in there:
            return
        async for status in await client.pull(name, stream=True):
            progress(name, status.completed or 0, status.total or 0)
    except ollama.ResponseError as error:
        raise ModelUnavailable(f"the Ollama at {host} can't pull '{name}': {error.error}") from error
    except (ConnectionError, httpx.TransportError) as error:
        raise ModelUnavailable(
            f"no Ollama answers at {host}: {error}",
            suggestion="start it, or unset OLLAMA_HOST to use the embedded model",
        ) from error
