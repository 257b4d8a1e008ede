"""`lexiquery prompts`: what is in use, what was, and what changed between the two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from core_engine.agents import open_agent
from core_engine.prompt_commands import prompts_diff, prompts_list, prompts_show
from core_engine.state import open_state
from shared.context import scoped
from shared.errors import InvalidInput, NotFound
from shared.ledger import Ledger
from shared.llm.client import Models
from shared.llm.prompt_history import PromptHistory
from shared.llm.prompts import Prompt, load_prompt, load_prompts
from shared.settings import Settings
from tests.core_engine.conftest import HOSTS
from tests.core_engine.processes import loggers_kept
from tests.scripted_ollama import ScriptedOllama

OLD = Prompt("plan", "Choose the best agent.\n\nAgents:\n{{ agents }}", {"agents": "a list"})


@pytest.fixture(autouse=True)
def _on_the_tests_data(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    with loggers_kept():
        yield


def own_prompt(tmp_path: Path, name: str, ours: str, theirs: str) -> Path:
    """A folder of an operator's prompts with one of ours, in which `theirs` stands where `ours` stood."""
    file = load_prompt(name).file
    assert file is not None
    front, line, text = file.read_text().rpartition("---\n")
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / file.name).write_text(front + line + text.replace(ours, theirs))
    return folder


async def test_the_prompts_in_use_are_listed_with_the_versions_that_were_used(engine: AsyncEngine) -> None:
    await PromptHistory(engine).keep(OLD)
    listed = await prompts_list()
    lines = {line["name"]: line for line in listed.value}
    assert lines.keys() == load_prompts().keys()
    assert lines["plan"] == {
        "name": "plan",
        "version": load_prompt("plan").version,
        "from": "built in",
        "variables": ["agents", "question"],
        "used": [OLD.version],
    }
    assert listed.text.splitlines()[0].split() == ["name", "version", "from", "variables", "used"]


async def test_a_prompt_is_shown_with_what_its_variables_hold() -> None:
    shown = await prompts_show("derive_repair")
    prompt = load_prompt("derive_repair")
    assert shown.value["text"] == prompt.text
    assert shown.value["variables"] == {"problems": "a line each, beginning with `- `"}
    assert f"derive_repair {prompt.version} (built in)\nSays what is wrong" in shown.text
    assert f"  derive_repair {prompt.version} (not used yet)\n\n{prompt.text}" in shown.text


async def test_an_older_version_is_shown_by_its_first_digits(engine: AsyncEngine) -> None:
    await PromptHistory(engine).keep(OLD)
    shown = await prompts_show("plan", OLD.version[:5])
    assert shown.value.text == OLD.text
    assert shown.text.startswith(f"plan {OLD.version} (first used 20")


async def test_the_version_in_use_is_compared_with_the_newest_other_that_was_used(engine: AsyncEngine) -> None:
    history = PromptHistory(engine)
    for used in (Prompt("plan", "Guess."), OLD, load_prompt("plan")):
        await history.keep(used)
    changed = await prompts_diff("plan")
    assert (changed.value["a"], changed.value["b"]) == (OLD.version, load_prompt("plan").version)
    assert "\n-Choose the best agent.\n" in changed.text
    assert "\n+Question: {{ question }}" in changed.text
    back = await prompts_diff("plan", load_prompt("plan").version, OLD.version)
    assert "\n+Choose the best agent.\n" in back.text


async def test_agents_ask_with_the_operators_prompts(
    settings: Settings, tmp_path: Path, models: Models, scripted_ollama: ScriptedOllama, ledger: Ledger
) -> None:
    settings = settings.model_copy(
        update={"prompts_dir": own_prompt(tmp_path, "derive_direct", "You", "Dear model, you")}
    )
    scripted_ollama.reply = "SELECT name FROM hosts WHERE cores = 4"
    async with open_state(settings) as state, open_agent("sql", state, models) as agent:
        await state.catalogs.put(HOSTS)
        with scoped(journey_id="j1"):
            await agent.run("query", {"question": "Which hosts have 4 cores?", "schema_group": "estate"})
    assert scripted_ollama.chats[0]["messages"][0]["content"].startswith("Dear model, you write SQL")
    versions = {call.prompt_name: call.prompt_version for call in await ledger.calls("j1")}
    assert versions["derive_direct"] == load_prompt("derive_direct", settings.prompts_dir).version


@pytest.mark.parametrize("agent", ["planner", "sql"])
async def test_an_agent_does_not_start_on_prompts_that_cannot_be_used(
    settings: Settings, tmp_path: Path, models: Models, agent: str
) -> None:
    settings = settings.model_copy(update={"prompts_dir": own_prompt(tmp_path, "plan", "{{ question }}", "")})
    async with open_state(settings) as state:
        with pytest.raises(InvalidInput, match="prompt 'plan' declares, and does not use, question"):
            async with open_agent(agent, state, models):
                pass


async def test_an_operators_prompt_is_compared_with_ours_before_either_was_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own_prompt(tmp_path, "plan", "Choose the one", "Please choose the one")
    monkeypatch.setenv("LEXIQUERY_PROMPTS_DIR", str(folder))
    changed = await prompts_diff("plan")
    assert changed.value["a"] == load_prompt("plan").version
    assert "\n+Please choose the one agent" in changed.text
    listed = await prompts_list()
    assert {line["from"] for line in listed.value} == {"built in", str(folder / "plan.md.j2")}


async def test_a_prompt_that_never_changed_has_nothing_to_compare_with() -> None:
    version = load_prompt("plan").version
    alone = await prompts_diff("plan")
    assert alone.value == {"name": "plan", "a": None, "b": version, "diff": ""}
    assert alone.text == f"no version of 'plan' other than {version} is known"
    assert (await prompts_diff("plan", version)).text == f"both are plan {version} (not used yet)"


async def test_an_unknown_name_or_version_gets_the_nearest() -> None:
    with pytest.raises(NotFound, match="unknown prompt 'plam'; did you mean 'plan'"):
        await prompts_show("plam")
    with pytest.raises(NotFound, match=f"unknown version 'xyz' of prompt 'plan'; known: {load_prompt('plan').version}"):
        await prompts_diff("plan", "xyz")
