from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.glossary import store as glossary
from agents.knowledge.graph import store as graph
from agents.knowledge.procedures import Procedures
from agents.knowledge.sop import Sop
from agents.knowledge.telling import Telling
from shared.database import create_tables
from shared.documents import IngestRequest, SentDocument
from shared.errors import NotFound, first_problem
from shared.models import Hits


@pytest.fixture
async def agent(procedures: Procedures, tables: AsyncEngine) -> Sop:
    await create_tables(tables, glossary.schema, graph.schema)
    return Sop(procedures, Telling(tables))


async def test_the_agent_finds_the_passage_and_where_it_stands(
    agent: Sop, procedures: Procedures, folder: Path
) -> None:
    await procedures.add([folder])
    answer = await agent.run("search", {"question": "disk almost full: find the largest folders of the filesystem"})
    hit = Hits.model_validate(answer).hits[0]
    assert (hit.agent, hit.source) == ("sop", "runbooks/disk.md")
    assert hit.title.startswith("Disk almost full > ")
    assert 0 < len(hit.excerpt) <= 400
    assert 0 <= hit.score <= 1


async def test_an_uploaded_document_is_found(agent: Sop) -> None:
    document = SentDocument.of("vpn.md", b"# VPN down\n\nRestart the tunnel on gateway vpn-gw-1.")
    report = await agent.run("ingest", IngestRequest(documents=[document]).model_dump())
    assert report["added"] == ["vpn.md"]
    answer = await agent.run("search", {"question": "vpn-gw-1 is down"})
    assert [hit["source"] for hit in answer["hits"]] == ["vpn.md"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "question: Field required"),
        ({"question": "x", "limt": 3}, "limt: Extra inputs are not permitted"),
        ({"question": " "}, "question: the question is empty"),
        ({"question": "x", "limit": 51}, "limit: Input should be less than or equal to 50"),
    ],
)
async def test_a_wrong_request_names_the_field(agent: Sop, request_: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        await agent.run("search", request_)
    assert first_problem(raised.value) == message


@pytest.mark.parametrize("content", ["%%", "YWJj=", "YWJj====", "YWI", "YWI==", "YWJj\n", "YWI=YWI="])
async def test_content_that_is_no_base64_is_reported_and_replaces_nothing(
    agent: Sop, procedures: Procedures, content: str
) -> None:
    await procedures.ingest(IngestRequest(documents=[SentDocument.of("x.md", b"# X")]))
    document = {"filename": "x.md", "content_base64": content}
    report = await agent.run("ingest", {"documents": [document]})
    [failed] = report["failed"]
    assert (failed["source"], report["updated"]) == ("x.md", [])
    assert failed["reason"].startswith("content_base64 is not base64: ")


async def test_an_unknown_skill_gets_the_nearest_name(agent: Sop) -> None:
    with pytest.raises(NotFound, match="did you mean 'search'"):
        await agent.run("serch", {})


async def test_a_hit_says_the_steps_that_follow_it(agent: Sop, procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder])
    answer = await agent.run("search", {"question": "DiskAlmostFull: find the largest folders"})
    assert Hits.model_validate(answer).hits[0].next == ["2. Look for rotated logs that nobody removed."]


async def test_a_survey_of_what_nobody_knows_is_empty(agent: Sop) -> None:
    assert (await agent.run("survey", {"question": "the payments service"}))["about"] == []
