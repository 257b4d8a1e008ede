"""What the settings say of agents is checked before anything starts; lost calls are closed for as long as it runs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core_engine.agent_server import serve_agent
from core_engine.bootstrap import open_lexiquery
from shared.errors import InvalidInput
from shared.ledger import Ledger
from shared.settings import Settings
from tests.shared.ledger.calls import NOW, call, move_elsewhere


async def test_an_unknown_agent_in_the_settings_gets_the_nearest_name(settings: Settings) -> None:
    wrong = settings.model_copy(update={"agents": {"slq": "http://127.0.0.1:9022"}})
    with pytest.raises(InvalidInput, match=r"LEXIQUERY_AGENTS names 'slq', .*; did you mean 'sql'\?"):
        async with open_lexiquery(wrong):
            pass
    assert not settings.data_dir.exists()


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_only_loopback_is_this_machine(settings: Settings, host: str, local: bool) -> None:
    assert settings.model_copy(update={"host": host}).is_local is local


async def is_closed_when_it_is_lost(ledger: Ledger) -> bool:
    await ledger.begin(call("old", started_at=NOW - timedelta(hours=2)))
    await move_elsewhere(ledger)
    async with asyncio.timeout(10):
        while [one.status for one in await ledger.calls("j1")] != ["lost"]:  # noqa: ASYNC110 -- no event tells it
            await asyncio.sleep(0.02)
    return True


async def test_a_running_lexiquery_closes_lost_calls(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ledger.losses.LOOK_SECONDS", 0.02)
    async with open_lexiquery(settings) as opened:
        assert await is_closed_when_it_is_lost(opened.state.ledger)


async def test_an_agent_that_serves_closes_lost_calls(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[bool] = []

    async def serve(*_: Any, ledger: Ledger, **__: Any) -> None:
        served.append(await is_closed_when_it_is_lost(ledger))

    monkeypatch.setattr("shared.ledger.losses.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("core_engine.agent_server.run_agent_server", serve)
    await serve_agent("sql", settings.model_copy(update={"port": 0}))
    assert served == [True]
