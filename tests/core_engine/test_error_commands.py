"""`lexiquery errors …`, in a process of its own and beside a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.core_engine.processes import Command
from tests.scripted_ollama import ScriptedOllama, scripted_server

KNOWN = """
known_errors:
  - id: APP-1001
    title: Export stops for want of disk
    signature: "export <*> stopped: <*> MB left on <*>"
    services: reports
    cause: Old exports are never removed.
    fix: Remove old exports.
"""
BROKEN = "  - {id: APP-1002, title: t, sigature: s, cause: c, fix: f}\n"
LINE = "export nightly stopped: 3 MB left on disk-2"


@pytest.fixture(scope="module")
def ollama() -> Iterator[ScriptedOllama]:
    with scripted_server("SELECT 1") as server:
        yield server


@pytest.fixture
def lexiquery(tmp_path: Path, ollama: ScriptedOllama) -> Command:
    return Command(tmp_path, ollama.url)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "ke.yaml").write_text(KNOWN)
    return tmp_path / "ke.yaml"


def follows_the_commands(lexiquery: Command, file: Path) -> None:
    assert lexiquery.json("errors", "add", str(file))["added"] == ["known_errors#APP-1001"]
    assert lexiquery.json("errors", "add", str(file))["unchanged"] == ["known_errors#APP-1001"]
    assert [one["title"] for one in lexiquery.json("sop", "search", LINE)] == [
        "APP-1001: Export stops for want of disk"
    ]
    [known] = lexiquery.json("errors", "list")
    assert (known["id"], known["services"]) == ("APP-1001", ["reports"])
    unknown = lexiquery.run("errors", "remove", "APP-1010")
    assert (unknown.exit_code, "did you mean 'APP-1001'?" in unknown.stderr) == (2, True)
    both = lexiquery.run("errors", "remove", "APP-1001", "NOPE")
    assert (both.exit_code, "unknown known error 'NOPE'" in both.stderr) == (2, True)
    assert lexiquery.run("errors", "remove", "APP-1001", "APP-1001").stdout == "removed known_errors#APP-1001\n"
    assert lexiquery.json("sop", "search", LINE) == []


def test_an_added_error_is_found_by_its_log_line_until_it_is_removed(lexiquery: Command, file: Path) -> None:
    assert "`lexiquery errors add FILE`" in lexiquery.run("errors", "list").stdout
    follows_the_commands(lexiquery, file)


def test_a_server_that_runs_is_told(lexiquery: Command, file: Path) -> None:
    with lexiquery.server():
        follows_the_commands(lexiquery, file)


def test_known_errors_are_kept_over_http(lexiquery: Command) -> None:
    entry = yaml.safe_load(KNOWN)["known_errors"][0]
    with (
        lexiquery.server() as server,
        httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, timeout=60) as http,
    ):
        assert http.get("/known-errors").json() == []
        assert http.post("/known-errors", json={"errors": [entry]}).json()["added"] == ["known_errors#APP-1001"]
        [known] = http.get("/known-errors").json()
        assert (known["id"], known["services"], known["fix"]) == ("APP-1001", ["reports"], "Remove old exports.")
        twice = http.post("/known-errors", json={"errors": [entry, entry]})
        assert (twice.status_code, "2 have the id 'APP-1001'" in twice.text) == (422, True)
        unknown = http.delete("/known-errors/APP-1010")
        assert (unknown.status_code, unknown.json()["suggestion"]) == (404, "did you mean 'APP-1001'?")
        assert http.delete("/known-errors/APP-1001").json()["removed"] == ["known_errors#APP-1001"]
        assert http.get("/known-errors").json() == []


def test_a_broken_entry_is_named_and_the_rest_goes_in(lexiquery: Command, file: Path) -> None:
    file.write_text(KNOWN + BROKEN)
    done = lexiquery.run("errors", "add", str(file))
    assert done.exit_code == 1
    assert "1 added" in done.stdout
    assert "ke.yaml#2: entry 2: sigature: Extra inputs are not permitted; did you mean 'signature'?" in done.stdout
    shown = lexiquery.run("errors", "list").stdout
    assert "APP-1001  Export stops for want of disk  reports   export <*> stopped: <*> MB left on <*>" in shown


@pytest.mark.parametrize("content", [None, "known_error: []", "a: ["])
def test_a_file_that_holds_none_is_named(lexiquery: Command, file: Path, content: str | None) -> None:
    file.unlink()
    if content is not None:
        file.write_text(content)
    done = lexiquery.run("errors", "add", str(file))
    assert (done.exit_code, str(file) in done.stderr) == (2, True)
