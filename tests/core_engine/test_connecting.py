"""Connecting a schema group from the command line: what is kept, what is refused, and where its queries run then."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_engine.connecting import connect
from core_engine.groups import Groups
from core_engine.state import open_state
from shared.catalog import Catalog
from shared.models import Answer
from shared.settings import Settings
from tests.core_engine.processes import Command
from tests.scripted_ollama import ScriptedOllama, scripted_server

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
