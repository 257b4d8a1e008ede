"""The routes of Ollama's API, as an ASGI app over the model files of one folder."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.errors import ModelFileCorrupt, ModelUnavailable, NotFound
from shared.llm.embedded import completion
from shared.llm.embedded.adapter import Adapter
from shared.llm.embedded.embedder import Embedded, Embedder
from shared.llm.embedded.llama import Llama, Loaded
from shared.llm.embedded.wire import (
    ApiError,
    ChatRequest,
    EmbeddingsRequest,
    EmbedRequest,
    GenerateRequest,
    Json,
    ShowRequest,
    bad_body,
)
from shared.llm.models import Manifest, ModelEntry, installed, locate, read_manifest

T = TypeVar("T")
Body = TypeVar("Body", bound=BaseModel)

# A status that no client reads: nginx's for a client that closed its request.
_CLIENT_LEFT = 499
_NEVER = timedelta(days=3650)


class Face:
    """Ollama's routes. num_ctx: the context window of a request that names none, in tokens; adapter: lies over its
    model whenever that is loaded."""

    def __init__(
        self,
        models_path: Path,
        *,
        num_ctx: int,
        threads: int,
        manifest: Manifest | None = None,
        adapter: Adapter | None = None,
    ) -> None:
        self._models_path = models_path
        self._num_ctx = num_ctx
        self._manifest = manifest or read_manifest()
        self._adapter = adapter
        self._llama = Llama(threads)
        self._embedder = Embedder(threads)

    async def root(self, _: Request) -> Response:
        return PlainTextResponse("Ollama is running")

    async def version(self, _: Request) -> Response:
        return JSONResponse({"version": f"0.0.0+embedded.{version('xllamacpp')}"})

    async def tags(self, _: Request) -> Response:
        return JSONResponse({"models": [self._listed(model) for model in self._models()]})

    async def running(self, _: Request) -> Response:
        expires = {"expires_at": (datetime.now(UTC) + _NEVER).isoformat(), "size_vram": 0}
        loaded = {self._llama.loaded.name: self._llama.loaded.context} if self._llama.loaded else {}
        models = [
            {**self._listed(model), **expires, "context_length": loaded.get(model.name, model.context)}
            for model in self._models()
            if model.name in loaded or (model.kind == "embedding" and self._embedder.is_loaded)
        ]
        return JSONResponse({"models": models})

    async def show(self, request: Request) -> Response:
        asked = await _read(request, ShowRequest)
        model = self._find(asked.model)
        info = {"general.architecture": model.family, f"{model.family}.context_length": model.context}
        capabilities = ["completion"] if model.kind == "chat" else ["embedding"]
        return JSONResponse(
            {
                "license": model.licence,
                "modelfile": self._modelfile(model),
                "details": _details(model),
                "model_info": info,
                "capabilities": capabilities,
                "modified_at": self._modified(model),
            }
        )

    async def chat(self, request: Request) -> Response:
        return await self._complete(request, await _read(request, ChatRequest))

    async def generate(self, request: Request) -> Response:
        return await self._complete(request, await _read(request, GenerateRequest))

    async def embed(self, request: Request) -> Response:
        asked = await _read(request, EmbedRequest)
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        began = time.perf_counter()
        embedded = await _while_connected(request, self._embed(asked, texts, asked.truncate))
        vectors = [_shortened(vector, asked.dimensions) for vector in embedded.vectors]
        total = time.perf_counter() - began
        answer = {
            "model": asked.model,
            "embeddings": vectors,
            "total_duration": int(total * 1e9),
            "load_duration": int(embedded.load_seconds * 1e9),
            "prompt_eval_count": embedded.tokens,
        }
        # Thousands of numbers: in an eighth of the time of json.dumps.
        return Response(to_json(answer), media_type="application/json")

    async def embeddings(self, request: Request) -> Response:
        """Ollama's older route: one text, one vector."""
        asked = await _read(request, EmbeddingsRequest)
        embedded = await _while_connected(request, self._embed(asked, [asked.prompt], truncate=True))
        return JSONResponse({"embedding": embedded.vectors[0]})

    async def blob(self, request: Request) -> Response:
        """No model here was made from a blob, so none is there."""
        return Response(status_code=404) if request.method == "HEAD" else await self.read_only(request)

    async def read_only(self, _: Request) -> Response:
        raise ApiError(501, "the models of the embedded server are files: `lexiquery models pull` fetches them")

    async def close(self) -> None:
        await self._llama.unload()

    async def _complete(self, request: Request, asked: ChatRequest | GenerateRequest) -> Response:
        completion.check_supported(asked)
        if completion.loads_only(asked):
            return JSONResponse(await self._load_or_unload(asked))
        wanted = await self._wanted(asked)
        parts = completion.complete(self._llama, wanted, asked)
        if not asked.stream:
            return JSONResponse(await _while_connected(request, completion.whole(parts)))
        # The first part decides the status: an error before it is an error of the whole request.
        first = await _while_connected(request, anext(parts))
        return StreamingResponse(_lines(first, parts), media_type="application/x-ndjson")

    async def _load_or_unload(self, asked: ChatRequest | GenerateRequest) -> Json:
        """Any model is unloaded in this way, also one that can't chat."""
        if asked.unloads:
            model = self._find(asked.model)
            await (self._llama.unload(model.name) if model.kind == "chat" else self._embedder.unload())
            return completion.nothing_said(asked, "unload")
        async with self._llama.use(await self._wanted(asked)):
            return completion.nothing_said(asked, "load")

    async def _wanted(self, asked: ChatRequest | GenerateRequest) -> Loaded:
        """Like Ollama, a window that the model was not trained for is lowered to the model's."""
        model = self._find(asked.model, "chat")
        (path,) = await asyncio.to_thread(self._locate, model)
        adapter = self._adapter_of(model)
        context = min(asked.options.num_ctx or self._num_ctx, model.context)
        return Loaded(model.name, path, context, adapter.path if adapter else None)

    async def _embed(self, asked: EmbedRequest | EmbeddingsRequest, texts: list[str], truncate: bool) -> Embedded:
        model = self._find(asked.model, "embedding")
        embedded = await self._embedder.embed(lambda: self._locate(model), texts, model.context, truncate)
        if asked.unloads:
            await self._embedder.unload()
        return embedded

    def _locate(self, model: ModelEntry) -> list[Path]:
        try:
            return locate(model.name, self._models_path, self._manifest)
        except ModelFileCorrupt as error:
            raise ApiError(500, str(error)) from error
        except ModelUnavailable as error:
            raise ApiError(404, f"model '{model.name}' not found") from error

    def _models(self) -> list[ModelEntry]:
        return [model for model in installed(self._models_path, self._manifest) if model.kind != "tokens"]

    def _find(self, name: str, kind: str | None = None) -> ModelEntry:
        try:
            model = self._manifest.find(name)
        except NotFound as error:
            raise ApiError(404, f"model '{name}' not found") from error
        if model.kind == "tokens" or not (self._models_path / model.files[0].file).exists():
            raise ApiError(404, f"model '{name}' not found")
        if kind and model.kind != kind:
            raise ApiError(400, f'"{name}" does not support {"chat" if kind == "chat" else "embeddings"}')
        return model

    def _listed(self, model: ModelEntry) -> Json:
        name = model.name if ":" in model.name else f"{model.name}:latest"
        digest, adapter = model.files[0].sha256, self._adapter_of(model)
        return {
            "name": name,
            "model": name,
            "modified_at": self._modified(model),
            "size": model.size,
            "digest": adapter.digest(digest) if adapter else digest,
            "details": _details(model),
        }

    def _adapter_of(self, model: ModelEntry) -> Adapter | None:
        return self._adapter if self._adapter and self._adapter.model == model.name else None

    def _modelfile(self, model: ModelEntry) -> str:
        adapter = self._adapter_of(model)
        return f"FROM {self._models_path / model.files[0].file}" + (f"\nADAPTER {adapter.path}" if adapter else "")

    def _modified(self, model: ModelEntry) -> str:
        changed = (self._models_path / model.files[0].file).stat().st_mtime
        return datetime.fromtimestamp(changed, UTC).isoformat()


def embedded_app(
    models_path: Path,
    *,
    num_ctx: int,
    threads: int,
    manifest: Manifest | None = None,
    adapter: Adapter | None = None,
) -> Starlette:
    """Ollama's API over the models that lie in `models_path`. Models are loaded on first use."""
    face = Face(models_path, num_ctx=num_ctx, threads=threads, manifest=manifest, adapter=adapter)
    routes = [
        Route("/", face.root),
        Route("/api/version", face.version),
        Route("/api/tags", face.tags),
        Route("/api/ps", face.running),
        Route("/api/show", face.show, methods=["POST"]),
        Route("/api/chat", face.chat, methods=["POST"]),
        Route("/api/generate", face.generate, methods=["POST"]),
        Route("/api/embed", face.embed, methods=["POST"]),
        Route("/api/embeddings", face.embeddings, methods=["POST"]),
        *(Route(f"/api/{changes}", face.read_only, methods=["POST"]) for changes in ("pull", "push", "create", "copy")),
        Route("/api/delete", face.read_only, methods=["DELETE"]),
        Route("/api/blobs/{digest}", face.blob, methods=["HEAD", "POST"]),
    ]

    @asynccontextmanager
    async def unloaded_at_end(_: Starlette) -> AsyncIterator[None]:
        yield
        await face.close()

    handlers: Any = {ApiError: _api_error, HTTPException: _http_error}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=unloaded_at_end)


async def _read(request: Request, body: type[Body]) -> Body:
    """Ollama's client sends JSON whatever the content type says; so that is not asked."""
    content = await request.body()
    if not content.strip():
        raise ApiError(400, "missing request body")
    try:
        return body.model_validate_json(content)
    except ValidationError as error:
        raise bad_body(error) from error


async def _while_connected(request: Request, work: Awaitable[T]) -> T:
    """The work's result; the work is cancelled when the client goes away."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request.receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ApiError(_CLIENT_LEFT, "the client closed the connection")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lines(first: Json, rest: AsyncIterator[Json]) -> AsyncIterator[bytes]:
    """One JSON a line; an error after the first line is a line, as in Ollama's streams."""
    yield _line(first)
    try:
        async for part in rest:
            yield _line(part)
    except ApiError as error:
        yield _line({"error": error.message})


def _line(part: Json) -> bytes:
    return json.dumps(part, ensure_ascii=False).encode() + b"\n"


def _shortened(vector: list[float], dimensions: int | None) -> list[float]:
    if dimensions is None or dimensions >= len(vector):
        return vector
    kept = vector[:dimensions]
    length = sum(value * value for value in kept) ** 0.5
    return [value / length for value in kept] if length else kept


def _details(model: ModelEntry) -> Json:
    return {
        "parent_model": "",
        "format": Path(model.files[0].file).suffix.removeprefix("."),
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters,
        "quantization_level": model.quantization,
    }


async def _api_error(_: Request, error: ApiError) -> Response:
    return JSONResponse({"error": error.message}, error.status)


async def _http_error(_: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": f"{error.status_code} {error.detail.lower()}"}, error.status_code, error.headers)
