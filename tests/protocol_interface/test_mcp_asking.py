"""The MCP server asks its user: what was meant, and whether a query is to be run."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult

from protocol_interface.mcp_server import build_mcp
from shared.models import Answer, Clarification
from tests.protocol_interface.mcp_serving import both_versions, served, text_of
from tests.protocol_interface.notebook import Notebook

VAGUE = {"question": "How many?"}


class User:
    """Answers forms in order: with content, or `decline` or `cancel`; keeps what it was asked."""

    def __init__(self, *replies: dict[str, Any] | str) -> None:
        self._replies = list(replies)
        self.messages: list[str] = []
        self.forms: list[dict[str, Any]] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.messages.append(params.message)
        self.forms.append(params.requested_schema)
        reply = self._replies.pop(0)
        if isinstance(reply, str):
            return ElicitResult.model_validate({"action": reply})
        return ElicitResult(action="accept", content=reply)


async def ask(product: Notebook, mode: str, user: User | None, arguments: dict[str, Any]) -> tuple[Answer, str]:
    async with served(build_mcp(product)) as url, Client(url, mode=mode, elicitation_callback=user) as client:
        result = await client.call_tool("ask", arguments)
    return Answer.model_validate(result.structured_content), text_of(result)


@both_versions
async def test_a_clarification_is_asked_for_and_the_question_asked_again_with_it(mode: str) -> None:
    product, user = Notebook(), User({"answer": "sign-ins"})
    answer, _ = await ask(product, mode, user, {**VAGUE, "run": True})
    assert user.messages == ["How many of what?"]
    assert user.forms[0]["properties"]["answer"]["enum"] == ["sign-ins", "hosts"]
    assert [one.question for one in product.asked] == ["How many?", "How many? (sign-ins)"]
    assert (answer.status, answer.question) == ("completed", "How many? (sign-ins)")
    assert answer.answers[0].result is not None


@both_versions
async def test_a_question_that_stays_vague_is_asked_back_about_three_times(mode: str) -> None:
    class Vague(Notebook):
        async def answer(self, journey_id: str) -> Answer:
            answer = await super().answer(journey_id)
            asked_back = Clarification(question="How many of what?", options=["sign-ins", "hosts"])
            return answer.model_copy(
                update={"status": "needs_clarification", "answers": [], "clarification": asked_back}
            )

    product, user = Vague(), User(*[{"answer": "hosts"}] * 9)
    answer, _ = await ask(product, mode, user, VAGUE)
    assert len(user.messages) == 3
    assert product.asked[-1].question == "How many? (hosts) (hosts) (hosts)"
    assert (len(product.asked), answer.status) == (4, "needs_clarification")


@both_versions
async def test_words_of_ones_own_go_before_an_option(mode: str) -> None:
    product = Notebook()
    await ask(product, mode, User({"answer": "hosts", "other": "sign-ins of admins"}), {**VAGUE, "run": True})
    assert product.asked[-1].question == "How many? (sign-ins of admins)"


@both_versions
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_who_does_not_say_gets_the_clarification_as_the_result(mode: str, action: str) -> None:
    product = Notebook()
    answer, text = await ask(product, mode, User(action), {**VAGUE, "run": True})
    assert len(product.asked) == 1
    assert answer.status == "needs_clarification"
    assert "- sign-ins" in text


@both_versions
async def test_a_client_without_forms_gets_the_clarification_as_the_result_and_rows_unasked(mode: str) -> None:
    answer, text = await ask(Notebook(), mode, None, VAGUE)
    assert answer.status == "needs_clarification"
    assert "How many of what?" in text
    answer, _ = await ask(Notebook(), mode, None, {"question": "Failures?"})
    assert answer.answers[0].result is not None


@both_versions
async def test_the_user_is_shown_the_query_before_it_runs(mode: str) -> None:
    product, user = Notebook(), User({"run": True})
    answer, text = await ask(product, mode, user, {"question": "Failures?"})
    assert user.messages == ["Run this query?\n\nkql on ops_logs:\nSigninLogs | count"]
    assert [one.run for one in product.asked] == [False]
    assert [one.query for one in product.executed] == ["SigninLogs | count"]
    assert answer.answers[0].result is not None
    assert "(1 row)" in text


@both_versions
@pytest.mark.parametrize("reply", [{"run": False}, "decline", "cancel"])
async def test_a_query_that_the_user_does_not_want_run_is_shown_without_rows(mode: str, reply: Any) -> None:
    product = Notebook()
    answer, text = await ask(product, mode, User(reply), {"question": "Failures?"})
    assert product.executed == []
    assert answer.answers[0].result is None
    assert "not run" in text


@both_versions
async def test_one_call_asks_for_the_meaning_and_then_whether_to_run(mode: str) -> None:
    product, user = Notebook(), User({"answer": "sign-ins"}, {"run": True})
    answer, _ = await ask(product, mode, user, VAGUE)
    assert len(user.messages) == 2
    assert answer.question == "How many? (sign-ins)"
    assert len(product.executed) == 1
    assert answer.answers[0].result is not None


@both_versions
@pytest.mark.parametrize("run", [True, False])
async def test_who_said_whether_to_run_is_not_asked(mode: str, run: bool) -> None:
    product, user = Notebook(), User()
    await ask(product, mode, user, {"question": "Failures?", "run": run})
    assert user.messages == []
    assert [one.run for one in product.asked] == [run]


@both_versions
async def test_a_tool_of_the_registry_asks_too_and_only_its_agent(mode: str) -> None:
    product, user = Notebook(), User({"answer": "sign-ins"}, {"run": True})
    async with served(build_mcp(product)) as url, Client(url, mode=mode, elicitation_callback=user) as client:
        result = await client.call_tool("query_kql", VAGUE)
    assert Answer.model_validate(result.structured_content).status == "completed"
    assert [one.agent for one in product.asked] == ["kql", "kql"]


async def test_state_that_a_client_made_up_is_refused() -> None:
    async with Client(build_mcp(Notebook()), mode="2026-07-28", elicitation_callback=User()) as client:
        with pytest.raises(Exception, match=r"(?i)request ?state"):
            await client.session.call_tool("ask", VAGUE, request_state='{"journey_id": "journey-1"}')
