"""`lexiquery models`: what the manifest offers, what is here, and fetching with progress on stderr."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

from shared.errors import ModelUnavailable
from shared.llm.models import installed, locate, read_manifest
from shared.llm.pulling import pull_models as pull
from shared.llm.pulling import wanted_models
from shared.llm.runtime import needed_models
from shared.settings import Settings


def list_models(settings: Settings) -> list[dict[str, Any]]:
    """The manifest's models; `installed` says whether their files lie in the model folder."""
    here = {model.name for model in installed(settings.models_path)}
    return [
        {
            "name": model.name,
            "kind": model.kind,
            "megabytes": round(model.size / 1e6, 1),
            "licence": model.licence,
            "installed": model.name in here,
        }
        for model in read_manifest().models
    ]


async def pull_models(settings: Settings, names: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Fetch the named models, or what the settings need."""
    wanted = list(names or wanted_models(settings))
    await pull(settings, wanted, ProgressLine())
    where = settings.ollama_host or str(settings.models_path)
    return [{"name": name, "where": where} for name in wanted]


async def pull_missing(settings: Settings) -> None:
    """Fetch what the settings need and is not here. A file that was verified and has not changed is not read again."""
    files = needed_models(settings)
    here = [name for name in files if await asyncio.to_thread(_is_here, name, settings)]
    if missing := [name for name in wanted_models(settings) if name not in here]:
        await pull_models(settings, missing)


def _is_here(name: str, settings: Settings) -> bool:
    try:
        locate(name, settings.models_path)
    except ModelUnavailable:
        return False
    return True


class ProgressLine:
    """One line a file on stderr: rewritten on a terminal, else printed anew every few seconds."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._printed: dict[str, float] = {}

    def __call__(self, name: str, done: int, total: int) -> None:
        finished = done >= total > 0
        pause = 0.1 if self._live else 5.0
        if not finished and time.monotonic() - self._printed.get(name, 0.0) < pause:
            return
        if finished and self._printed.get(name) == float("inf"):
            return
        self._printed[name] = float("inf") if finished else time.monotonic()
        share = f"{100 * done // total:3d}%" if total else ""
        end = "\n" if finished or not self._live else ""
        start = "\r" if self._live else ""
        sys.stderr.write(f"{start}fetching {name}  {done / 1e6:,.1f} of {total / 1e6:,.1f} MB {share}{end}")
        sys.stderr.flush()
