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
from shared.errors import InvalidInput, NotFound
from shared.settings import Settings
from tests.core_engine.test_runbooks import SHIPPING, House, house

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


async def test_what_a_labelled_runbook_says_is_told_to_those_who_carry_the_label(
    house: House, client: httpx.AsyncClient
) -> None:
    await house.write(SHIPPING + "\nAlert: VaultTilted\n", labels=["team-a"])
    carried = {"label": ["team-b", "team-a"]}
    assert (await client.post("/knowledge/check")).json()["counts"] == {}
    assert (await client.get("/knowledge/check")).json()["queries"] == []
    assert (await client.get("/knowledge/terms", params={"label": "team-b"})).json() == []

    async def about(named: str, params: dict[str, list[str]]) -> list[str]:
        survey = (await client.get("/knowledge/graph", params={"q": named, **params})).json()
        return [one["kind"] for one in survey["about"]]

    assert (await about("late order", {}), await about("VaultTilted", {})) == (["table"], [])
    assert (await about("late order", carried), await about("VaultTilted", carried)) == (["term"], ["alert"])
    assert (await client.post("/knowledge/check", params=carried)).json()["counts"] == {"proven": 1}
    assert len((await client.get("/knowledge/check", params=carried)).json()["queries"]) == 1
    [_, late] = (await client.get("/knowledge/terms", params=carried)).json()
    for verb in ("accept", "reject"):
        refused = await client.post(f"/knowledge/terms/{late['id']}/{verb}")
        assert (refused.status_code, late["id"] in refused.json().get("suggestion", "")) == (404, False)
    assert (await client.post(f"/knowledge/terms/{late['id']}/accept", params=carried)).status_code == 422
    rejected = await client.post(f"/knowledge/terms/{late['id']}/reject", params=carried)
    assert rejected.json()["status"] == "rejected"


async def test_commands_without_a_runbook_say_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    assert (await knowledge_commands.sop_check(None, every=False)).text == "queries in runbooks: no queries"
    assert (await knowledge_commands.glossary_propose(None)).text.startswith("no term yet")
    assert (await knowledge_commands.graph_about("orders", 5)).text.startswith("nothing is known about it\n")
    assert (await knowledge_commands.graph_show()).text.startswith("nothing is known yet")
    with pytest.raises(InvalidInput, match="'open' is no status of a term"):
        await knowledge_commands.glossary_list(None, "open")
    with pytest.raises(InvalidInput, match="name the terms to accept"):
        await knowledge_commands.glossary_accept([], every=False, condition=None, table=None, group=None)
    for ids in ([], ["1", "2"]):
        with pytest.raises(InvalidInput, match="a condition is of one term"):
            await knowledge_commands.glossary_accept(ids, every=not ids, condition="1 = 1", table=None, group=None)


async def test_commands_with_an_unknown_name_do_nothing(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    await house.runbooks.learn()
    late = await house.proposal("late order")
    how = {"condition": None, "table": None}
    with pytest.raises(NotFound, match="unknown term 'nosuch'"):
        await knowledge_commands.glossary_accept([late, "nosuch"], every=False, group=None, **how)
    with pytest.raises(NotFound, match="unknown term 'nosuch'"):
        await knowledge_commands.glossary_reject([late, "nosuch"])
    assert {one.status for one in await house.runbooks.terms.all()} == {"proposed"}
    for unknown in (
        knowledge_commands.glossary_list("shopp", None),
        knowledge_commands.glossary_propose("shopp"),
        knowledge_commands.glossary_accept([], every=True, group="shopp", **how),
    ):
        with pytest.raises(NotFound, match=r"unknown schema group 'shopp'; did you mean 'shop'\?"):
            await unknown
    assert len((await knowledge_commands.glossary_list("shop", None)).value) == 2
