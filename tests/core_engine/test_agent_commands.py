"""`lexiquery agents …`, on a registry in this process and on that of a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from fastapi import FastAPI
from typer.testing import CliRunner

from core_engine import agent_commands
from core_engine.agent_directory import LocalDirectory
from core_engine.cli import app
from core_engine.problems import install_problem_responses
from core_engine.remote import RemoteProduct
from protocol_interface.a2a_client import A2AClient
from protocol_interface.a2a_routes import a2a_router
from protocol_interface.registry import Registry, schema
from shared.database import create_tables, open_database
from tests.protocol_interface.registry.cards import card, skill

URL = "http://93.184.215.14"
GUEST = card("guest one", skill("guess", "platform:esql"), description="Guesses what is missing", url=URL)


@pytest.fixture(params=["here", "at a server"], autouse=True)
def product(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What commands open: LexiQuery without its models and journeys."""

    @asynccontextmanager
    async def opened(_: Any) -> AsyncIterator[Any]:
        engine = open_database(f"sqlite:///{tmp_path}/registry.db")
        await create_tables(engine, schema)
        registry = Registry(engine)
        await registry.register(card("kql", skill("query", "platform:kql")), url="http://kql.example")
        if request.param == "here":
            yield SimpleNamespace(agents=LocalDirectory(registry))
        else:
            server = FastAPI()
            install_problem_responses(server)
            server.include_router(a2a_router(registry, cast("A2AClient", None)))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://server") as client:
                yield RemoteProduct(client)
        await engine.dispose()

    monkeypatch.setattr(agent_commands, "open_product", opened)


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "guest.json").write_text(json.dumps(agent_card_to_dict(GUEST)))
    return str(tmp_path / "guest.json")


def run(*words: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(app, ["agents", *words])
    assert done.exit_code == exit_code, done.output
    return done.output


def test_an_agent_is_registered_by_its_card_found_shown_and_removed(file: str) -> None:
    assert run("register", file) == f"registered guest one at {URL}\n"
    found = json.loads(run("list", "--platform", "esql", "--text", "missing", "--json"))
    assert [(agent["id"], agent["source"], agent["signature"]) for agent in found] == [("guest one", "card", "none")]
    assert "kql" not in run("list", "--skill", "guess", "--tag", "platform:esql")
    assert run("list", "--dead").count("\n") == 1
    shown = run("show", "guest one")
    assert "guest one 1: Guesses what is missing" in shown
    assert "skill guess (platform:esql): can guess" in shown
    assert f"{URL}  not asked yet" in shown
    assert json.loads(run("show", "guest one", "--json"))["versions"][0]["version"] == "1"
    assert run("remove", "guest one") == "removed guest one\n"
    assert "unknown agent 'guest one'" in run("show", "guest one", exit_code=2)
    assert "agent 'kql' is LexiQuery's own" in run("remove", "kql", exit_code=1)


def test_the_registry_goes_into_a_file_and_comes_back(file: str, tmp_path: Path) -> None:
    run("register", file)
    out = str(tmp_path / "agents.json")
    assert run("export", "--out", out) == f"wrote 2 agents to {out}\n"
    assert json.loads(run("export")) == json.loads(Path(out).read_text())
    run("remove", "guest one")
    assert run("import", out) == "registered 1, skipped 1 of LexiQuery's own\n"
    assert "guest one" in run("list")
    changed = json.loads(Path(out).read_text())
    changed["agents"][1]["replicas"][0]["url"] = "http://10.0.0.1"
    Path(out).write_text(json.dumps(changed))
    assert "refused guest one: '10.0.0.1' is at 10.0.0.1, which is not public" in run("import", out, exit_code=1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("register", "nothing.json"), "'nothing.json' is no http or https URL"),
        (("register", "http://169.254.169.254"), "where clouds hand out a machine's credentials"),
        (("import", "nothing.json"), "can't read nothing.json"),
        (("import", str(Path(__file__))), "is no export of agents: "),
    ],
)
def test_what_can_not_be_registered_is_named(words: tuple[str, ...], says: str) -> None:
    assert says in run(*words, exit_code=2)
