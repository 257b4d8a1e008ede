"""Connecting a schema group from the command line: what is kept, what is refused, and where its queries run then."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core_engine.connecting import connect
from core_engine.groups import Groups
from core_engine.state import open_state
from shared.catalog import Catalog
from shared.models import Answer
from shared.settings import Settings
from tests.agents.data.connectors.platforms import serving
from tests.agents.data.connectors.splunk_jobs import Jobs
from tests.core_engine.processes import Command
from tests.scripted_ollama import ScriptedOllama, scripted_server

SIEM = """
schema_group: siem
platform: spl
tables: [{name: web, kind: index, columns: [{name: _time, type: time}, {name: host}]}]
"""
QUERY = "SELECT owner FROM leads WHERE state = 'open'"


@pytest.fixture(scope="module")
def ollama() -> Iterator[ScriptedOllama]:
    with scripted_server(QUERY) as server:
        yield server


@pytest.fixture
def lexiquery(tmp_path: Path, ollama: ScriptedOllama) -> Command:
    """A live database as group `crm`: its schema, no rows."""
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE leads (id INTEGER PRIMARY KEY, owner TEXT, state TEXT)")
        database.execute("INSERT INTO leads VALUES (1, 'ana', 'open'), (2, 'bo', 'lost')")
    command = Command(tmp_path, ollama.url)
    assert command.run("catalog", "import", f"sqlite:///{tmp_path}/crm.db", "--group", "crm").exit_code == 0
    return command


def test_the_answer_comes_from_the_database_once_it_is_connected(lexiquery: Command, tmp_path: Path) -> None:
    before = Answer.model_validate(lexiquery.json("ask", "Who owns open leads?", "--group", "crm"))
    assert before.answers[0].result is None
    url = f"sqlite:///{tmp_path}/crm.db"
    done = lexiquery.json("catalog", "connect", "crm", url)
    assert done == {"schema_group": "crm", "place": url, "answered": True}
    [listed] = lexiquery.json("catalog", "list")
    assert listed["connection"] == url
    [answer] = Answer.model_validate(lexiquery.json("ask", "Who owns open leads?", "--group", "crm")).answers
    assert answer.result
    assert answer.result.rows == [["ana"]]
    assert f"it ran on {url}" in answer.assumptions
    assert lexiquery.run("catalog", "disconnect", "crm").stdout == (
        "queries of crm run in the sandbox, where it has rows\n"
    )
    assert lexiquery.json("catalog", "list")[0]["connection"] is None


def test_a_file_is_kept_with_its_whole_path(
    lexiquery: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert lexiquery.json("catalog", "connect", "crm", "sqlite:///crm.db")["place"] == f"sqlite:///{tmp_path}/crm.db"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["connect", "crn", "sqlite:///x.db"], 2, "unknown schema group 'crn'; did you mean 'crm'?"),
        (["connect", "crm", "postgresql://h/d"], 2, "has SQL of dialect 'sqlite'; a postgresql connection runs"),
        (["connect", "crm", "sqlite:////none.db"], 2, "no database file at '/none.db'"),
        (["connect", "crm", ""], 2, "that is not the URL of a platform"),
        (["disconnect", "crm"], 2, "schema group 'crm' is not connected to a platform"),
    ],
)
def test_what_can_not_be_connected_is_named_and_nothing_is_kept(
    lexiquery: Command, words: list[str], code: int, says: str
) -> None:
    done = lexiquery.run("catalog", *words)
    assert (done.exit_code, says in done.stderr) == (code, True), done.stderr
    assert lexiquery.json("catalog", "list")[0]["connection"] is None


def test_a_connection_can_be_kept_untried(lexiquery: Command) -> None:
    done = lexiquery.run("catalog", "connect", "crm", "sqlite:////later.db", "--no-check")
    assert (done.exit_code, done.stdout) == (0, "queries of crm run on sqlite:////later.db; it was not tried\n")


def test_a_search_whose_client_leaves_is_cancelled_on_its_platform(lexiquery: Command, tmp_path: Path) -> None:
    (tmp_path / "siem.yaml").write_text(SIEM)
    assert lexiquery.run("catalog", "import", str(tmp_path / "siem.yaml")).exit_code == 0
    jobs = Jobs(states=[{"dispatchState": "RUNNING"}])
    asked = json.dumps({"platform": "spl", "schema_group": "siem", "query": "index=web"})
    lexiquery.environment |= {"SPLUNK_TOKEN": "a-token", "NO_PROXY": "127.0.0.1"}
    with serving(jobs) as host:
        done = lexiquery.run("catalog", "connect", "siem", f"splunk+http://{host}", "--no-check")
        assert done.exit_code == 0, done.stderr
        with lexiquery.server() as server:
            there = urlsplit(server.url)
            with socket.create_connection((there.hostname, there.port or 80)) as client:
                head = f"POST /api/v1/execute HTTP/1.1\r\nHost: {there.netloc}\r\nContent-Type: application/json\r\n"
                client.sendall(f"{head}Content-Length: {len(asked)}\r\n\r\n{asked}".encode())
                assert jobs.waiting.wait(60)
                assert not jobs.cancelled.is_set()
            assert jobs.cancelled.wait(60)


async def test_a_group_that_is_removed_leaves_no_connection_to_its_next(settings: Settings) -> None:
    async with open_state(settings) as state:
        catalog = Catalog.model_validate(
            {"schema_group": "crm", "platform": "sql", "tables": [{"name": "leads", "columns": [{"name": "id"}]}]}
        )
        groups = Groups(state.catalogs, state.sandbox, state.connections)
        await groups.put("crm", catalog)
        await connect("crm", "duckdb:////crm.duckdb", state, check=False)
        await groups.remove("crm")
        await groups.put("crm", catalog)
        assert await state.connections.all() == {}
