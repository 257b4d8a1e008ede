"""The vector store, embedded and as a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.knowledge.store.vectors import Vectors
from shared.errors import StorageFailed
from shared.settings import Settings
from tests.agents.knowledge.chroma import chroma_served
from tests.agents.serving import loopback_socket


@pytest.fixture
def chroma_server(tmp_path: Path) -> Iterator[str]:
    """The URL of one on a port of its own."""
    with loopback_socket() as listener:
        port = listener.getsockname()[1]
    with chroma_served(tmp_path, port) as url:
        yield url


async def test_a_server_keeps_the_vectors_of_every_process_that_uses_it(chroma_server: str, settings: Settings) -> None:
    settings = settings.model_copy(update={"chroma_url": chroma_server})
    one, other = Vectors(settings, "procedures"), Vectors(settings, "procedures")
    await one.add(["a", "b", "c"], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    assert list(await other.nearest([1.0, 0.0], 2)) == ["a", "b"]
    await other.delete(["a"])
    assert await one.ids() == {"b", "c"}
    assert await one.cosines([1.0, 0.0], ["a", "b"]) == pytest.approx({"b": 0.6})
    assert not (settings.data_dir / "chroma").exists()
    await one.close()
    await other.close()


async def test_the_embedded_store_is_read_again_by_the_next_owner(settings: Settings) -> None:
    first = Vectors(settings, "procedures")
    await first.add(["a", "b"], [[1.0, 0.0], [0.6, 0.8]])
    await first.close()
    second = Vectors(settings, "procedures")
    assert await second.nearest([1.0, 0.0], 5) == pytest.approx({"a": 1.0, "b": 0.6})
    assert await second.ids(["b", "z"]) == {"b"}
    await second.close()


async def test_a_server_that_is_away_is_named(settings: Settings) -> None:
    away = Vectors(settings.model_copy(update={"chroma_url": "http://127.0.0.1:9"}), "procedures")
    with pytest.raises(StorageFailed, match=r"http://127\.0\.0\.1:9"):
        await away.ids()
