"""The planner as an agent, with the scripted model server where the evidence is undecided."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from agents.planner import Planner
from shared.context import scoped
from shared.errors import BudgetExceeded, InvalidInput, NotFound
from shared.ledger import Ledger
from shared.llm.client import Models
from shared.models import Budget, Plan, PlanRequest
from tests.agents.planner.requests import link, request
from tests.scripted_ollama import ScriptedOllama

ROOT = Path(__file__).parents[3]
UNDECIDED = request(
    "Failures?", link("sql", "sign_ins", 0.7, "matches 'failures'"), link("kql", "SigninLogs", 0.8, "matches 'failed'")
)


async def run(models: Models, asked: PlanRequest) -> Plan:
    return Plan.model_validate(await Planner(models).run("plan", asked.model_dump(mode="json")))


def data_agents(plan: Plan) -> list[str]:
    return [step.agent for step in plan.steps if step.skill == "query"]


async def test_clear_evidence_takes_no_model_call(models: Models, scripted_ollama: ScriptedOllama) -> None:
    plan = await run(models, request("Failures?", link("kql", "SigninLogs", 0.9)))
    assert data_agents(plan) == ["kql"]
    assert scripted_ollama.requests == []


async def test_the_model_chooses_among_the_rivals_only(models: Models, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = '{"agents": ["sql"]}'
    plan = await run(models, UNDECIDED)
    assert data_agents(plan) == ["sql"]
    assert (
        plan.steps[-1].reason
        == "the model chose it among kql, sql: its table sign_ins (ops_warehouse): matches 'failures'"
    )
    (chat,) = scripted_ollama.chats
    assert chat["format"]["properties"]["agents"]["items"]["enum"] == ["kql", "sql"]
    assert "sign_ins 0.70 (matches 'failures')" in chat["messages"][0]["content"]


async def test_the_model_may_choose_several(models: Models, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = '{"agents": ["sql", "kql", "sql"]}'
    assert data_agents(await run(models, UNDECIDED)) == ["sql", "kql"]


async def test_an_agent_that_the_model_made_up_is_dropped_and_noted(
    models: Models, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = '{"agents": ["oracle", "sql"]}'
    plan = await run(models, UNDECIDED)
    assert data_agents(plan) == ["sql"]
    assert plan.notes == ["dropped agent 'oracle': no data agent of that name is available"]


@pytest.mark.parametrize("nonsense", ["", "kql", "[]", '{"agents": []}', '{"agents": ["oracle"]}', '{"agents": "sql"}'])
async def test_nonsense_from_the_model_falls_back_to_the_evidence(
    models: Models, scripted_ollama: ScriptedOllama, nonsense: str
) -> None:
    scripted_ollama.reply = nonsense
    plan = await run(models, UNDECIDED)
    assert data_agents(plan) == ["kql"]
    assert len(plan.notes) == 1
    assert plan.notes[0].startswith("planned by the scores alone")


async def test_a_dead_model_costs_only_the_choice(models: Models, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.models = []
    plan = await run(models, UNDECIDED)
    assert data_agents(plan) == ["kql"]
    assert plan.notes[0].startswith("planned by the scores alone, the model did not choose: ")


async def test_a_spent_budget_stops_the_journey(models: Models, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = '{"agents": ["sql"]}'
    with scoped(journey_id="j1", budget=Budget(calls=1)):
        await run(models, UNDECIDED)
        with pytest.raises(BudgetExceeded):
            await run(models, UNDECIDED.model_copy(update={"question": "Other failures?"}))


async def test_the_call_is_on_the_ledger_with_its_journey(
    models: Models, scripted_ollama: ScriptedOllama, ledger: Ledger
) -> None:
    scripted_ollama.reply = '{"agents": ["sql"]}'

    async def journey(journey_id: str) -> None:
        with scoped(journey_id=journey_id):
            await run(models, UNDECIDED.model_copy(update={"question": f"Which logs failed on day {journey_id}?"}))

    await asyncio.gather(*(journey(f"j{number}") for number in range(5)))
    for number in range(5):
        (call,) = await ledger.calls(f"j{number}")
        assert (call.agent, call.purpose, call.prompt_name, call.status) == ("planner", "plan", "plan", "success")


async def test_the_same_request_in_one_journey_asks_the_model_once(
    models: Models, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = '{"agents": ["sql"]}'
    with scoped(journey_id="j1"):
        first, again = await run(models, UNDECIDED), await run(models, UNDECIDED)
    assert first == again
    assert len(scripted_ollama.chats) == 1


async def test_a_call_from_a_crewai_thread_keeps_its_journey(
    models: Models, scripted_ollama: ScriptedOllama, ledger: Ledger
) -> None:
    from agents.planner.flow import MeteredLLM
    from shared.llm.prompts import load_prompt

    llm = MeteredLLM(models, load_prompt("plan"), "plan")
    with scoped(journey_id="j1", agent="planner"):
        text = await asyncio.to_thread(llm.call, "hello")
    assert text == scripted_ollama.reply
    assert [call.agent for call in await ledger.calls("j1")] == ["planner"]


@pytest.mark.parametrize(
    ("skill", "asked", "error", "says"),
    [
        ("plans", {}, NotFound, "unknown skill 'plans'; did you mean 'plan'?"),
        ("plan", {"question": "?"}, InvalidInput, "not a plan request: available: Field required"),
    ],
)
async def test_bad_input_names_what_is_wrong(
    models: Models, skill: str, asked: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        await Planner(models).run(skill, asked)
    assert str(caught.value) == says


WITHOUT_CREWAI = """
import asyncio, sys

sys.modules["crewai"] = None  # as if it were not installed
from agents.planner import Planner
from shared.errors import AgentUnavailable

try:
    asyncio.run(Planner(models=None).warm())
except AgentUnavailable as error:
    print(error)
"""


def test_without_crewai_the_planner_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_CREWAI], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("the planner can't start: ")
    assert done.stdout.endswith("; install the dependency group 'planner'\n")


WATCHED = """
import asyncio, json, os, sys

seen = {"connected": [], "asked": []}

def watch(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        seen["connected"].append(args[1][0])
    if event == "socket.getaddrinfo":
        seen["asked"].append(args[0])

sys.addaudithook(watch)

from agents.planner import Planner
from shared.ledger import Ledger, schema
from shared.database import create_tables, open_database
from shared.llm.runtime import open_models
from shared.settings import Settings
from tests.agents.planner.test_planner import UNDECIDED

async def main():
    settings = Settings(data_dir=sys.argv[2], ollama_host=sys.argv[1])
    engine = open_database(settings.sqlalchemy_url)
    await create_tables(engine, schema)
    ledger = Ledger(engine)
    async with open_models(settings, ledger, engine) as models:
        seen["plan"] = await Planner(models).run("plan", UNDECIDED.model_dump(mode="json"))
    await ledger.close()
    await engine.dispose()

asyncio.run(main())
seen["canary"] = os.environ.get("CANARY")
seen["crewai"] = "crewai" in sys.modules
print(json.dumps(seen))
"""


def test_planning_calls_nobody_but_the_model_and_reads_no_dotenv(
    tmp_path: Path, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = '{"agents": ["sql"]}'
    (tmp_path / ".env").write_text("CANARY=read\n")
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-c", WATCHED, scripted_ollama.url, str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["crewai"]
    assert seen["plan"]["steps"][-1]["agent"] == "sql"
    assert seen["connected"], "the scripted model server was not reached"
    assert all(ip_address(address).is_loopback for address in seen["connected"])
    assert set(seen["asked"]) <= {"127.0.0.1", "localhost"}
    assert seen["canary"] is None


def test_importing_the_planner_does_not_import_crewai() -> None:
    code = "import sys, agents.planner; sys.exit('crewai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
