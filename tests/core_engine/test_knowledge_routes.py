"""What is made of the runbooks, over HTTP and by commands."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from agents.knowledge.graph.store import Survey
from core_engine import knowledge_commands
from core_engine.api_knowledge import add_knowledge
from core_engine.problems import install_problem_responses
from shared.errors import InvalidInput
from shared.settings import Settings
from tests.core_engine.test_runbooks import House, house

__all__ = ["house"]


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(telemetry={"auto_configure": False})
    install_problem_responses(app)
    add_knowledge(app.router, house.runbooks)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://lexiquery") as opened:
        yield opened


async def test_checks_terms_and_the_graph_are_reached_over_http(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/knowledge/check")).json()["counts"] == {}
    assert (await client.post("/knowledge/check")).json()["counts"] == {"proven": 1}
    [rule, late] = (await client.get("/knowledge/terms", params={"status": "proposed"})).json()
    accepted = await client.post(f"/knowledge/terms/{late['id']}/accept")
    assert accepted.json()["status"] == "accepted"
    assert [one.term for one in (await house.shop()).glossary] == ["late order"]
    refused = await client.post(f"/knowledge/terms/{rule['id']}/accept", json={"condition": "1 = 1"})
    assert (refused.status_code, refused.json()["code"]) == (422, InvalidInput.code)
    assert (await client.post(f"/knowledge/terms/{late['id']}/reject")).json()["status"] == "rejected"
    assert (await client.post("/knowledge/terms/nothing/reject")).status_code == 404
    survey = Survey.model_validate((await client.get("/knowledge/graph", params={"q": "orders"})).json())
    assert [one.source for one in survey.procedures] == ["shipping.md"]


async def test_commands_without_a_runbook_say_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    assert (await knowledge_commands.sop_check(None, every=False)).text == "queries in runbooks: no queries"
    assert (await knowledge_commands.glossary_propose(None)).text.startswith("no term yet")
    assert (await knowledge_commands.graph_about("orders", 5)).text == "nothing is known about it"
    assert (await knowledge_commands.graph_show()).text.startswith("nothing is known yet")
    with pytest.raises(InvalidInput, match="'open' is no status of a term"):
        await knowledge_commands.glossary_list(None, "open")
    with pytest.raises(InvalidInput, match="name the terms to accept"):
        await knowledge_commands.glossary_accept([], every=False, condition=None, table=None, group=None)
