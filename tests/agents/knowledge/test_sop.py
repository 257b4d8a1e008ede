from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from agents.knowledge.procedures import Procedures
from agents.knowledge.sop import Sop
from shared.documents import IngestRequest, SentDocument
from shared.errors import NotFound, first_problem
from shared.models import Hits


async def test_the_agent_finds_the_passage_and_where_it_stands(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder])
    answer = await Sop(procedures).run(
        "search", {"question": "disk almost full: find the largest folders of the filesystem"}
    )
    hit = Hits.model_validate(answer).hits[0]
    assert (hit.agent, hit.source) == ("sop", "runbooks/disk.md")
    assert hit.title.startswith("Disk almost full > ")
    assert 0 < len(hit.excerpt) <= 400
    assert 0 <= hit.score <= 1


async def test_an_uploaded_document_is_found(procedures: Procedures) -> None:
    agent = Sop(procedures)
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
async def test_a_wrong_request_names_the_field(
    procedures: Procedures, request_: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        await Sop(procedures).run("search", request_)
    assert first_problem(raised.value) == message


async def test_content_that_is_no_base64_is_reported(procedures: Procedures) -> None:
    document = {"filename": "x.md", "content_base64": "%%"}
    report = await Sop(procedures).run("ingest", {"documents": [document]})
    assert report["failed"][0]["reason"].startswith("content_base64 is not base64: ")


async def test_an_unknown_skill_gets_the_nearest_name(procedures: Procedures) -> None:
    with pytest.raises(NotFound, match="did you mean 'search'"):
        await Sop(procedures).run("serch", {})
