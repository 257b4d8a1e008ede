"""Fixtures for every test: settings on a temporary data directory, a database, a model server, the metered client."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy.ext.asyncio import AsyncEngine

from data.seed.generate import generate
from shared import ledger as ledger_module
from shared.database import create_tables, open_database
from shared.errors import ModelUnavailable
from shared.ledger import Ledger
from shared.llm.client import Models
from shared.llm.models import pull
from shared.llm.runtime import open_models
from shared.settings import Settings
from tests.databases import postgresql_schema, sqlite_file
from tests.scripted_ollama import ScriptedOllama, scripted_server

# DBOS gives its logger the standard error of the test that imports it first, which is closed after that test.
logging.getLogger("dbos").addHandler(logging.NullHandler())
SMALL_MODEL = "qwen2.5-coder:0.5b"
LONGEST = ("load", "real_model", "public_data")
"""Marks of the tests that take longest, the longest first."""
# Modules and collected tests stay: looking for garbage among them after every 700 objects took a seventh of collecting.
gc.set_threshold(10_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first, so that no worker is left with one when the others are done."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    found = [LONGEST.index(mark.name) for mark in item.iter_markers() if mark.name in LONGEST]
    return min(found, default=len(LONGEST))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a fresh data directory; the developer's own environment doesn't reach them."""
    for name in [name for name in os.environ if name == "OLLAMA_HOST" or name.startswith("LEXIQUERY_")]:
        if name != "LEXIQUERY_PUBLIC_DATA":
            monkeypatch.delenv(name)
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture(scope="session")
def encoding_dir() -> Path:
    """Where the files that estimate tokens are; fetched when missing."""
    return _with_models("cl100k_base")


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """Where the 0.5B model, the embedding model and the encoding are; fetched when missing."""
    return _with_models(SMALL_MODEL, "all-minilm", "cl100k_base")


def _with_models(*names: str) -> Path:
    path = Path(os.environ.get("LEXIQUERY_MODEL_DIR", Path(__file__).parents[1] / "data/runtime/models"))
    try:
        for name in names:
            pull(name, path)
    except ModelUnavailable as error:
        pytest.skip(str(error))
    return path.resolve()


@pytest.fixture(scope="session")
def seed_folder(request: pytest.FixtureRequest) -> Path:
    """The seed's rows, in pytest's cache: their version says whether they are still right; one worker makes them."""
    assert request.config.cache is not None
    folder = Path(request.config.cache.mkdir("seed"))
    with FileLock(folder.with_suffix(".lock")):
        generate(folder)
    return folder


@pytest.fixture
def real_settings(settings: Settings, model_dir: Path) -> Settings:
    """Settings with the real embedded model of 0.5 billion parameters; mark such tests `real_model`."""
    return settings.model_copy(update={"model": SMALL_MODEL, "model_dir": model_dir, "model_threads": 1})


@pytest.fixture
def scripted_ollama() -> Iterator[ScriptedOllama]:
    with scripted_server() as server:
        yield server


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """A temporary SQLite with the ledger's tables."""
    opened = open_database(settings.sqlalchemy_url)
    await create_tables(opened, ledger_module.schema)
    yield opened
    await opened.dispose()


@pytest.fixture
async def ledger(engine: AsyncEngine) -> AsyncIterator[Ledger]:
    opened = Ledger(engine)
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger on SQLite, and one on PostgreSQL."""
    async with sqlite_file(tmp_path) if request.param == "sqlite" else postgresql_schema() as engine:
        await create_tables(engine, ledger_module.schema)
        ledger = Ledger(engine)
        yield ledger
        await ledger.close()


@asynccontextmanager
async def models_on(settings: Settings, ledger: Ledger, url: str) -> AsyncIterator[Models]:
    """The metered client on the Ollama at `url`, with the models of the embedded one."""
    changes = {"ollama_host": url, "embedding_model": settings.embedding_model_name}
    async with open_models(settings.model_copy(update=changes), ledger, ledger.engine) as opened:
        yield opened


@pytest.fixture
async def models(settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama) -> AsyncIterator[Models]:
    """The metered client on the scripted server."""
    async with models_on(settings, ledger, scripted_ollama.url) as opened:
        yield opened
