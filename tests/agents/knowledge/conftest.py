"""Procedures and known errors on a temporary data directory, with the scripted server's embeddings."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest.reader import Reader
from agents.knowledge.known_errors.index import KnownErrorIndex
from agents.knowledge.library import Library
from agents.knowledge.procedures import Procedures
from agents.knowledge.store.tables import schema
from shared.database import create_tables
from shared.llm.client import Models
from shared.settings import Settings

DISK = """# Disk almost full

## Meaning

The filesystem of a host has less than ten percent of space left.

## Diagnosis

1. Find the largest folders.

   ```bash
   df -h

   du -xh / | sort -h
   ```

2. Look for rotated logs that nobody removed.

## Mitigation

Remove old logs under /var/log/archive, then run logrotate. Alert name: DiskAlmostFull.
"""
CERTIFICATE = """# Certificate expires soon

A TLS certificate of a public service is about to expire. Renew it with certbot and reload nginx.
"""
SIGN_IN = """# Brute force sign-in

Many failed sign-ins of one account from one address. A failed sign-in has ResultType other than 0 in SigninLogs.

```kql
SigninLogs | where ResultType != 0 | summarize count() by UserPrincipalName, IPAddress
```
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runbooks in a folder of their own."""
    runbooks = tmp_path / "runbooks"
    runbooks.mkdir()
    for name, text in (("disk.md", DISK), ("certificate.md", CERTIFICATE), ("sign-in.md", SIGN_IN)):
        (runbooks / name).write_text(text)
    return runbooks


@pytest.fixture
async def tables(engine: AsyncEngine) -> AsyncEngine:
    await create_tables(engine, schema)
    return engine


@pytest.fixture
async def library(tables: AsyncEngine, models: Models, settings: Settings) -> AsyncIterator[Library]:
    opened = Library(tables, models, settings, "procedures")
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    """One process that reads documents, for all the tests."""
    opened = Reader(Settings())
    yield opened
    opened.close()


@pytest.fixture
async def procedures(
    tables: AsyncEngine, models: Models, settings: Settings, reader: Reader
) -> AsyncIterator[Procedures]:
    opened = Procedures(tables, models, settings, reader)
    yield opened
    await opened.close()


@pytest.fixture
async def known_errors(tables: AsyncEngine, models: Models, settings: Settings) -> AsyncIterator[KnownErrorIndex]:
    opened = KnownErrorIndex(tables, models, settings)
    yield opened
    await opened.close()


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The addresses that this process connects to or asks a name server for, from here on."""
    made: list[tuple[str, int]] = []
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def noted_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            made.append((address[0], address[1]))
        connect(self, address)

    def noted_resolve(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        made.append((str(host), int(port or 0)))
        return resolve(host, port, *rest, **named)

    monkeypatch.setattr(socket.socket, "connect", noted_connect)
    monkeypatch.setattr(socket, "getaddrinfo", noted_resolve)
    return made
