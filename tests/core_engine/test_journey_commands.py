"""`lexiquery journey`: what was asked, what came of it, and an end to what still runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from core_engine.bootstrap import LexiQuery
from core_engine.journey_commands import journey_cancel, journey_show, journeys_list
from core_engine.server import build_app
from core_engine.state import own_data_dir
from shared.errors import Conflict, InvalidInput, NotFound
from shared.models import Question
from shared.render import render_answer
from shared.settings import Settings
from tests.agents.serving import loopback_socket, on_a_socket
from tests.core_engine.conftest import ScriptedAgents, hangs
from tests.core_engine.processes import loggers_kept

QUESTION = Question(question="Which hosts are there?")


@pytest.fixture(autouse=True)
def _on_the_tests_data(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    with loggers_kept():
        yield


async def asked(lexiquery: LexiQuery) -> str:
    """The id of a journey that has ended."""
    journey_id = await lexiquery.product.start(QUESTION)
    await lexiquery.product.answer(journey_id)
    return journey_id


async def test_a_journey_is_shown_as_it_was_answered(lexiquery: LexiQuery) -> None:
    journey_id = await asked(lexiquery)
    shown = await journey_show(journey_id)
    assert shown.value == await lexiquery.product.answer(journey_id)
    assert shown.text == render_answer(shown.value)


async def test_journeys_are_listed_the_newest_first_and_by_status(lexiquery: LexiQuery, agents: ScriptedAgents) -> None:
    first, second = await asked(lexiquery), await asked(lexiquery)
    agents.replies["sql.query"] = hangs(reached := asyncio.Event())
    running = await lexiquery.product.start(QUESTION)
    await reached.wait()
    assert [one.journey_id for one in (await journeys_list()).value] == [running, second, first]
    assert [one.journey_id for one in (await journeys_list(limit=1, status="completed")).value] == [second]
    line = (await journeys_list(status="running")).text.splitlines()[1].split()
    assert (line[:2], line[4:]) == ([running, "running"], ["-", *QUESTION.question.split()])
    assert (await journeys_list(status="failed")).text == "no journey is 'failed'"
    await lexiquery.product.cancel(running)


async def test_an_unknown_status_gets_the_nearest() -> None:
    assert (await journeys_list(status="needs clarification")).text == "no journey is 'needs_clarification'"
    with pytest.raises(InvalidInput, match="unknown status 'complete'; did you mean 'completed'"):
        await journeys_list(status="complete")


async def test_a_running_journey_is_cancelled_by_the_server_that_runs_it(
    lexiquery: LexiQuery, agents: ScriptedAgents, settings: Settings
) -> None:
    agents.replies["sql.query"] = hangs(reached := asyncio.Event())
    journey_id = await lexiquery.product.start(QUESTION)
    await reached.wait()
    shown = await journey_show(journey_id)
    assert shown.value == {"journey_id": journey_id, "status": "running"}
    assert shown.text.startswith(f"{QUESTION.question}\njourney {journey_id}: running\n")
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(build_app(lexiquery, url), listener), own_data_dir(settings, url=url):
        cancelled = await journey_cancel(journey_id)
        assert cancelled.text == f"journey {journey_id} is being cancelled"
        async with asyncio.timeout(60):
            assert (await lexiquery.product.answer(journey_id)).status == "cancelled"
        with pytest.raises(Conflict, match=f"journey '{journey_id}' has ended as cancelled"):
            await journey_cancel(journey_id)


async def test_without_a_server_nothing_is_cancelled_and_the_way_is_named(
    lexiquery: LexiQuery, agents: ScriptedAgents
) -> None:
    agents.replies["sql.query"] = hangs(reached := asyncio.Event())
    journey_id = await lexiquery.product.start(QUESTION)
    await reached.wait()
    with pytest.raises(Conflict, match=f"no server runs journey '{journey_id}'; start one with `lexiquery up`"):
        await journey_cancel(journey_id)
    assert not await lexiquery.state.store.cancel_requested(journey_id)
    await lexiquery.product.cancel(journey_id)


async def test_an_unknown_journey_is_named() -> None:
    for command in (journey_show, journey_cancel):
        with pytest.raises(NotFound, match="unknown journey 'nope'"):
            await command("nope")
