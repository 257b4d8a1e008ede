"""Which model server answers: the Ollama that is set, or the embedded one, started as a child on the first call."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import InvalidInput, ModelFileCorrupt, ModelUnavailable, NotFound, StorageFailed
from shared.ledger import Ledger
from shared.llm.caching import EmbeddingCache, ResponseCache, open_stores
from shared.llm.calling import Calls
from shared.llm.client import Caches, Models
from shared.llm.embedded.adapter import check_adapter
from shared.llm.keys import Keys
from shared.llm.models import locate, read_manifest
from shared.llm.prompt_history import PromptHistory
from shared.llm.providers.configured import configured
from shared.llm.providers.fleet import Fleet
from shared.llm.rates import read_card
from shared.llm.tokens import ENCODING_MODEL
from shared.settings import Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


def needed_models(settings: Settings) -> list[str]:
    """What `pull` must have fetched for these settings: without the embedded server only what estimates tokens; beside
    other providers only what it has, for one of them may have the rest."""
    wanted = [settings.model, settings.embedding_model_name] if "embedded" in settings.provider_urls else []
    if len(settings.provider_urls) > 1:
        known = {model.name for model in read_manifest().models}
        wanted = [name for name in wanted if name.removesuffix(":latest") in known]
    return [*wanted, ENCODING_MODEL]


@asynccontextmanager
async def open_models(settings: Settings, ledger: Ledger, engine: AsyncEngine) -> AsyncIterator[Models]:
    """The metered client. Nothing is started and nothing downloaded here; a missing model is the first call's error.

    Raises InvalidInput for a rate card, an adapter or a `cache_url` that can't be used.
    """
    _check_adapter(settings)
    server = EmbeddedServer(settings)
    card, stores = read_card(settings.rate_card), open_stores(settings, engine)
    providers = configured(settings, key_of=Keys(engine, settings).get, embedded=server.url)
    embedding = {settings.embedding_model_name}
    fleet = Fleet(providers, concurrency=settings.model_concurrency, pipelined=embedding)
    caches = Caches(ResponseCache(settings, stores.responses), EmbeddingCache(stores.embeddings))
    try:
        calls = Calls(settings, ledger, fleet, card)
        yield Models(settings, ledger, fleet, calls, caches, PromptHistory(engine))
    finally:
        await fleet.close()
        await stores.close()
        await server.close()


def _check_adapter(settings: Settings) -> None:
    if settings.model_adapter is None:
        return
    if "embedded" not in settings.provider_urls:
        raise InvalidInput(
            "LEXIQUERY_MODEL_ADAPTER is for the embedded model, and that is not used",
            suggestion="on an Ollama, make a model of your own with ADAPTER in its Modelfile, and name it in "
            "LEXIQUERY_MODEL",
        )
    check_adapter(settings.model_adapter)


class EmbeddedServer:
    """The child process: started when its URL is first asked for, and again when it died."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""

    @property
    def log(self) -> Path:
        return self._settings.data_dir / "logs" / "embedded.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def url(self) -> str:
        """Raises ModelFileCorrupt, or ModelUnavailable when it can't be started."""
        if self._is_running():
            return self._url
        return await asyncio.to_thread(self.start)

    async def close(self) -> None:
        await asyncio.to_thread(self.stop)

    def start(self) -> str:
        """The URL of the running child. Blocks until its port is open."""
        with self._lock:
            if not self._is_running():
                self._check_files()
                process = self._spawn()
                self._url = self._read_url(process)
                self._process = process
            return self._url

    def stop(self) -> None:
        """Ends the child, if there is one."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        # Closing stdin, which communicate does, tells the child that its parent is done with it.
        try:
            process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _check_files(self) -> None:
        """A corrupt file is said here; a missing one by the call that wants it."""
        for name in (self._settings.model, self._settings.embedding_model_name):
            try:
                locate(name, self._settings.models_path)
            except ModelFileCorrupt:
                raise
            except (ModelUnavailable, NotFound):  # the chat model may be another provider's
                continue

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = self._settings
        command = [sys.executable, "-m", "shared.llm.embedded", "--exit-with-stdin"]
        command += ["--model-dir", str(settings.models_path.resolve()), "--num-ctx", str(settings.num_ctx)]
        command += ["--threads", str(settings.model_threads)]
        if settings.model_adapter:
            command += ["--adapter", str(settings.model_adapter.resolve()), "--adapted", settings.model]
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)  # noqa: S603 -- our own module
        except OSError as error:
            raise StorageFailed(f"can't write {self.log}: {error.strerror}") from error

    def _read_url(self, process: subprocess.Popen[bytes]) -> str:
        """The line that the child prints when its port is open; end of file when it died."""
        assert process.stdout is not None
        too_long = threading.Timer(_START_SECONDS, process.kill)
        too_long.start()
        try:
            line = process.stdout.readline()
        finally:
            too_long.cancel()
        if not line:
            process.wait()
            raise ModelUnavailable(f"the embedded model server did not start; its last words: {self._last_words()}")
        return f"http://127.0.0.1:{json.loads(line)['port']}"

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"none, see {self.log}"
