from __future__ import annotations

import base64
from pathlib import Path

import pytest

from agents.knowledge.procedures import Procedures
from agents.knowledge.sop import Sop
from shared.errors import InvalidInput, NotFound
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
    content = base64.b64encode(b"# VPN down\n\nRestart the tunnel on gateway vpn-gw-1.").decode()
    report = await agent.run("ingest", {"filename": "vpn.md", "content_base64": content})
    assert report["added"] == ["vpn.md"]
    answer = await agent.run("search", {"question": "vpn-gw-1 is down"})
    assert [hit["source"] for hit in answer["hits"]] == ["vpn.md"]


@pytest.mark.parametrize(
    ("skill", "request_", "message"),
    [
        ("search", {}, "question: Field required"),
        ("search", {"question": "x", "limt": 3}, "limt: Extra inputs are not permitted"),
        ("ingest", {"filename": "x.md", "content_base64": "%%"}, "content_base64 is not base64"),
    ],
)
async def test_a_wrong_request_names_the_field(
    procedures: Procedures, skill: str, request_: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        await Sop(procedures).run(skill, request_)


async def test_an_unknown_skill_gets_the_nearest_name(procedures: Procedures) -> None:
    with pytest.raises(NotFound, match="did you mean 'search'"):
        await Sop(procedures).run("serch", {})
