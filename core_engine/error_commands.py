"""What the commands of `lexiquery errors` do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from agents.knowledge.known_errors.index import (
    ForgetRequest,
    KeepRequest,
    KnownError,
    read_known_errors,
    stored_errors,
)
from agents.knowledge.search.excerpts import shortened
from agents.knowledge.store.tables import schema
from core_engine.remote import RemoteProduct
from core_engine.results import DONE, FAILED, Result, listed, opened_state, quiet_settings
from core_engine.session import WAIT_SECONDS, remote_client
from core_engine.state import running_server
from shared.database import create_tables
from shared.documents import Failure, IngestReport
from shared.errors import NotFound

_AGENT = "known_errors"
_SENT_AT_ONCE = 100


class _Keeper(Protocol):
    async def invoke(self, agent: str, skill: str, request: dict[str, Any]) -> dict[str, Any]: ...


async def add(files: Sequence[Path]) -> Result:
    errors, failed = await asyncio.to_thread(_read, files)
    report = IngestReport()
    async with _opened_keeper() as keeper:
        for start in range(0, len(errors), _SENT_AT_ONCE):
            request = KeepRequest(errors=errors[start : start + _SENT_AT_ONCE])
            kept = await keeper.invoke(_AGENT, "keep", request.model_dump())
            report = report.plus(IngestReport.heard(kept))
    report.failed += failed
    return Result(report, report.render(), FAILED if failed else DONE)


def _read(files: Sequence[Path]) -> tuple[list[KnownError], list[Failure]]:
    errors: list[KnownError] = []
    failed: list[Failure] = []
    taken: set[str] = set()
    for file in files:
        read, broken = read_known_errors(file, taken)
        errors += read
        failed += broken
    return errors, failed


async def list_errors() -> Result:
    found = sorted((await _stored()).items(), key=lambda one: (one[1].id, one[0]))
    lines = [
        {
            "id": error.id,
            "title": error.title,
            "services": ", ".join(error.services) or None,
            "signature": shortened(error.signature, 80),
            "source": location.rsplit("/", 1)[-1],
        }
        for location, error in found
    ]
    text = listed(lines, "no known error yet; `lexiquery errors add FILE` adds some").text
    return Result([error for _, error in found], text)


async def remove(ids: Sequence[str]) -> Result:
    """None is removed where an id is unknown."""
    known = [error.id for error in (await _stored()).values()]
    wanted = list(dict.fromkeys(ids))
    for error_id in wanted:
        if error_id not in known:
            raise NotFound.named("known error", error_id, known)
    report = IngestReport()
    async with _opened_keeper() as keeper:
        for error_id in wanted:
            removed = await keeper.invoke(_AGENT, "forget", ForgetRequest(id=error_id).model_dump())
            report = report.plus(IngestReport.heard(removed))
    return Result(report, f"removed {', '.join(report.removed)}")


async def _stored() -> dict[str, KnownError]:
    """Every known error, by location."""
    async with opened_state() as state:
        await create_tables(state.engine, schema)
        return await stored_errors(state.engine)


@asynccontextmanager
async def _opened_keeper() -> AsyncIterator[_Keeper]:
    """The agents of the server that owns the data directory if one runs, else of this process."""
    settings = quiet_settings()
    if url := running_server(settings):
        async with remote_client(settings, url) as client:
            yield _RemoteKeeper(client)
        return
    from core_engine.bootstrap import open_lexiquery

    async with open_lexiquery(settings, wait=WAIT_SECONDS) as lexiquery:
        yield lexiquery.client


class _RemoteKeeper(RemoteProduct):
    async def invoke(self, agent: str, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        task = {"agent_id": agent, "skill": skill, "input": request}
        output: dict[str, Any] = (await self._send("POST", "/a2a/task/invoke", task))["output"]
        return output
