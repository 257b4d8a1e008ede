"""What is kept, and who owns it: enough for everything that needs no agent and no model (proofs, catalogs, costs)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from filelock import FileLock, Timeout
from sqlalchemy.ext.asyncio import AsyncEngine

import shared.llm.caching.sql_store
import shared.llm.keys
import shared.llm.prompt_history  # noqa: F401 -- the tables of these three are among the ledger's
from agents.data.connectors.connections import Connections
from agents.data.connectors.connections import schema as connections_schema
from agents.data.sandbox import Sandbox
from core_engine.store import Store
from core_engine.store import schema as store_schema
from shared.catalog import Catalogs
from shared.catalog import schema as catalog_schema
from shared.database import create_tables, open_database
from shared.errors import AlreadyRunning, StorageFailed
from shared.ledger import Ledger
from shared.ledger import schema as ledger_schema
from shared.ledger.alerts import Alerts
from shared.llm.rates import read_card
from shared.settings import Settings
from shared.telemetry import Telemetry, open_telemetry


@dataclass(frozen=True)
class State:
    """What is kept: enough for everything that needs no agent and no model (proofs, catalogs, costs)."""

    settings: Settings
    engine: AsyncEngine
    ledger: Ledger
    catalogs: Catalogs
    store: Store
    sandbox: Sandbox
    connections: Connections
    telemetry: Telemetry

    @property
    def currency(self) -> str | None:
        """Of the rate card, which budgets of money are in. Raises InvalidInput for a card that can't be read."""
        return _currency(self.settings)


@asynccontextmanager
async def open_state(settings: Settings) -> AsyncIterator[State]:
    """The databases, created when missing. Raises StorageFailed when the data directory can't be written."""
    _make_data_dir(settings)
    engine = open_database(settings.sqlalchemy_url)
    sandbox, telemetry = Sandbox(settings), open_telemetry(settings)
    currency = partial(_currency, settings)
    webhook = settings.alert_webhook.get_secret_value() if settings.alert_webhook else None
    alerts = Alerts(engine, currency, webhook)
    ledger = Ledger(engine, [telemetry.call_ended, alerts.ended], [alerts.ended], currency)
    try:
        await create_tables(engine, ledger_schema, catalog_schema, store_schema, connections_schema)
        yield State(
            settings=settings,
            engine=engine,
            ledger=ledger,
            catalogs=Catalogs(engine),
            store=Store(engine),
            sandbox=sandbox,
            connections=Connections(engine),
            telemetry=telemetry,
        )
    finally:
        sandbox.close()
        await ledger.close()
        await alerts.close()
        await telemetry.close()
        await engine.dispose()


def _currency(settings: Settings) -> str | None:
    return read_card(settings.rate_card).known_currency


def _make_data_dir(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"can't create the data directory {settings.data_dir}: {error.strerror}",
            suggestion="set LEXIQUERY_DATA_DIR to a folder that can be written",
        ) from error


def owner_lock(settings: Settings) -> FileLock:
    """Held by the one process that runs journeys and owns the vectors of a data directory."""
    return FileLock(settings.data_dir / "owner.lock", timeout=0)


@asynccontextmanager
async def own_data_dir(settings: Settings, *, url: str | None = None, wait: float = 0.0) -> AsyncIterator[None]:
    """Own the data directory; a server also says where it listens. wait: seconds to wait for another owner's end.

    Raises AlreadyRunning, naming the owner.
    """
    _make_data_dir(settings)
    notice = settings.data_dir / "server.json"
    lock = owner_lock(settings)
    await _acquire(lock, settings, wait)
    try:
        notice.unlink(missing_ok=True)
        if url:
            whole = notice.with_suffix(".new")
            whole.write_text(json.dumps({"url": url, "pid": os.getpid()}))
            whole.replace(notice)
        yield
    finally:
        notice.unlink(missing_ok=True)
        lock.release()


async def _acquire(lock: FileLock, settings: Settings, wait: float) -> None:
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        try:
            lock.acquire()
            return
        except Timeout as error:
            if asyncio.get_running_loop().time() >= deadline:
                where = running_server(settings)
                owner = f"the server at {where}" if where else "another lexiquery command"
                message = f"{settings.data_dir} is in use by {owner}"
                raise AlreadyRunning(message, suggestion="stop it, or wait for it") from error
        await asyncio.sleep(0.2)


def running_server(settings: Settings) -> str | None:
    """The URL of the server that owns the data directory, if one does."""
    notice = settings.data_dir / "server.json"
    if not notice.is_file():
        return None
    lock = owner_lock(settings)
    try:
        lock.acquire()
    except Timeout:
        with suppress(FileNotFoundError):  # its server has just ended
            return str(json.loads(notice.read_text())["url"])
        return None
    lock.release()
    return None
