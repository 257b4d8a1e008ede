"""What MCP's tools and resources take of the product, in this process and over HTTP: real agents, a scripted model."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from a2a.types import AgentSkill

from core_engine.bootstrap import LexiQuery, open_lexiquery
from core_engine.product import LocalProduct
from core_engine.remote import RemoteProduct
from core_engine.server import build_app
from protocol_interface.product import Explanation, GroupSummary
from shared.a2a.card import build_card
from shared.documents import IngestRequest, SentDocument
from shared.errors import InvalidInput, NotFound, QueryRejected
from shared.models import QueryRequest, Question
from shared.settings import Settings
from tests.core_engine.conftest import HOSTS
from tests.scripted_ollama import ScriptedOllama

URL = "http://127.0.0.1:8000"
PEER = build_card(
    name="promql",
    description="Writes PromQL",
    version="1",
    url="http://promql.agents.localhost",
    secured=False,
    skills=[AgentSkill(id="query", name="Query", description="Queries", tags=["platform:promql"])],
)
QUERY = "SELECT name FROM hosts WHERE cores > 4 LIMIT 10"


@pytest.fixture
async def whole(settings: Settings, scripted_ollama: ScriptedOllama) -> AsyncIterator[LexiQuery]:
    scripted_ollama.models.append("tiny:latest")
    changes = {"ollama_host": scripted_ollama.url, "model": "tiny", "embedding_model": settings.embedding_model_name}
    async with open_lexiquery(settings.model_copy(update=changes)) as opened:
        await opened.state.catalogs.put(HOSTS)
        yield opened


def asked(query: str, group: str = "estate") -> QueryRequest:
    return QueryRequest(platform="sql", schema_group=group, query=query)


async def test_both_products_say_the_same(whole: LexiQuery) -> None:
    transport = httpx.ASGITransport(build_app(whole, URL))
    runbook = SentDocument(filename="hosts/web.md", content_base64=base64.b64encode(b"# Web\n\nRestart it.\n").decode())
    await whole.product.add_procedures(IngestRequest(documents=[runbook]))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        products: list[LocalProduct | RemoteProduct] = [whole.product, RemoteProduct(client)]
        for product in products:
            await _is_complete(product)
        before = [await product.agents_version() for product in products]
        await whole.registry.register(PEER, url=PEER.supported_interfaces[0].url)
        assert all([await one.agents_version() != version for one, version in zip(products, before, strict=True)])


async def test_a_runbook_with_labels_is_forgotten_and_looked_back_at_by_who_carries_one(whole: LexiQuery) -> None:
    runbook = SentDocument.of("secret/vault.md", b"# Vault\n\nUnseal it.\n")
    await whole.product.add_procedures(IngestRequest(documents=[runbook], labels=["team-a"]))
    transport = httpx.ASGITransport(build_app(whole, URL))
    async with httpx.AsyncClient(transport=transport, base_url=f"{URL}/api/v1/procedures/") as client:
        for labels in ({}, {"labels": "team-b"}):
            asked_for = {"name": "secret/vault.md", **labels}
            assert (await client.get("history", params=asked_for)).status_code == 404
            assert (await client.delete("secret/vault.md", params=labels)).status_code == 404
        carried = {"name": "secret/vault.md", "labels": "team-a"}
        assert len((await client.get("history", params=carried)).json()) == 1
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        report = await RemoteProduct(client).remove_procedure("secret/vault.md", ["team-b", "team-a"])
    assert report.removed == ["secret/vault.md"]


async def test_an_upload_replaces_what_its_sender_sees_and_nobody_speaks_for_folders(whole: LexiQuery) -> None:
    transport = httpx.ASGITransport(build_app(whole, URL))
    async with httpx.AsyncClient(transport=transport, base_url=f"{URL}/api/v1/") as client:

        async def upload(text: bytes, **form: str) -> dict[str, list[str]]:
            answered = await client.post("procedures/upload", files={"files": ("vault.md", text)}, data=form)
            report: dict[str, list[str]] = answered.json()
            return report

        assert (await upload(b"# Vault\n\nUnseal it.\n", labels="team-a"))["added"] == ["vault.md"]
        assert (await upload(b"# Vault\n\nOpen it.\n"))["added"] == ["vault.md"]
        assert (await upload(b"# Vault\n\nUnseal it.\n", carried="team-a", labels="team-a"))["unchanged"]
        folder = {"folders": ["/srv/runbooks"], "allow_empty": True}
        refused = await client.post("procedures", json=folder)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        [document] = (await client.get("procedures")).json()
        assert "Open it." in (await client.get(f"procedures/{document['id']}")).json()["text"]


async def _is_complete(product: LocalProduct | RemoteProduct) -> None:
    assert await product.groups() == [GroupSummary(schema_group="estate", platform="sql", tables=1)]
    assert (await product.catalog("estate")).tables == HOSTS.tables
    assert [one.table for one in await product.find_tables("Which hosts have many cores?", "estate")] == ["hosts"]
    reads = "Reads hosts, filtered on cores, at most 10 rows."
    assert await product.explain(asked(QUERY)) == Explanation(explanation=reads, tables=["hosts"])
    (document,) = await product.procedures()
    assert document.source == "hosts/web.md"
    for name in (document.id, document.source):
        assert "Restart it." in (await product.procedure(name)).text
    version = await product.agents_version()
    assert version == await product.agents_version()
    journey_id = await product.start(Question(question="Which hosts are there?", agent="sql"))
    await product.answer(journey_id)
    answer = await product.peek(journey_id)
    assert answer is not None
    assert [(step.agent, step.skill) for step in answer.plan.steps] == [("sql", "query")]
    assert journey_id in [one.journey_id for one in await product.journeys()]
    await _says_what_is_wrong(product)


async def _says_what_is_wrong(product: LocalProduct | RemoteProduct) -> None:
    with pytest.raises(QueryRejected, match="the query can't be read"):
        await product.explain(asked("SELECT FROM WHERE"))
    with pytest.raises(NotFound, match="did you mean 'estate'"):
        await product.explain(asked(QUERY, "estat"))
    with pytest.raises(NotFound, match="did you mean 'estate'"):
        await product.catalog("estat")
    with pytest.raises(NotFound, match=r"unknown procedure 'hosts/db\.md'; did you mean 'hosts/web\.md'"):
        await product.procedure("hosts/db.md")
    with pytest.raises(NotFound, match="unknown agent 'slq'; did you mean 'sql'"):
        await product.start(Question(question="Which hosts are there?", agent="slq"))
    with pytest.raises(InvalidInput, match="the question has 9000 characters"):
        await product.find_tables("?" * 9000)
