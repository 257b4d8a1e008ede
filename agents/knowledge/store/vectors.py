"""The vectors of passages in Chroma: embedded in the data directory, or on a Chroma server.

We compute the embeddings; Chroma's own embedder, which downloads a model, is never made. Chroma is imported on first
use (it takes a second) and called in threads. The embedded store has one owner process.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit

import numpy as np

from shared.errors import StorageFailed
from shared.settings import Settings

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

_AT_ONCE = 1000
_SECONDS = 0.5
_OPENING = threading.Lock()
"""Chroma keeps its embedded stores in a table of the process that two threads must not fill at once."""
T = TypeVar("T")


async def chroma_answers(url: str) -> bool:
    """Whether a Chroma server is at the URL: within half a second, so that who asks is not kept waiting."""
    import httpx

    try:
        host, port, secure = _server(url)
        heartbeat = httpx.URL(scheme="https" if secure else "http", host=host, port=port, path="/api/v2/heartbeat")
        async with asyncio.timeout(_SECONDS), httpx.AsyncClient(trust_env=False, verify=secure) as client:
            return (await client.get(heartbeat)).is_success
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):  # TimeoutError is an OSError
        return False


def _server(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether by TLS. Raises ValueError for a port that is none."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    secure = parts.scheme == "https"
    return parts.hostname or "localhost", parts.port or (443 if secure else 8000), secure


class Vectors:
    """Unit vectors by passage id. A collection holds one embedding model's: another model starts an empty one.

    Every method raises StorageFailed when Chroma can't be reached or written.
    """

    def __init__(self, settings: Settings, collection: str) -> None:
        self._settings = settings
        self._name = re.sub(r"[^A-Za-z0-9._-]", "-", f"{collection}.{settings.embedding_model_name}").strip(".-_")
        self._client: Client | None = None
        self._opened: Collection | None = None
        self._opening = asyncio.Lock()

    async def ids(self, among: Sequence[str] | None = None) -> set[str]:
        """Of all vectors, or of those `among` some."""

        def get(collection: Collection) -> set[str]:
            wanted = None if among is None else list(among)
            return set(collection.get(wanted, include=[])["ids"])

        return set() if among is not None and not among else await self._call(get)

    async def add(self, ids: Sequence[str], vectors: Sequence[Sequence[float]]) -> None:
        def add(collection: Collection) -> None:
            for start in range(0, len(ids), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                collection.upsert(list(ids[some]), embeddings=np.array(vectors[some], dtype=np.float32))

        await self._call(add)

    async def delete(self, ids: Sequence[str]) -> None:
        def delete(collection: Collection) -> None:
            for start in range(0, len(ids), _AT_ONCE):
                collection.delete(list(ids[start : start + _AT_ONCE]))

        await self._call(delete)

    async def nearest(self, vector: Sequence[float], limit: int) -> dict[str, float]:
        """The `limit` nearest passages with their cosine to `vector`, nearest first."""

        def query(collection: Collection) -> dict[str, float]:
            found = collection.query(
                query_embeddings=np.array([vector], dtype=np.float32), n_results=limit, include=["distances"]
            )
            distances = found["distances"] or [[]]
            return {key: 1.0 - distance for key, distance in zip(found["ids"][0], distances[0], strict=True)}

        return await self._call(query)

    async def cosines(self, vector: Sequence[float], ids: Sequence[str]) -> dict[str, float]:
        """The cosine to `vector` of those of `ids` that have a vector."""

        def get(collection: Collection) -> dict[str, float]:
            found = collection.get(list(ids), include=["embeddings"])
            matrix = np.array(found["embeddings"], dtype=np.float32).reshape(-1, len(vector))
            return dict(zip(found["ids"], (matrix @ np.array(vector, dtype=np.float32)).tolist(), strict=True))

        return await self._call(get) if ids else {}

    async def close(self) -> None:
        if self._client is not None:
            client, self._client, self._opened = self._client, None, None
            await asyncio.to_thread(client.close)

    async def _call(self, work: Callable[[Collection], T]) -> T:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._open)
            if self._opened is None:
                self._opened = await asyncio.to_thread(self._collection, self._client)
            collection = self._opened
        try:
            return await asyncio.to_thread(self._guarded, lambda: work(collection))
        except StorageFailed:
            self._opened = None  # whoever has the server may have deleted it
            raise

    def _open(self) -> Client:
        import chromadb
        from chromadb.config import Settings as ChromaSettings

        quiet = ChromaSettings(anonymized_telemetry=False)

        def connect() -> ClientAPI:
            if not (url := self._settings.chroma_url):
                with _OPENING:
                    return chromadb.PersistentClient(self._settings.data_dir / "chroma", settings=quiet)
            host, port, secure = _server(url)
            return chromadb.HttpClient(host, port, ssl=secure, settings=quiet)

        # Both give a Client; their annotation says its base, which has no close().
        return cast("Client", self._guarded(connect))

    def _collection(self, client: Client) -> Collection:
        return self._guarded(
            lambda: client.get_or_create_collection(
                self._name, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
            )
        )

    def _guarded(self, work: Callable[[], T]) -> T:
        import httpx
        from chromadb.errors import ChromaError

        try:
            return work()
        except (ChromaError, httpx.HTTPError, OSError, ValueError) as error:
            # Chroma says "not reachable" as a ValueError.
            place = self._settings.chroma_url or self._settings.data_dir / "chroma"
            raise StorageFailed(f"the vector store at {place} failed: {error}") from error
