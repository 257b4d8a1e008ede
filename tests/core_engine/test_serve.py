"""An agent as a server of its own, and a journey that uses it; compose.yaml starts the same commands."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from core_engine import commands, results
from core_engine.agent_server import with_own_port
from core_engine.agents import AGENTS, PORTS
from shared.settings import Settings
from tests.core_engine.processes import PAUSE, Command, answers
from tests.scripted_ollama import ScriptedOllama

QUERY = "SELECT count(*) AS orders FROM orders WHERE status = 'open'"
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(lexiquery: Command, agent: str) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "core_engine.cli", "serve", agent, "--port", str(port)]
    with (lexiquery.folder / "agent.log").open("w") as log:
        process = subprocess.Popen(command, env=lexiquery.environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None and not answers(url):
            time.sleep(PAUSE)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def lexiquery(tmp_path: Path, scripted_ollama: ScriptedOllama) -> Command:
    scripted_ollama.reply = QUERY
    command = Command(tmp_path, scripted_ollama.url)
    command.import_shop()
    return command


def test_a_journey_uses_an_agent_that_runs_elsewhere(lexiquery: Command) -> None:
    with serving(lexiquery, "sql") as url:
        lexiquery.environment["LEXIQUERY_AGENTS"] = f"sql={url}"
        answer = lexiquery.json("ask", "How many orders are open?")
        assert answer["answers"][0]["result"]["rows"] == [[2]]
        assert "sql" in {line["key"] for line in answer["cost"]["by_agent"]}
    gone = lexiquery.json("ask", "How many orders are open?")
    assert gone["status"] != "completed"
    assert any("'sql'" in problem["detail"] for problem in gone["missing"])


def test_compose_starts_every_agent_by_its_command() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    served = {service["command"][1] for service in services.values() if service.get("command", [""])[0] == "serve"}
    assert served == set(AGENTS)
    known = re.findall(r"(\w+)=http://(\w+):(\d+)", services["core_engine"]["environment"]["LEXIQUERY_AGENTS"])
    assert {name: int(port) for name, host, port in known if name == host} == PORTS
    assert {name: services[name]["command"] for name in served} == {name: ["serve", name] for name in served}
    told = {name: services[name]["environment"]["LEXIQUERY_PUBLIC_URL"] for name in served}
    assert told == {name: f"http://{name}:{port}" for name, port in PORTS.items()}


def test_each_agent_has_the_port_of_the_architecture() -> None:
    architecture = {"planner": 9000, "sop": 9010, "known_errors": 9011, "kql": 9020, "spl": 9021, "sql": 9022}
    assert architecture == PORTS


def test_an_agent_listens_on_its_own_port_unless_told_otherwise(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert with_own_port("spl", settings).port == 9021
    assert with_own_port("spl", Settings(port=0)).port == 0
    monkeypatch.setenv("LEXIQUERY_PORT", "8000")
    assert with_own_port("spl", Settings()).port == 8000


def test_compose_builds_each_service_from_its_own_lock() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    locks = {build["args"]["LOCK"] for one in services.values() if isinstance(build := one.get("build"), dict)}
    assert [lock for lock in locks if not (ROOT / "requirements" / f"{lock}.txt").is_file()] == []


def test_compose_starts_no_service_before_its_database_and_models() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name in ("core_engine", *AGENTS):
        assert services[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}
        assert services[name]["depends_on"]["ollama_models"] == {"condition": "service_completed_successfully"}
    assert set(AGENTS) <= services["core_engine"]["depends_on"].keys()


def test_compose_gives_each_service_a_host_name_that_lasts() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    names = {name: services[name].get("hostname") for name in ("core_engine", *AGENTS)}
    assert names == {name: name.replace("_", "-") for name in names}  # RFC 1123 knows no underscore


def test_compose_pulls_the_models_that_the_services_ask_for() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    asked, pulled = services["core_engine"]["environment"], services["ollama_models"]["environment"]
    assert (asked["LEXIQUERY_MODEL"], asked["LEXIQUERY_EMBEDDING_MODEL"]) == (
        pulled["MODEL"],
        pulled["EMBEDDING_MODEL"],
    )
    settings = Settings(ollama_host="http://ollama:11434")
    assert asked["LEXIQUERY_MODEL"] == f"${{LEXIQUERY_MODEL:-{settings.model}}}"
    assert asked["LEXIQUERY_EMBEDDING_MODEL"] == f"${{LEXIQUERY_EMBEDDING_MODEL:-{settings.embedding_model_name}}}"


OPENS_AN_AGENT = """
import asyncio, sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class NotInstalled(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[3:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())

from core_engine import agent_server, commands
from core_engine.agents import open_agent
from core_engine.state import open_state
from shared.llm.runtime import open_models
from shared.settings import Settings

async def main():
    settings = Settings(data_dir=Path(sys.argv[2]), ollama_host="http://127.0.0.1:1")
    async with open_state(settings) as state, open_models(settings, state.ledger, state.engine) as models:
        async with open_agent(sys.argv[1], state, models) as agent:
            print(agent.name)

asyncio.run(main())
"""


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_needs_only_what_its_own_lock_installs(agent: str, tmp_path: Path) -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    lock = (ROOT / "requirements" / f"{services[agent]['build']['args']['LOCK']}.txt").read_text()
    locked = {canonical(line.partition("==")[0]) for line in lock.splitlines() if re.match(r"[A-Za-z0-9]", line)}
    absent = [
        name for name, owners in packages_distributions().items() if not {canonical(owner) for owner in owners} & locked
    ]
    ours = {"core_engine", "protocol_interface", "agents", "shared", "data"}
    command = [sys.executable, "-c", OPENS_AN_AGENT, agent, str(tmp_path), *sorted(set(absent) - ours)]
    opened = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert opened.stdout.strip() == agent, opened.stderr


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower().partition("[")[0]


@pytest.mark.parametrize("command", [["up"], ["serve", "sql"]])
def test_an_empty_api_key_opens_no_server(lexiquery: Command, command: list[str]) -> None:
    done = lexiquery.run(*command, "--host", "0.0.0.0", "--port", "0", LEXIQUERY_API_KEY="")
    assert (done.exit_code, "needs an API key" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("name", ["OLLAMA_HOST", "LEXIQUERY_PUBLIC_URL"])
@pytest.mark.parametrize("address", ["http://[::bad", "http://u:secret@host:many", "ftp://host"])
def test_an_address_that_is_none_is_a_bad_setting(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, address)
    assert results.run(commands.up(None, 0)) == 2
    said = capsys.readouterr().err
    assert f"{name.removeprefix('LEXIQUERY_')}: expected an address like http://host:8000" in said
    assert "secret" not in said


@pytest.mark.parametrize("hours", ["inf", "nan", "-1"])
def test_hours_that_never_pass_are_a_bad_setting(
    hours: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEXIQUERY_RUNBOOK_CHECK_HOURS", hours)
    assert results.run(commands.up(None, 0)) == 2
    assert "RUNBOOK_CHECK_HOURS: Input should be " in capsys.readouterr().err
