"""What the commands about model providers and their keys do."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import Any

import httpx

from core_engine.results import Result, listed, opened_state, quiet_settings
from core_engine.state import open_state
from shared.addresses import is_own, resolve
from shared.errors import InvalidInput, LexiQueryError, NotFound, did_you_mean
from shared.llm.keys import Keys
from shared.llm.models import installed
from shared.llm.providers.base import Provider
from shared.llm.providers.configured import configured
from shared.llm.providers.openai import without_password
from shared.settings import Settings

_BUILT_IN = ("ollama", "embedded")
_SECONDS = 5.0
"""How long a provider is waited for: a list is no call."""


async def providers_list() -> Result:
    """The providers in their order of failover: where each is, whether prompts may go there, what it says just now."""
    async with opened_state() as state:
        settings, keys = state.settings, Keys(state.engine, state.settings)
        having = await keys.names()
        brief = settings.model_copy(update={"model_timeout": _SECONDS})
        providers = configured(brief, key_of=keys.get, embedded=_nowhere)
        lines = await asyncio.gather(*(_line(provider, settings, having) for provider in providers))
    shown = [{**line, "models": ", ".join(line["models"]) or None} for line in lines]
    return Result(lines, listed(shown, "no provider").text)


async def key_set(name: str) -> Result:
    """Keep the key that stands on standard input, or that is typed unseen."""
    settings = quiet_settings()
    _check_takes_key(name, settings)
    key = await asyncio.to_thread(_read_key, name)
    async with open_state(settings) as state:
        await Keys(state.engine, state.settings).set(name, key)
    return Result({"name": name, "key": True}, f"the key of '{name}' is kept, encrypted")


async def key_remove(name: str) -> Result:
    async with opened_state() as state:
        keys = Keys(state.engine, state.settings)
        having = await keys.names()
        if not await keys.remove(name):
            raise NotFound.named("key of the provider", name, having)
    return Result({"name": name, "key": False}, f"the key of '{name}' is removed")


async def keys_rotate() -> Result:
    async with opened_state() as state:
        count = await Keys(state.engine, state.settings).rotate()
    what = "1 key is" if count == 1 else f"{count} keys are"
    return Result({"keys": count}, f"{what} encrypted with a new key")


async def _line(provider: Provider, settings: Settings, having: list[str]) -> dict[str, Any]:
    url = settings.provider_urls[provider.name]
    place = await _place(url)
    line: dict[str, Any] = {
        "name": provider.name,
        "url": without_password(httpx.URL(_with_scheme(url))) if url else None,
        "place": place,
        "allowed": True if not provider.is_local else {"local": True, "hosted": False}.get(place),
        "key": provider.name in having,
    }
    if provider.name == "embedded":
        # Asking it would start it.
        there = [model.name for model in installed(settings.models_path) if model.kind != "tokens"]
        return {**line, "state": "starts with the first call", "models": there}
    try:
        return {**line, "state": "answers", "models": sorted(await provider.models())}
    except LexiQueryError as error:
        return {**line, "state": str(error), "models": []}
    finally:
        await provider.close()


async def _place(url: str) -> str:
    """local: all addresses are in the user's own network; hosted: one is not; unknown: the name has none."""
    if not url:
        return "local"
    try:
        addresses = await resolve(httpx.URL(_with_scheme(url)))
    except (OSError, UnicodeError):
        return "unknown"
    return "local" if all(map(is_own, addresses)) else "hosted"


def _check_takes_key(name: str, settings: Settings) -> None:
    if name in _BUILT_IN:
        raise InvalidInput(f"the provider '{name}' takes no key")
    named = [provider for provider in settings.provider_urls if provider not in _BUILT_IN]
    if name not in named:
        fix = did_you_mean(name, named) or "name it in LEXIQUERY_PROVIDERS: NAME=URL"
        raise NotFound(f"unknown provider '{name}'", suggestion=fix)


def _read_key(name: str) -> str:
    """From standard input, so that it stands in no list of processes and no shell's history."""
    if sys.stdin.isatty():
        return getpass.getpass(f"key of '{name}': ").strip()
    return sys.stdin.read().strip()


def _with_scheme(url: str) -> str:
    return url if "//" in url else f"http://{url}"


async def _nowhere() -> str:
    raise AssertionError("the embedded server is not asked for a list")
