"""llama.cpp (xllamacpp) running one chat model: loaded on first use, again when another model or window is asked for.

llama.cpp's own HTTP port, on loopback and behind a secret, is used rather than its in-process call: closing the
connection stops a generation, also while it still reads the prompt.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from shared.llm.embedded.wire import ApiError, Json

# Small batches: between two of them llama.cpp notices that nobody waits for the answer any more.
_BATCH = 512
_WARNINGS = 2
# Prompts of other agents are kept in memory, so that coming back to one does not read it again. llama.cpp's own 8 GiB
# is more than a laptop has; a prompt of 2,000 tokens takes 57 MiB with the 1.5B model.
_PROMPT_CACHE_MIB = 512
_OVERFLOW = "exceed_context_size_error"


@dataclass(frozen=True)
class Loaded:
    """What runs now. context in tokens; adapter: the file of a LoRA adapter for it."""

    name: str
    path: Path
    context: int
    adapter: Path | None = None


class Llama:
    """One model, one request at a time, first come first served."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._turn = asyncio.Lock()
        self._server: Any = None
        self._client: httpx.AsyncClient | None = None
        self.loaded: Loaded | None = None

    @asynccontextmanager
    async def use(self, wanted: Loaded, *, keep: bool = True) -> AsyncIterator[float]:
        """Within the block the model is loaded and all ours; gives the seconds that loading took, 0 if it was.

        keep: whether it stays loaded after the block; it does in any case where the block is left by an error.
        """
        async with self._turn:
            began, load_seconds = time.monotonic(), 0.0
            if self.loaded != wanted:
                # A thread can't be interrupted: a client that leaves must not leave a half-loaded model behind.
                await asyncio.shield(asyncio.ensure_future(self._load(wanted)))
                load_seconds = time.monotonic() - began
            yield load_seconds
            if not keep:
                await self._close()

    async def unload(self, name: str | None = None) -> None:
        """The model of that name if it is loaded, without a name whatever is."""
        async with self._turn:
            if self.loaded and name in (None, self.loaded.name):
                await self._close()

    async def stream(self, path: str, body: Json) -> AsyncIterator[Json]:
        """llama.cpp's events for one request. Call it within `use`. Raises ApiError before the first event or after."""
        assert self._client is not None
        body = {**body, "stream": True, "cache_prompt": True}
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self._client.stream("POST", path, json=body))
                if response.is_error:
                    raise _problem(json.loads(await response.aread()))
                async for line in response.aiter_lines():
                    event = _event(line)
                    if event is not None:
                        yield event
            except (httpx.TransportError, json.JSONDecodeError) as error:
                raise ApiError(500, f"llama.cpp broke off: {error or type(error).__name__}") from error

    async def _load(self, wanted: Loaded) -> None:
        await self._close()
        secret = secrets.token_urlsafe(24)
        try:
            self._server = await asyncio.to_thread(_start, wanted, self._threads, secret)
        except RuntimeError as error:
            files = f"{wanted.path} with the adapter {wanted.adapter}" if wanted.adapter else str(wanted.path)
            raise ApiError(500, f"llama.cpp can't load {files}: {error}") from error
        self._client = httpx.AsyncClient(
            base_url=self._server.listening_address,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=None,  # noqa: S113 -- who waits decides: the client's disconnect ends the request
            trust_env=False,
            # llama.cpp closes idle connections without a word; a request on such a one would fail.
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self.loaded = wanted

    async def _close(self) -> None:
        self.loaded = None
        client, self._client = self._client, None
        server, self._server = self._server, None
        if client is not None:
            await client.aclose()
        # The server stops in its destructor, which waits for its threads.
        await asyncio.to_thread(lambda held: held.clear(), [server])


def _start(wanted: Loaded, threads: int, secret: str) -> Any:
    xllamacpp: Any = import_module("xllamacpp")  # untyped, and 100 MB
    params = xllamacpp.CommonParams()
    params.model.path = str(wanted.path)
    if wanted.adapter:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(wanted.adapter))]
    params.n_ctx = wanted.context
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = _BATCH
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = threads
        cpu.poll = 0  # threads that wait sleep: spinning starves the provers beside them
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.ctx_shift = False  # a full window is an answer cut with `length`, never a prompt cut in silence
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [secret]
    params.ui = False
    params.warmup = False
    params.offline = True
    params.verbosity = _WARNINGS
    return xllamacpp.Server(params)


def _event(line: str) -> Json | None:
    """One line of server-sent events; errors arrive as events too."""
    if not line.startswith(("data: ", "error: ")):
        return None
    text = line.partition(": ")[2]
    if text == "[DONE]":
        return None
    event: Json = json.loads(text)
    if "error" in event or line.startswith("error: "):
        raise _problem(event)
    return event


def _problem(answer: Json) -> ApiError:
    error = answer.get("error", answer)
    if error.get("type") == _OVERFLOW:
        prompt, window = error.get("n_prompt_tokens"), error.get("n_ctx")
        return ApiError(413, f"the prompt has {prompt} tokens and does not fit the context window of {window}")
    status = error.get("code")
    return ApiError(status if status in range(400, 600) else 500, str(error.get("message", error)))
