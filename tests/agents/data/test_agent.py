"""The data agent on a small group: what it answers, and what it says of how it came to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.agent import DataAgent
from agents.data.platform import load_platform
from agents.data.sandbox import Sandbox
from shared import catalog as catalog_module
from shared.catalog import Catalogs
from shared.database import create_tables
from shared.errors import InvalidInput, NotFound
from shared.llm.client import Completion, Models
from shared.models import DataResult, Links, QueryAnswer
from shared.settings import Settings
from tests.agents.data.deriving import small_catalog, write_rows
from tests.scripted_ollama import ScriptedOllama

FAILED = "Which users failed to sign in?"


@pytest.fixture
async def agent(settings: Settings, engine: AsyncEngine, models: Models) -> AsyncIterator[DataAgent]:
    await create_tables(engine, catalog_module.schema)
    catalogs = Catalogs(engine)
    await catalogs.put(small_catalog())
    write_rows(settings)
    sandbox = Sandbox(settings)
    yield DataAgent(load_platform("kql"), catalogs, models, sandbox, settings)
    sandbox.close()


async def ask(agent: DataAgent, question: str, **more: Any) -> QueryAnswer:
    result = DataResult.model_validate(await agent.run("query", {"question": question, **more}))
    return result.answers[0]


async def test_a_good_first_query_takes_one_call_and_is_run(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = (
        "SigninLogs | where ResultType == 'Failure' | summarize Failures=count() by UserPrincipalName"
    )
    answer = await ask(agent, FAILED)
    assert answer.proof.verdict == "proven"
    assert answer.result
    assert answer.result.rows == [["eve", 2]]
    assert (answer.route, answer.assumptions, len(scripted_ollama.chats)) == ("direct", [], 1)


async def test_an_address_made_harmless_is_asked_for_as_it_is(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SigninLogs | where UserPrincipalName == 'eve@evil.com'"
    answer = await ask(agent, "Which sign-ins did eve[at]evil[.]com make?")
    assert "eve@evil.com" in scripted_ollama.chats[0]["messages"][-1]["content"]
    assert answer.query == "SigninLogs | where UserPrincipalName == 'eve@evil.com'"
    assert answer.assumptions[0] == "'eve[at]evil[.]com' is read as 'eve@evil.com'"


async def test_a_misspelt_column_is_mended_without_a_second_call(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SigninLogs | where ResultType == 'Failure' | distinct UserName"
    answer = await ask(agent, FAILED)
    assert answer.query.endswith("distinct UserPrincipalName")
    assert any("'UserPrincipalName' for 'UserName'" in note for note in answer.assumptions)
    assert len(scripted_ollama.chats) == 1


async def test_what_code_can_not_mend_goes_back_to_the_model_with_the_problem(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = [
        "SigninLogs | where (ResultType == 'Failure'",
        "SigninLogs | where ResultType == 'Failure'",
    ]
    answer = await ask(agent, FAILED)
    assert answer.proof.verdict == "proven"
    shown = scripted_ollama.chats[1]["messages"][-2:]
    assert shown[0]["content"] == "SigninLogs | where (ResultType == 'Failure'"
    assert "That query is wrong" in shown[1]["content"]
    assert answer.evidence["repairs"] > 0


async def test_a_query_that_stays_wrong_comes_with_its_rejected_proof_and_is_not_run(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SELECT FROM WHERE ("
    answer = await ask(agent, FAILED)
    assert answer.proof.verdict == "rejected"
    assert answer.result is None
    # On each route, SQL's and KQL's, the same query came twice: a third call would bring it again. Between them a form.
    assert len(scripted_ollama.chats) == 5
    assert scripted_ollama.chats[2]["format"]["properties"]["table"] == {"enum": ["SigninLogs"]}


@pytest.mark.parametrize(
    ("said", "problem"),
    [("SELECT " * 200, "the model repeated itself until it was stopped"), ("", "the model answered nothing")],
)
async def test_a_model_that_repeats_itself_or_says_nothing_is_the_first_problem(
    agent: DataAgent, scripted_ollama: ScriptedOllama, said: str, problem: str
) -> None:
    scripted_ollama.reply = said
    answer = await ask(agent, FAILED)
    first = answer.proof.problems[0]
    assert (answer.proof.verdict, first.message) == ("rejected", problem)
    assert "LEXIQUERY_MODEL" in str(first.suggestion)
    assert len(answer.proof.problems) > 1
    assert not any(problem in json.dumps(chat["messages"]) for chat in scripted_ollama.chats)


async def test_a_form_is_filled_in_where_no_query_can_be_proven(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    form = {
        "table": "SigninLogs",
        "where": [{"column": "ResultType", "is_": "=", "value": "Failure"}],
        "compute": [{"function": "count", "column": "*"}],
        "by": ["UserPrincipalName"],
        "show": [],
        "order": "highest first",
        "limit": 0,
    }
    scripted_ollama.reply = ["SELECT FROM WHERE (", "SELECT FROM WHERE (", json.dumps(form)]
    answer = await ask(agent, "Failed sign-ins by user")
    assert (answer.route, answer.proof.verdict) == ("outline", "proven")
    assert answer.result
    assert answer.result.rows == [["eve", 2]]
    assert any("filled in a form" in note for note in answer.assumptions)


async def test_a_form_that_leaves_out_what_the_question_names_is_an_answer_where_there_is_no_other(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    form = {"table": "SigninLogs", "where": [], "compute": [], "by": [], "show": [], "order": "none", "limit": 0}
    wrong = "SELECT FROM WHERE ("
    scripted_ollama.reply = [wrong, wrong, json.dumps(form), wrong, wrong]
    answer = await ask(agent, "Failed sign-ins from 192.0.2.7")
    assert (answer.route, answer.proof.verdict, len(scripted_ollama.chats)) == ("outline", "proven", 5)
    assert "the question names '192.0.2.7', the query does not" in answer.assumptions
    scripted_ollama.reply = [wrong, wrong, json.dumps(form), "SigninLogs | take 5"]
    answer = await ask(agent, "Failed sign-ins, from 192.0.2.7")
    assert (answer.route, answer.proof.verdict) == ("direct", "proven")


async def test_a_value_in_another_spelling_gets_the_catalogs(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SigninLogs | where ResultType == 'failure'"
    answer = await ask(agent, FAILED)
    assert "'Failure'" in answer.query
    assert answer.result
    assert len(answer.result.rows) == 2


async def test_no_rows_are_explained_by_the_value_that_never_occurs(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "Heartbeat | where Computer == 'web-4'"
    answer = await ask(agent, "When did computer web-4 give a sign of life?")
    assert answer.result
    assert answer.result.rows == []
    assert answer.assumptions == [
        "no row is left after `where Computer == 'web-4'`; 1 row before it",
        "no row has Computer 'web-4'; there is 'web-3'",
    ]


async def test_a_value_that_nothing_says_is_told(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SigninLogs | where Country == 'DE'"
    answer = await ask(agent, "Which users signed in?")
    assert answer.assumptions == ["Country is compared with 'DE', which nothing in the question says"]


async def test_a_solved_question_asked_again_needs_no_model(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    answer = await ask(agent, "how many sign-ins were there")
    assert (answer.route, answer.query) == ("example", "SigninLogs\n| count")
    assert scripted_ollama.chats == []


async def test_what_only_a_runbook_shows_is_no_answer_by_itself(
    agent: DataAgent, engine: AsyncEngine, scripted_ollama: ScriptedOllama
) -> None:
    catalog = small_catalog()
    shown = [one.model_copy(update={"source": "runbook", "cited": "a.md"}) for one in catalog.examples]
    await Catalogs(engine).put(catalog.model_copy(update={"examples": shown}))
    scripted_ollama.reply = "SigninLogs | summarize count()"
    answer = await ask(agent, "how many sign-ins were there")
    assert (answer.route, len(scripted_ollama.chats)) == ("direct", 1)


async def test_a_refused_query_is_not_given_again(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = ["SigninLogs | take 5", "SigninLogs | where ResultType == 'Failure'"]
    answer = await ask(agent, FAILED, rejected=[("SigninLogs | take 5", "only failures, please")])
    assert answer.query == "SigninLogs | where ResultType == 'Failure'"
    assert "only failures, please" in str(scripted_ollama.chats[0]["messages"])


async def test_a_refused_query_is_known_in_another_form(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = ["SigninLogs|where ResultType=='0'", "SigninLogs | where ResultType == 'Failure'"]
    answer = await ask(agent, FAILED, rejected=[('SigninLogs\n| where ResultType == "0"', "")])
    assert answer.query == "SigninLogs | where ResultType == 'Failure'"


async def test_a_refused_query_that_comes_again_is_told(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SigninLogs | count"
    answer = await ask(agent, FAILED, rejected=[("SigninLogs\n|  count", "not all of them")])
    assert len(scripted_ollama.chats) == 2
    assert any("not accepted before" in note for note in answer.assumptions)


async def test_a_refused_example_is_not_remembered_in_another_form(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SigninLogs | summarize count()"
    await ask(agent, "How many sign-ins were there?", rejected=[("SigninLogs | count", "")])
    assert scripted_ollama.chats


async def test_the_model_is_not_asked_the_same_twice(
    settings: Settings,
    engine: AsyncEngine,
    models: Models,
    scripted_ollama: ScriptedOllama,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    chat = models.chat

    async def counted(messages: list[dict[str, str]], **more: Any) -> Completion:
        asked.append(json.dumps(messages))  # before the cache, which would answer the second
        return await chat(messages, **more)

    monkeypatch.setattr(models, "chat", counted)
    await create_tables(engine, catalog_module.schema)
    tables = small_catalog().model_copy(update={"platform": "sql", "examples": [], "glossary": []})
    await Catalogs(engine).put(tables)
    sandbox = Sandbox(settings)
    asker = DataAgent(load_platform("sql"), Catalogs(engine), models, sandbox, settings)
    names = ("UserName", "UserNam", "UserPrincipal", "UserPrincipalNam", "UserNames")
    scripted_ollama.reply = [f"SELECT {name}, frobnicated(ResultType) FROM SigninLogs" for name in names]
    answer = await ask(asker, FAILED)
    sandbox.close()
    assert answer.proof.verdict == "rejected"
    assert len(asked) == len(set(asked)) == 3


async def test_a_draft_of_several_statements_is_a_problem_and_no_error(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SELECT UserPrincipalName FROM SigninLogs; SELECT 1"
    assert (await ask(agent, FAILED)).proof.verdict == "rejected"


async def test_a_question_about_something_else_gets_options_and_no_query(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    result = DataResult.model_validate(await agent.run("query", {"question": "What is for lunch in Paris?"}))
    assert result.answers == []
    assert result.clarification
    assert any("SigninLogs" in option for option in result.clarification.options)
    assert scripted_ollama.chats == []


async def test_a_question_that_names_nothing_gets_options_and_no_query(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    result = DataResult.model_validate(await agent.run("query", {"question": "Show me the bad ones"}))
    assert result.answers == []
    assert result.clarification
    assert result.clarification.question.startswith("The question does not say what to look for.")
    assert scripted_ollama.chats == []


async def test_what_is_asked_for_and_missing_is_asked_back_after_one_call(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SELECT UserPrincipalName, PhoneNumber FROM SigninLogs WHERE ResultType = 'Failure'"
    asked = {"question": "Phone numbers of users with failed sign-ins"}
    result = DataResult.model_validate(await agent.run("query", asked))
    assert result.answers == []
    assert result.clarification
    assert "called 'PhoneNumber'" in result.clarification.question
    assert len(scripted_ollama.chats) == 1


async def test_run_false_gives_the_proven_query_alone(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SigninLogs | where ResultType == 'Failure'"
    answer = await ask(agent, FAILED, run=False)
    assert answer.proof.verdict == "proven"
    assert answer.result is None


async def test_link_names_the_table_and_why(agent: DataAgent) -> None:
    links = Links.model_validate(await agent.run("link", {"question": FAILED}))
    assert links.tables[0].table == "SigninLogs"
    assert links.tables[0].score > links.tables[1].score
    assert links.tables[0].why


async def test_prove_and_execute_ask_no_model(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    request = {"platform": "kql", "schema_group": "ops", "query": "Heartbeat | project Computer"}
    assert (await agent.run("prove", request))["verdict"] == "proven"
    assert (await agent.run("execute", request))["rows"] == [["web-3"]]
    assert scripted_ollama.requests == []


async def test_a_request_without_a_question_names_the_field(agent: DataAgent) -> None:
    with pytest.raises(InvalidInput, match="question"):
        await agent.run("query", {})


async def test_an_unknown_skill_gets_the_nearest(agent: DataAgent) -> None:
    with pytest.raises(NotFound, match="query"):
        await agent.run("qury", {})


def test_every_skill_is_tagged_with_the_platform(agent: DataAgent) -> None:
    assert {skill.id for skill in agent.skills()} == {"link", "query", "prove", "execute"}
    assert all(skill.tags == ["platform:kql"] for skill in agent.skills())


async def test_a_column_that_no_spelling_is_near_to_is_found_by_its_meaning(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SigninLogs | where ResultType == 'Failure' | distinct WhoSignedIn"
    answer = await ask(agent, FAILED)
    assert answer.query.endswith("distinct UserPrincipalName")
    assert len(scripted_ollama.chats) == 1


async def test_how_likely_the_query_was_to_the_model_is_evidence(
    agent: DataAgent, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.reply = "SigninLogs | where ResultType == 'Failure'"
    assert "surprise" not in (await ask(agent, FAILED)).evidence
    scripted_ollama.logprob = -0.25
    told = (await ask(agent, "Which users have failed to sign in?")).evidence
    assert (told["surprise"], told["least_likely"]) == (0.25, 0.779)
