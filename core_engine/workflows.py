"""The workflow runtime that journeys run on: DBOS, on the database of the settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from dbos import DBOS

from agents.data.sandbox import Sandbox
from core_engine.asking import Agents
from core_engine.journey import WORKFLOW_VERSION, Ended, Journeys
from core_engine.store import Store
from shared.catalog import Catalogs
from shared.ledger import Ledger


@asynccontextmanager
async def open_journeys(
    *,
    database_url: str,
    executor_id: str,
    store: Store,
    ledger: Ledger,
    agents: Agents,
    catalogs: Catalogs,
    sandbox: Sandbox,
    on_end: Sequence[Ended] = (),
) -> AsyncIterator[Journeys]:
    """The workflow runtime on its database (SQLite or PostgreSQL, SQLAlchemy URL); one a process.

    Journeys of this executor_id that a process left behind go on at once. on_end: told of every journey that ends here.
    """
    DBOS(
        config={
            "name": "lexiquery",
            "system_database_url": database_url,
            "application_version": WORKFLOW_VERSION,
            "executor_id": executor_id,
            "log_level": "ERROR",
            # It looks for messages between workflows, which we don't send, and closing waits for its next look.
            "notification_listener_polling_interval_sec": 0.05,
        }
    )
    journeys = Journeys(store=store, ledger=ledger, agents=agents, catalogs=catalogs, sandbox=sandbox, on_end=on_end)
    try:
        DBOS.launch()  # on this thread: journeys run on the event loop that launches it
        await journeys.recover()
        yield journeys
    finally:
        await journeys.close()
        DBOS.destroy(destroy_registry=True)
        # DBOS made its own thread pool the loop's default, and shut that down with itself.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="lexiquery"))
