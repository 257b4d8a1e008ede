"""Parts that an evaluation leaves out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.agent import DataAgent
from agents.data.parts import Part, catalogs_without, read_parts
from agents.data.platform import load_platform
from agents.data.routes import FILE, Route, Tally, learn
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog, Catalogs, Column, Example, Table, schema
from shared.database import create_tables
from shared.errors import InvalidInput
from shared.llm.client import Models
from shared.models import DataResult, QueryAnswer
from shared.settings import Settings
from tests.agents.data.deriving import small_catalog, write_rows
from tests.scripted_ollama import ScriptedOllama

CATALOG = Catalog(
    schema_group="estate",
    platform="sql",
    tables=[Table(name="hosts", columns=[Column(name="name", type="VARCHAR")])],
    examples=[Example(question="Which hosts are there?", query="SELECT name FROM hosts")],
)


def test_what_is_no_part_is_named_with_the_nearest() -> None:
    assert read_parts(["snap", "examples"]) == {Part.SNAP, Part.EXAMPLES}
    with pytest.raises(InvalidInput, match="'example' is no part of the derivation; did you mean 'examples'"):
        read_parts(["example"])


def test_every_part_is_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs/evaluating.md").read_text(encoding="utf-8")
    assert [part for part in Part if f"| `{part}` |" not in page] == []


def test_the_setting_is_a_list_with_commas(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXIQUERY_WITHOUT", "examples, snap")
    assert Settings().without == {"examples", "snap"}


async def test_without_examples_a_data_agent_sees_none(engine: AsyncEngine) -> None:
    await create_tables(engine, schema)
    catalogs = Catalogs(engine)
    await catalogs.put(CATALOG)
    bare = catalogs_without(["examples"], catalogs, engine)
    assert (await bare.get("estate")).examples == []
    assert (await bare.get("estate")).version != CATALOG.version
    assert (await catalogs_without([], catalogs, engine).get("estate")).examples == CATALOG.examples


Answered = Callable[..., Awaitable[QueryAnswer]]


@pytest.fixture
async def answered(settings: Settings, engine: AsyncEngine, models: Models) -> Answered:
    """The answer of an agent that leaves out the given parts."""
    await create_tables(engine, schema)
    catalogs = Catalogs(engine)
    await catalogs.put(small_catalog())
    write_rows(settings)

    async def answer(question: str, *without: Part) -> QueryAnswer:
        changed = settings.model_copy(update={"without": frozenset(without)})
        sandbox = Sandbox(changed)
        found = await DataAgent(load_platform("kql"), catalogs, models, sandbox, changed).run(
            "query", {"question": question}
        )
        sandbox.close()
        return DataResult.model_validate(found).answers[0]

    return answer


WRONG = "SELECT UserPrincpalName FROM SigninLogs WHERE ResultType = 'Failure'"


async def test_without_the_route_through_sql_the_platforms_language_is_asked_for(
    answered: Answered, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SigninLogs | where ResultType == 'Failure'"
    answer = await answered("Which sign-ins failed?", Part.ROUTE_SQL)
    assert (answer.route, answer.proof.verdict) == ("direct", "proven")
    assert "KQL" in scripted_ollama.chats[0]["messages"][0]["content"]


async def test_a_route_that_was_learned_comes_first_and_the_other_is_the_fallback(
    answered: Answered, settings: Settings, scripted_ollama: ScriptedOllama
) -> None:
    both: dict[Route, Tally] = {"sql": Tally(items=2, right=0), "direct": Tally(items=2, right=2)}
    routes = learn({"kql": both}, model=settings.model, suite="own", made="2026-11-21")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / FILE).write_text(routes.model_dump_json())
    scripted_ollama.reply = "SigninLogs | where ResultType == 'Failure'"
    answer = await answered("Which sign-ins failed?")
    assert (answer.route, len(scripted_ollama.chats)) == ("direct", 1)
    scripted_ollama.reply = ["SigninLogs | wher x", "SigninLogs | wher y", "SELECT * FROM SigninLogs"]
    answer = await answered("Which sign-ins were there?")
    assert (answer.route, answer.proof.verdict) == ("sql", "proven")
    scripted_ollama.reply = "SELECT * FROM SigninLogs WHERE ResultType = 'Failure'"
    assert (await answered("Which sign-ins failed?", Part.ROUTES)).route == "sql"


async def test_without_snap_a_misspelt_column_goes_to_the_model(
    answered: Answered, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = [WRONG, WRONG.replace("Princpal", "Principal")]
    answer = await answered("Who failed to sign in?", Part.SNAP)
    assert (answer.proof.verdict, len(scripted_ollama.chats)) == ("proven", 2)
    assert [note for note in answer.assumptions if note.startswith("used column")] == []


async def test_without_the_models_repair_one_draft_is_all(answered: Answered, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SigninLogs | wher nothing"
    answer = await answered("Who failed to sign in?", Part.MODEL_REPAIR, Part.ROUTE_SQL, Part.SNAP)
    assert (answer.proof.verdict, len(scripted_ollama.chats)) == ("rejected", 1)


async def test_without_values_the_model_is_not_told_what_words_mean(
    answered: Answered, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SELECT * FROM SigninLogs"
    for without, told in (((), True), ((Part.VALUES,), False)):
        await answered("Was there a break-in among the sign-ins?", *without)
        assert ("break-in: ResultType" in scripted_ollama.chats[-1]["messages"][-1]["content"]) is told


async def test_without_linking_the_tables_are_those_that_the_words_find(
    answered: Answered, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SELECT Computer FROM Heartbeat"
    await answered("Which computers run?", Part.LINKING)
    system = scripted_ollama.chats[-1]["messages"][0]["content"]
    assert system.index("Heartbeat:") < system.index("SigninLogs:")


async def test_without_the_account_the_models_sql_stays_as_it_is(
    answered: Answered, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SELECT * FROM SigninLogs WHERE ResultType = 'Failure' AND Country = 'DE'"
    note = "left out `Country = 'DE'`, which nothing in the question says"
    for without, mended in (((), True), ((Part.ACCOUNT,), False)):
        answer = await answered("Which sign-ins are a Failure?", *without)
        assert answer.route == "sql"
        assert (note in answer.assumptions, "DE" not in answer.query) == (mended, mended)
