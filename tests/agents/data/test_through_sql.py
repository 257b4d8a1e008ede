"""Route `sql`: what the model writes in SQL comes out in the platform's language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.agent import DataAgent
from agents.data.platform import load_platform
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog, Catalogs
from shared.catalog import schema as catalog_schema
from shared.database import create_tables
from shared.llm.client import Models
from shared.models import DataRequest, QueryAnswer
from shared.settings import Settings
from tests.agents.data.deriving import small_catalog, write_rows
from tests.scripted_ollama import ScriptedOllama

WEB = Catalog.model_validate(
    {
        "schema_group": "web",
        "platform": "spl",
        "tables": [
            {
                "name": "web",
                "kind": "index",
                "description": "Requests to the web shop",
                "columns": [
                    {"name": "_time", "type": "time"},
                    {"name": "status", "type": "number", "description": "HTTP status of the request"},
                    {"name": "service", "type": "string"},
                ],
            }
        ],
        "examples": [
            {"question": "How many requests were not found?", "query": "index=web status=404 | stats count"},
            {"question": "Requests by service and status", "query": "index=web | chart count over service by status"},
        ],
    }
)
FAILED = "How many sign-ins were a break-in, by user?"


Ask = Callable[[Catalog, str], Awaitable[QueryAnswer]]


@pytest.fixture
async def ask(engine: AsyncEngine, models: Models, settings: Settings) -> Ask:
    """Asks the group's agent."""
    write_rows(settings)
    await create_tables(engine, catalog_schema)
    catalogs = Catalogs(engine)

    async def asked(catalog: Catalog, question: str) -> QueryAnswer:
        await catalogs.put(catalog)
        agent = DataAgent(load_platform(catalog.platform), catalogs, models, Sandbox(settings), settings)
        return (await agent.query(DataRequest(question=question, schema_group=catalog.schema_group))).answers[0]

    return asked


async def test_sql_becomes_kql_with_the_same_rows(ask: Ask, scripted_ollama: ScriptedOllama) -> None:
    failed = "FROM SigninLogs WHERE ResultType = 'Failure'"
    scripted_ollama.reply = f"SELECT UserPrincipalName, count(*) AS n {failed} GROUP BY UserPrincipalName"
    answer = await ask(small_catalog(), FAILED)
    assert (answer.route, answer.proof.verdict) == ("sql", "proven")
    assert answer.query.startswith("SigninLogs")
    assert answer.result is not None
    assert answer.result.rows == [["eve", 2]]
    assert len(scripted_ollama.chats) == 1


async def test_sql_becomes_spl(ask: Ask, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SELECT service, COUNT(*) AS errors FROM web WHERE status >= 500 GROUP BY service"
    answer = await ask(WEB, "How many requests to the web shop does each service have with a status of 500 or more?")
    assert (answer.route, answer.proof.verdict) == ("sql", "proven")
    assert answer.query.startswith("index=web status>=500")
    assert "stats count" in answer.query


async def test_a_function_that_only_a_translation_knows_is_no_fault_of_sql_that_is_never_run(
    ask: Ask, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SELECT NVL(UserPrincipalName, 'x') AS u FROM SigninLogs WHERE ResultType = 'Failure'"
    answer = await ask(small_catalog(), FAILED)
    assert (answer.route, answer.proof.verdict, len(scripted_ollama.chats)) == ("sql", "proven", 1)
    assert not any("nvl" in note.lower() for note in answer.assumptions)


async def test_the_model_sees_types_and_examples_of_sql(ask: Ask, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SELECT COUNT(*) AS n FROM web WHERE status = 503"
    await ask(WEB, "How many requests to the web shop have status 503?")
    shown = " ".join(" ".join(message["content"].split()) for message in scripted_ollama.chats[0]["messages"])
    assert "SELECT COUNT(*) AS count FROM web WHERE status = 404" in shown
    assert "status DOUBLE" in shown
    assert "index=" not in shown
    assert "chart" not in shown  # an example that SQL can't say is left out


async def test_a_wrong_name_is_mended_in_sql_and_told(ask: Ask, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SELECT COUNT(DISTINCT UserName) AS users FROM SigninLogs WHERE ResultType = 'Failure'"
    answer = await ask(small_catalog(), FAILED)
    assert answer.route == "sql"
    assert "UserPrincipalName" in answer.query
    assert any("'UserPrincipalName' for 'UserName'" in note for note in answer.assumptions)
    assert len(scripted_ollama.chats) == 1


async def test_what_a_plan_can_not_say_is_asked_for_in_the_platforms_language(
    ask: Ask, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = [
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n, SigninLogs",
        "SigninLogs | where ResultType == 'Failure' | summarize count() by UserPrincipalName",
    ]
    answer = await ask(small_catalog(), FAILED)
    assert (answer.route, answer.proof.verdict) == ("direct", "proven")


async def test_a_model_that_answers_in_the_platforms_language_is_taken_at_its_word(
    ask: Ask, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SigninLogs | where ResultType == 'Failure' | count"
    answer = await ask(small_catalog(), FAILED)
    assert (answer.route, answer.proof.verdict) == ("direct", "proven")
    assert len(scripted_ollama.chats) == 1
