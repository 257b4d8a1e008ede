"""The command as a person runs it: exit codes, JSON, and errors that name the thing."""

from __future__ import annotations

import errno
import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_engine import commands, results
from shared import __version__
from shared.models import Answer
from tests.core_engine.processes import Command
from tests.scripted_ollama import ScriptedOllama, scripted_server

QUERY = "SELECT count(*) AS orders FROM orders WHERE status = 'open'"
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def ollama() -> Iterator[ScriptedOllama]:
    with scripted_server(QUERY) as server:
        yield server


@pytest.fixture(scope="module")
def lexiquery(tmp_path_factory: pytest.TempPathFactory, ollama: ScriptedOllama) -> Command:
    command = Command(tmp_path_factory.mktemp("cli"), ollama.url)
    command.import_shop()
    return command


def test_ask_answers_without_a_server(lexiquery: Command) -> None:
    answer = lexiquery.json("ask", "How many orders are open?")
    assert answer["answers"][0]["result"]["rows"] == [[2]]
    [line, *_] = lexiquery.json("cost", "recent")
    assert line["journey_id"] == answer["journey_id"]
    assert lexiquery.json("cost", "show", answer["journey_id"]) == answer["cost"]


def test_ask_prints_an_answer_for_people(lexiquery: Command) -> None:
    done = lexiquery.run("ask", "How many orders are open?", "--group", "shop", "--no-run")
    assert done.exit_code == 0, done.stderr
    assert QUERY in done.stdout
    assert "proof: proven" in done.stdout


@pytest.mark.parametrize(
    ("query", "code"),
    [(QUERY, 0), ("SELECT statu FROM orders", 1), ("DELETE FROM orders", 1), ("", 1)],
)
def test_prove_says_by_its_exit_code(lexiquery: Command, query: str, code: int) -> None:
    done = lexiquery.run("prove", "--platform", "sql", "--group", "shop", "--json", stdin=query)
    assert done.exit_code == code, done.stderr
    assert (json.loads(done.stdout)["verdict"] == "rejected") == (code == 1)


@pytest.mark.parametrize(
    ("plan", "code", "said"),
    [
        ('{"source": {"kind": "table", "name": "orders"}}', 0, '"verdict": "proven"'),
        ('{"source": {"kind": "table", "name": "ordrs"}}', 1, "orders"),
        ('{"source": {"kind": "table"}}', 2, "plan.source.table.name: Field required"),
        ("SELECT 1", 2, "is not JSON"),
        ("[]", 2, "plan: Input should be a valid dictionary"),
    ],
)
def test_a_plan_is_proven_as_the_query_that_it_is(lexiquery: Command, plan: str, code: int, said: str) -> None:
    words = ["prove", "--platform", "sql", "--group", "shop", "--plan", "-", "--json"]
    done = lexiquery.run(*words, stdin=plan)
    assert done.exit_code == code, done.stderr
    assert said in done.stdout + done.stderr
    if code < 2:
        assert "FROM ord" in json.loads(done.stdout)["query"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ask", " "], "the question is empty"),
        (["ask", "q", "--group", "shpo"], "unknown schema group 'shpo'; did you mean 'shop'?"),
        (["ask", "q", "--platform", "sqll"], "unknown platform 'sqll'; did you mean 'sql'?"),
        (["prove", "--platform", "sql", "--group", "shop", "/no/such/file"], "/no/such/file"),
        (["prove", "--platform", "sql", "--plan", "-"], "a plan is proven against a schema group"),
        (["prove", "--platform", "sql", "--group", "shop", "--plan", "-", "q.sql"], "give either a query or a plan"),
        (["prove", "--platform", "kql", "--group", "shop"], "is on platform 'sql', not 'kql'; use platform 'sql'"),
        (["catalog", "import", "/no/such/file.yaml", "--group", "g"], "/no/such/file.yaml"),
        (["catalog", "show", "shpo"], "did you mean 'shop'?"),
        (["cost", "show", "nope"], "unknown journey 'nope'"),
        (["cost", "calls", "--journey", "j" * 300], "journey_id: String should have at most 200 characters"),
        (["cost", "prune", "--days", "800000"], "36500"),
        (["cost", "export", "--out", "calls.xls"], "'calls.xls'"),
        (["cost", "export", "--out", "/no/such/calls.csv"], "can't write /no/such/calls.csv"),
        (["ask", "who is \udc80?"], "question holds a lone surrogate"),
        (["catalog", "import", "oracle://host/db", "--group", "g"], "can't read a database of kind 'oracle'"),
        (["eval", "/no/such/suite.jsonl", "--out", "/tmp/none"], "/no/such/suite.jsonl"),
        (["agents", "register", "not a url"], "not a url"),
        (["sop", "search", " "], "the question is empty"),
        (["sop", "search", "q", "--limit", "51"], "limit: Input should be less than or equal to 50"),
        (["serve", "sqll"], "unknown agent 'sqll'; did you mean 'sql'?"),
        (["sop", "add", "/no/such/folder"], "/no/such/folder"),
        (["up", "--host", "0.0.0.0"], "LEXIQUERY_API_KEY"),
        (["up", "--port", "99999"], "--port: Input should be less than or equal to 65535"),
    ],
)
def test_a_wrong_call_exits_with_two_and_names_the_thing(lexiquery: Command, words: list[str], says: str) -> None:
    done = lexiquery.run(*words)
    assert (done.exit_code, says in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_embedded_model_is_named(lexiquery: Command) -> None:
    done = lexiquery.run("models", "pull", "qwen2.5-coder:15b", OLLAMA_HOST="")
    assert (done.exit_code, "did you mean 'qwen2.5-coder:1.5b'?" in done.stderr) == (2, True), done.stderr


def test_a_bad_setting_is_named(lexiquery: Command) -> None:
    done = lexiquery.run("catalog", "list", LEXIQUERY_PORT="many")
    assert done.exit_code == 2
    assert "LEXIQUERY_PORT: Input should be a valid integer" in done.stderr


async def a_log_line() -> results.Result:
    return results.Result("", "agent\x1b]0;owned\x07\x9b31m\n\ttable\r")


def test_what_rows_hold_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert results.run(a_log_line()) == 0
    assert capsys.readouterr().out == "agent\\x1b]0;owned\\x07\\x9b31m\n\ttable\\x0d\n"


async def a_fault() -> results.Result:
    return results.Result(Answer.model_validate({"answer": 42}), "")


def test_a_fault_of_lexiquery_is_not_blamed_on_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert results.run(a_fault(), as_json=True) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["code"] == "internal_error"
    assert "lexiquery: Answer is not what LexiQuery expects: journey_id: Field required" in printed.err


async def a_helper_that_is_gone() -> results.Result:
    raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_pipe_that_breaks_inside_is_a_problem_and_not_the_end_of_the_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert results.run(a_helper_that_is_gone(), as_json=True) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["code"] == "internal_error"
    assert "lexiquery: the system failed: BrokenPipeError: Broken pipe" in printed.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_output_that_can_t_be_written_is_a_problem(lexiquery: Command) -> None:
    words = f"{sys.executable} -m core_engine.cli models list"
    done = lexiquery.spawn("sh", "-c", f"{words} > /dev/full")
    assert (done.returncode, done.stderr) == (1, "lexiquery: can't write the output: No space left on device\n")
    assert lexiquery.spawn("sh", "-c", f"{words} | true").stderr == ""


def test_a_problem_is_json_too(lexiquery: Command) -> None:
    problem = lexiquery.json("catalog", "show", "shpo")
    assert (problem["code"], problem["suggestion"]) == ("not_found", "did you mean 'shop'?")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["aks", "q"], "Did you mean 'ask'?"),
        (["cost", "shwo", "j"], "Did you mean 'show'?"),
        (["ask", "q", "--grop", "shop"], "--group"),
        (["cost", "stats", "--days", "0"], "--days"),
    ],
)
def test_a_call_that_cannot_be_read_exits_with_two_and_names_the_nearest(
    lexiquery: Command, words: list[str], says: str
) -> None:
    done = lexiquery.run(*words)
    assert (done.exit_code, says in done.stderr, done.stdout) == (2, True, ""), done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(lexiquery: Command) -> None:
    done = lexiquery.spawn(
        "bash", "-c", f"{sys.executable} -m core_engine.cli models list | true; exit ${{PIPESTATUS[0]}}"
    )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_database_becomes_a_group(lexiquery: Command, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE leads (id INTEGER PRIMARY KEY, owner TEXT)")
    report = lexiquery.json("catalog", "import", f"sqlite:///{tmp_path}/crm.db", "--group", "crm")
    assert (report["platform"], report["tables"], report["notes"]) == ("sql", 1, [])
    proof = lexiquery.json("prove", "--platform", "sql", "--group", "crm", stdin="SELECT ownr FROM leads")
    assert proof["checks"][1]["problems"][0]["suggestion"] == "owner"


def test_a_port_in_use_is_named(lexiquery: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = lexiquery.run("up", "--port", str(port))
    assert done.exit_code == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_a_dead_model_is_named_and_the_journey_still_ends(lexiquery: Command) -> None:
    done = Command(lexiquery.folder, NOBODY).run("ask", "How many orders are late?", "--json")
    answer = json.loads(done.stdout)
    assert done.exit_code == 1
    assert answer["status"] == "failed"
    assert answer["problem"]["code"] == "model_unavailable"
    assert NOBODY in answer["problem"]["detail"]
    assert answer["cost"]["failed_calls"] >= 1


def test_a_full_disk_is_named(lexiquery: Command, tmp_path: Path) -> None:
    full = Command(tmp_path, lexiquery.environment["OLLAMA_HOST"])
    full.import_shop()
    limited = f"ulimit -f 8; exec {sys.executable} -m core_engine.cli ask 'How many orders are open?'"
    done = full.spawn("bash", "-c", limited)
    assert done.returncode == 1, done.stderr
    assert "database" in done.stderr
    assert "disk" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_directory_that_cannot_be_made_is_named(lexiquery: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = lexiquery.run("catalog", "list", LEXIQUERY_DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.exit_code == 1
    assert "LEXIQUERY_DATA_DIR" in done.stderr


def test_a_corrupt_database_is_named(lexiquery: Command, tmp_path: Path) -> None:
    (tmp_path / "lexiquery.db").write_bytes(b"not a database, but long enough to look at" * 100)
    done = lexiquery.run("catalog", "list", LEXIQUERY_DATA_DIR=str(tmp_path))
    assert done.exit_code == 1
    assert "lexiquery.db" in done.stderr
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(tmp_path / "lexiquery.db").execute("SELECT * FROM catalogs")


def test_calls_are_exported(lexiquery: Command, tmp_path: Path) -> None:
    lexiquery.json("ask", "How many orders are paid?")
    out = tmp_path / "calls.csv"
    assert lexiquery.run("cost", "export", "--out", str(out)).exit_code == 0
    header, *lines = out.read_text().splitlines()
    assert header.startswith("id,")
    calls = lexiquery.json("cost", "export")
    assert len(calls) == len(lines) > 0
    assert [json.loads(line) for line in lexiquery.run("cost", "export").stdout.splitlines()] == calls


def test_runbooks_are_added_and_found(lexiquery: Command, tmp_path: Path) -> None:
    (tmp_path / "refunds.md").write_text("# Refund stuck\n\nWhen a refund is stuck, restart the ledger worker.\n")
    assert lexiquery.json("sop", "add", str(tmp_path))["failed"] == []
    [hit, *_] = lexiquery.json("sop", "search", "a refund is stuck")
    assert set(hit) == {"title", "source", "excerpt", "score"}
    assert hit["source"].endswith("refunds.md")
    [unquoted, *_] = lexiquery.json("sop", "search", "a", "refund", "is", "stuck")
    assert unquoted == hit
    lexiquery.json("sop", "add", str(tmp_path), "--label", "team-a")
    (tmp_path / "refunds.md").unlink()
    assert "--allow-empty" in lexiquery.run("sop", "add", str(tmp_path)).stderr
    assert lexiquery.json("sop", "remove", hit["source"])["removed"] == [hit["source"]]


def test_labels_are_lifted_and_nothing_is_there_before_the_first_runbook(
    ollama: ScriptedOllama, tmp_path: Path
) -> None:
    fresh, books = Command(tmp_path / "fresh", ollama.url), tmp_path / "books"
    assert "no runbook yet" in fresh.run("sop", "list").stdout
    assert "unknown document" in fresh.run("sop", "show", "vpn.md").stderr
    books.mkdir()
    (books / "vpn.md").write_text("# VPN\n\nRestart it.\n")
    assert "contradict" in fresh.run("sop", "add", str(books), "--label", "team-a", "--everybody").stderr
    assert fresh.json("sop", "add", str(books), "--label", "team-a")["added"] == ["books/vpn.md"]
    assert [one["labels"] for one in fresh.json("sop", "list")] == ["team-a"]
    assert fresh.json("sop", "add", str(books), "--everybody")["updated"] == ["books/vpn.md"]
    assert [one["labels"] for one in fresh.json("sop", "list")] == [None]


def test_a_folder_of_runbooks_is_followed_and_a_broken_one_is_reported(lexiquery: Command, tmp_path: Path) -> None:
    for name in ("vpn/README.md", "mail/README.md"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(f"# {name}\n\nAsk the {name[:3]} team.\n")
    (tmp_path / "mail" / "scan.pdf").write_bytes(b"%PDF-1.7 cut off")
    done = lexiquery.run("sop", "add", str(tmp_path), "--json")
    report = json.loads(done.stdout)
    added = [f"{tmp_path.name}/mail/README.md", f"{tmp_path.name}/vpn/README.md"]
    assert (done.exit_code, report["added"]) == (1, added)
    assert [failure["source"] for failure in report["failed"]] == [f"{tmp_path.name}/mail/scan.pdf"]
    (tmp_path / "mail" / "scan.pdf").unlink()
    (tmp_path / "vpn" / "README.md").unlink()
    done = lexiquery.run("sop", "add", str(tmp_path), "--json")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["unchanged"], report["removed"]) == (0, added[:1], added[1:])


def test_adding_names_the_broken_queries_of_what_was_added_and_counts_the_others(
    ollama: ScriptedOllama, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    command = Command(tmp_path / "shop", ollama.url)
    command.import_shop()
    for name in ("old", "new"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n\n```sql\nSELECT {name}_id FROM orders\n```\n")
    (tmp_path / "clean.md").write_text("# clean\n\nAsk.\n")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7 cut off")
    command.run("sop", "add", str(tmp_path / "old.md"))
    told = command.run("sop", "add", str(tmp_path / "new.md"), str(tmp_path / "scan.pdf")).stdout.splitlines()
    starts = ("failed: scan.pdf: ", "broken: new.md, 'new'", "1 more broken in other runbooks: lexiquery sop check")
    assert len(told) == 4
    assert all(line.startswith(start) for line, start in zip(told[1:], starts, strict=True)), told
    clean = command.run("sop", "add", str(tmp_path / "clean.md")).stdout.splitlines()
    assert clean[1:] == ["2 more broken in other runbooks: lexiquery sop check"]
    notes = command.json("sop", "add", str(tmp_path / "clean.md"))["notes"]
    assert [note.split(",")[0] for note in notes] == ["broken: new.md", "broken: old.md"]


def test_the_registry_lists_every_agent(lexiquery: Command) -> None:
    names = {agent["name"] for agent in lexiquery.json("agents", "list")}
    assert names == {"planner", "sop", "known_errors", "kql", "spl", "sql"}


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "core_engine.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert loaded & {"pydantic", "sqlalchemy", "fastapi", "duckdb", "a2a", "mcp", "crewai", "chromadb", "rich"} == set()


def test_a_database_is_imported_without_rows_and_says_what_runs_its_queries(lexiquery: Command) -> None:
    database = lexiquery.folder / "desk.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE tickets (id INTEGER PRIMARY KEY, state TEXT)")
        connection.execute("INSERT INTO tickets VALUES (1, 'open')")
    imported = lexiquery.run("catalog", "import", f"sqlite:///{database}", "--group", "desk", "--sample-values")
    assert "`lexiquery catalog connect desk URL`" in imported.stdout
    assert "\n  state TEXT   (open)\n" in lexiquery.run("catalog", "show", "desk").stdout + "\n"


def test_catalog_show_has_keys_and_glossary(lexiquery: Command) -> None:
    (lexiquery.folder / "keys.yaml").write_text(
        "{schema_group: keys, platform: sql, "
        "tables: [{name: a, columns: [{name: b_id}]}, {name: b, columns: [{name: id}]}],"
        " relationships: [{from: a.b_id, to: b.id}], glossary: [{term: lost, meaning: b_id IS NULL}]}"
    )
    assert lexiquery.run("catalog", "import", str(lexiquery.folder / "keys.yaml")).exit_code == 0
    shown = lexiquery.run("catalog", "show", "keys").stdout
    assert "relationships:\n  a.b_id = b.id\n\nglossary:\n  lost: b_id IS NULL\n" in shown


def test_cost_recent_names_the_questions(lexiquery: Command) -> None:
    lexiquery.run("ask", "How many orders are open?", "--group", "shop")
    assert "How many orders are open?" in lexiquery.run("cost", "recent", "--limit", "1").stdout


def test_the_version_is_printed(lexiquery: Command) -> None:
    done = lexiquery.run("--version")
    assert (done.exit_code, done.stdout) == (0, f"lexiquery {__version__}\n")


@pytest.mark.parametrize("group", ["", "agents", "catalog", "cost", "eval", "examples", "models", "sop"])
def test_no_line_of_a_list_of_commands_is_cut_off(lexiquery: Command, group: str) -> None:
    listed = lexiquery.run(*group.split(), "--help").stdout.partition("Commands:")[2]
    assert listed.strip()
    assert "..." not in listed


def test_who_asks_at_a_terminal_sees_the_stages(
    lexiquery: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in lexiquery.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert results.run(commands.ask("How many orders are open?", "shop", None, True, None)) == 0
    printed = capsys.readouterr()
    assert "  planning …\n  knowledge …\n" in printed.err
    assert "planning" not in printed.out
