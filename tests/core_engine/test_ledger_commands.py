"""What operators do with the ledger on the command line: replay a journey, limit what it may take, look, export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.core_engine.processes import Command
from tests.scripted_ollama import ScriptedOllama, scripted_server

QUERY = "SELECT count(*) AS orders FROM orders WHERE status = 'open'"
SUM = "SELECT sum(amount) AS orders FROM orders WHERE status = 'open'"
QUESTION = "How many orders are open?"


@pytest.fixture(scope="module")
def ollama() -> Iterator[ScriptedOllama]:
    with scripted_server(QUERY) as server:
        yield server


@pytest.fixture(scope="module")
def lexiquery(tmp_path_factory: pytest.TempPathFactory, ollama: ScriptedOllama) -> Command:
    command = Command(tmp_path_factory.mktemp("ledger"), ollama.url)
    command.import_shop()
    return command


@pytest.fixture(scope="module")
def journey(lexiquery: Command) -> str:
    answer = lexiquery.json("ask", QUESTION, "--user", "ada", "--tag", "team=ops")
    assert answer["answers"][0]["result"]["rows"] == [[2]]
    return str(answer["journey_id"])


def test_a_journey_replayed_from_its_log_asks_no_model_and_answers_the_same(
    lexiquery: Command, journey: str, ollama: ScriptedOllama
) -> None:
    asked = len(ollama.chats)
    done = lexiquery.run("journey", "replay", journey)
    assert (done.exit_code, "from its log: the same answer" in done.stdout) == (0, True), (done.stdout, done.stderr)
    assert len(ollama.chats) == asked
    again = lexiquery.json("journey", "replay", journey)
    assert (again["differences"], again["after"]["cost"]["cached_calls"] > 0) == ([], True)
    assert again["before"]["answers"][0]["query"] == again["after"]["answers"][0]["query"] == QUERY


def test_a_journey_replayed_on_another_model_says_what_changed(
    lexiquery: Command, journey: str, ollama: ScriptedOllama
) -> None:
    ollama.reply = SUM
    done = lexiquery.run("journey", "replay", journey, "--model", "qwen2.5-coder:0.5b")
    ollama.reply = QUERY
    assert (done.exit_code, "on qwen2.5-coder:0.5b: another answer" in done.stdout) == (1, True), done.stderr
    assert f"  -{QUERY}" in done.stdout
    assert f"  +{SUM}" in done.stdout


def test_a_replay_of_a_journey_that_would_ask_something_else_says_so(lexiquery: Command) -> None:
    folder = lexiquery.folder / "prompts"
    folder.mkdir()
    (folder / "derive_question.md.j2").write_text(
        "---\ndescription: other\nvariables: {question: asked, known: values}\n---\n{{ known }} Now: {{ question }}\n"
    )
    answer = lexiquery.json("ask", "How many orders are paid, if any?")
    changed = lexiquery.run("journey", "replay", answer["journey_id"], LEXIQUERY_PROMPTS_DIR=str(folder))
    assert changed.exit_code == 1
    assert "has no answer to this call of 'sql' (derive)" in changed.stdout, changed.stderr


@pytest.mark.parametrize("words", [["journey", "replay", "nope"], ["journey", "replay", "nope", "--model", "m"]])
def test_a_journey_that_is_not_there_is_named(lexiquery: Command, words: list[str]) -> None:
    done = lexiquery.run(*words)
    assert (done.exit_code, "unknown journey 'nope'" in done.stderr) == (2, True), done.stderr


@pytest.mark.usefixtures("journey")
def test_costs_are_told_by_user_and_tag(lexiquery: Command) -> None:
    assert [line["value"] for line in lexiquery.json("cost", "stats", "--by", "tag")] == ["team=ops"]
    [ada, *_] = [line for line in lexiquery.json("cost", "stats", "--by", "user", "--daily") if line["value"] == "ada"]
    assert (ada["failed"], ada["p50_seconds"] > 0) == (0, True)
    assert {call["user"] for call in lexiquery.json("cost", "calls", "--user", "ada")} == {"ada"}
    assert lexiquery.run("cost", "stats", "--by", "usr").exit_code == 2
    assert "did you mean 'error'?" in lexiquery.run("cost", "calls", "--status", "eror").stderr


def test_a_spent_budget_ends_the_journey_with_what_was_found(lexiquery: Command) -> None:
    assert lexiquery.run("cost", "set-budget", "user:eve", "--calls", "1").exit_code == 0
    first = lexiquery.run("ask", "How many orders are open, please?", "--user", "eve", "--json")
    again = json.loads(lexiquery.run("ask", "And how many were paid?", "--user", "eve", "--json").stdout)
    assert json.loads(first.stdout)["status"] == again["status"] == "failed", first.stdout
    assert again["problem"]["code"] == "budget_exceeded"
    assert "the day's budget of 'eve' of 1 calls is spent: 1 used" in again["problem"]["detail"]
    assert "'eve' on" in first.stderr, "the command made the call, so it tells"
    assert "has used 1 of 1 calls" in first.stderr
    assert "eve, a day" in lexiquery.run("cost", "budgets").stdout
    assert lexiquery.run("cost", "remove-budget", "user:eve").exit_code == 0
    assert "no budget is set for user 'eve'" in lexiquery.run("cost", "remove-budget", "user:eve").stderr


def test_a_budget_of_a_user_without_a_name_is_refused(lexiquery: Command) -> None:
    refused = lexiquery.run("cost", "set-budget", "user:", "--tokens", "9")
    assert (refused.exit_code, "'user:' has no budget" in refused.stderr) == (2, True)


def test_a_variable_that_nothing_reads_is_told_with_the_setting_that_was_meant(lexiquery: Command) -> None:
    variables = {"LEXIQUERY_CALL_TEXTS": "off", "LEXIQUERY_PROT": "9", "LEXIQUERY_ACME_TOKEN": "its own"}
    said = lexiquery.run("cost", "budgets", **variables).stderr
    assert "nothing reads LEXIQUERY_CALL_TEXTS; did you mean LEXIQUERY_CALL_TEXT?" in said
    assert "nothing reads LEXIQUERY_PROT; did you mean LEXIQUERY_PORT?" in said
    assert "ACME" not in said


@pytest.mark.usefixtures("journey")
def test_calls_are_exported_as_parquet(lexiquery: Command, tmp_path: Path) -> None:
    file = tmp_path / "calls.parquet"
    done = lexiquery.json("cost", "export", "--out", str(file))
    counted = "SELECT count(*), count(DISTINCT id), any_value(typeof(started_at)), any_value(typeof(tags))"
    found = duckdb.connect().execute(f"{counted} FROM read_parquet(?)", [str(file)]).fetchone()
    assert found == (done["calls"], done["calls"], "TIMESTAMP WITH TIME ZONE", "VARCHAR[]")


@pytest.mark.usefixtures("journey")
def test_texts_and_calls_are_pruned_by_age(lexiquery: Command) -> None:
    done = lexiquery.json("cost", "prune", "--days", "1", "--texts")
    assert done == {"days": 1, "calls": 0, "texts_only": True}
