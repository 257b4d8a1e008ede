"""The providers that the settings name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from shared.llm.providers.base import Provider
from shared.llm.providers.ollama import Connect, OllamaProvider
from shared.llm.providers.openai import OpenAIProvider
from shared.settings import Settings


def configured(
    settings: Settings, *, key_of: Callable[[str], Awaitable[str | None]], embedded: Connect
) -> list[Provider]:
    """In the order of failover. key_of: a provider's key by its name; embedded: the URL of the embedded server.

    Nothing is started and nothing asked here.
    """
    timeout, idle_timeout = settings.model_timeout, settings.model_idle_timeout

    def one(name: str, url: str) -> Provider:
        names, hosted = _names(settings, name), name in settings.hosted
        if name not in ("ollama", "embedded"):
            key = partial(key_of, name)
            return OpenAIProvider(
                name, url, key=key, is_local=not hosted, timeout=timeout, idle_timeout=idle_timeout, names=names
            )
        # The embedded server is a child of this process, wherever it listens.
        connect, elsewhere = (embedded, False) if name == "embedded" else (always(url), hosted)
        return OllamaProvider(
            connect, name=name, timeout=timeout, idle_timeout=idle_timeout, hosted=elsewhere, names=names
        )

    return [one(name, url) for name, url in settings.provider_urls.items()]


def always(url: str) -> Connect:
    """For a server that is started by somebody else."""

    async def connect() -> str:
        return url

    return connect


def _names(settings: Settings, provider: str) -> dict[str, str]:
    """What that provider calls our models."""
    owned = ((name.partition("/"), theirs) for name, theirs in settings.model_names.items())
    return {model: theirs for (owner, _, model), theirs in owned if owner == provider}
