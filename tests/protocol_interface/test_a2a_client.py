"""The A2A client: the same over in-memory HTTP and the network, with agents that are good, dead, hung or lying."""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from a2a.helpers import new_data_part
from a2a.types import Part
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agents.serve import agent_app, agent_card
from protocol_interface.a2a_client import A2AClient, peer
from protocol_interface.bounded import ANSWER_LIMIT
from protocol_interface.registry import Registry
from shared import ledger as ledger_module
from shared.context import scoped
from shared.database import create_tables, open_database
from shared.errors import AgentUnavailable, BudgetExceeded, InvalidInput, LexiQueryError, NotFound
from shared.ledger import Ledger
from shared.models import Budget
from shared.settings import Settings
from tests.agents.scripted_agent import COUNTED, ScriptedAgent, model_call
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.foreign import Failing, Foreign, foreign


@asynccontextmanager
async def elsewhere(
    registry: Registry, agent: ScriptedAgent, *, trusted: bool = True, **options: Any
) -> AsyncIterator[None]:
    """The agent on a socket, registered by its URL: by the operator, or else by a stranger."""
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(agent, url=url, **options), listener):
        await (registry.register_own(agent.name, url) if trusted else registry.register_url(url))
        yield


@pytest.fixture(params=["in this process", "elsewhere"])
async def client(
    request: pytest.FixtureRequest,
    agent: ScriptedAgent,
    registry: Registry,
    ledger: Ledger,
    settings: Settings,
) -> AsyncIterator[A2AClient]:
    """A client whose scripted agent is reached either way."""
    if request.param == "elsewhere":
        async with elsewhere(registry, agent, ledger=ledger):
            client = A2AClient(registry, ledger=ledger, local={}, settings=settings)
            yield client
            await client.close()
        return
    url = "http://scripted.agents.localhost"
    await registry.register(agent_card(agent, url), url=url)
    local = {agent.name: agent_app(agent, url=url, ledger=ledger)}
    client = A2AClient(registry, ledger=ledger, local=local, settings=settings)
    yield client
    await client.close()


async def test_the_output_is_what_the_agent_returned(client: A2AClient) -> None:
    output = await client.invoke("scripted", "count", {})
    assert output == {"rows": [COUNTED], "truncated": False}


async def test_the_agent_works_for_the_callers_journey(client: A2AClient) -> None:
    with scoped(journey_id="j-1", agent="core_engine", parent_call_id="c-1", budget=Budget(calls=3)):
        seen = await client.invoke("scripted", "who", {})
    budget = {"calls": 3, "tokens": None, "seconds": None, "money": None}
    assert seen == {"journey_id": "j-1", "agent": "scripted", "parent_call_id": "c-1", "budget": budget}


async def test_what_was_sent_does_not_come_back_with_the_answer(client: A2AClient) -> None:
    output = await client.invoke("scripted", "count", {"document": "x" * ANSWER_LIMIT})
    assert output == {"rows": [COUNTED], "truncated": False}


ANSWERED: list[tuple[str, dict[str, Any], type[LexiQueryError], str]] = [
    ("miss", {"table": "SigninLog"}, NotFound, "unknown table 'SigninLog'; did you mean 'SigninLogs'?"),
    ("search", {}, InvalidInput, "search: question: Field required"),
    ("ecko", {}, InvalidInput, "agent 'scripted' has no skill 'ecko'; did you mean 'echo'?"),
    ("break", {}, LexiQueryError, "agent 'scripted' failed with KeyError; its log has more"),
]


@pytest.mark.parametrize(("skill", "request_", "cls", "says"), ANSWERED)
async def test_an_agents_error_is_raised_as_itself(
    client: A2AClient, skill: str, request_: dict[str, Any], cls: type[LexiQueryError], says: str
) -> None:
    with pytest.raises(LexiQueryError) as raised:
        await client.invoke("scripted", skill, request_)
    assert type(raised.value) is cls
    assert str(raised.value) == says


async def test_an_agent_that_hangs_is_given_up_and_its_task_cancelled(client: A2AClient, agent: ScriptedAgent) -> None:
    with pytest.raises(AgentUnavailable, match=r"agent 'scripted' did not answer within 0\.3 s"):
        await client.invoke("scripted", "hang", {}, seconds=0.3)
    await agent.cancelled.wait()


async def test_a_caller_that_is_cancelled_cancels_the_agents_run(client: A2AClient, agent: ScriptedAgent) -> None:
    asking = asyncio.create_task(client.invoke("scripted", "hang", {}))
    await agent.started.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await agent.cancelled.wait()


async def test_of_two_tasks_in_one_journey_only_the_cancelled_one_ends(client: A2AClient, agent: ScriptedAgent) -> None:
    with scoped(journey_id="j-1"):
        asking = asyncio.create_task(client.invoke("scripted", "hang", {"n": 1}))
        await agent.started.wait()
        with pytest.raises(AgentUnavailable):
            await client.invoke("scripted", "hang", {"n": 2}, seconds=0.3)
    await agent.cancelled.wait()
    agent.release.set()
    assert await asking == {"n": 1}


async def test_an_unknown_agent_gets_the_nearest_name(local_client: A2AClient) -> None:
    with pytest.raises(NotFound, match=r"unknown agent 'script'; did you mean 'scripted'\?"):
        await local_client.invoke("script", "echo", {})


async def test_a_dead_agent_is_named_with_its_address(registry: Registry, remote_client: A2AClient) -> None:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    await registry.register(agent_card(ScriptedAgent("dead"), url), url=url)
    with pytest.raises(AgentUnavailable, match=f"can't reach agent 'dead' at {url}: ConnectError"):
        await remote_client.invoke("dead", "echo", {})


async def test_the_task_of_a_dead_replica_goes_to_another(
    registry: Registry, remote_client: A2AClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = loopback_socket()
    dead = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(ScriptedAgent(), url=dead), listener):
        await registry.register_own("scripted", dead)
    monkeypatch.setattr(random, "sample", lambda entries, _: sorted(entries, key=lambda entry: entry.url != dead))
    async with elsewhere(registry, ScriptedAgent()):
        with structlog.testing.capture_logs() as logs:
            assert [await remote_client.invoke("scripted", "echo", {"n": n}) for n in (1, 2)] == [{"n": 1}, {"n": 2}]
    assert [line["url"] for line in logs if line["event"] == "replica can't be reached"] == [dead]


async def test_a_replica_that_was_reached_is_the_only_one_asked(
    registry: Registry, remote_client: A2AClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be at work: what it did not answer is not done twice."""
    hung, other = ScriptedAgent(), ScriptedAgent()
    async with elsewhere(registry, hung):
        [first] = await registry.places("scripted")
        monkeypatch.setattr(random, "sample", lambda entries, _: sorted(entries, key=lambda entry: entry.url != first))
        async with elsewhere(registry, other):
            with pytest.raises(AgentUnavailable, match="did not answer within"):
                await remote_client.invoke("scripted", "hang", {}, seconds=0.3)
            await hung.cancelled.wait()
    assert not other.started.is_set()


async def test_the_calls_of_an_agent_elsewhere_land_on_our_ledger(
    registry: Registry, remote_client: A2AClient, ledger: Ledger, settings: Settings
) -> None:
    theirs = open_database(f"sqlite:///{settings.data_dir / 'theirs.db'}")
    await create_tables(theirs, ledger_module.schema)
    their_ledger = Ledger(theirs)
    async with elsewhere(registry, ScriptedAgent(ledger=their_ledger), ledger=their_ledger):
        with scoped(journey_id="j-1"):
            await remote_client.invoke("scripted", "call_model", {"call": "c-1"})
            with pytest.raises(NotFound):
                await remote_client.invoke("scripted", "call_model", {"call": "c-2", "then_fail": True})
    calls = await ledger.calls("j-1")
    assert [(call.id, call.agent, call.prompt_tokens, call.request) for call in calls] == [
        ("c-1", "scripted", 12, None),
        ("c-2", "scripted", 12, None),
    ]
    await theirs.dispose()


async def test_the_calls_of_a_task_that_was_given_up_land_on_our_ledger(
    registry: Registry, remote_client: A2AClient, ledger: Ledger
) -> None:
    call = model_call("c-1", journey_id="j-1", agent="foreign").model_dump(mode="json")
    async with foreign(registry, Foreign(calls=[call], hold=True)):
        with scoped(journey_id="j-1"), pytest.raises(AgentUnavailable, match="did not answer within"):
            await remote_client.invoke("foreign", "echo", {}, seconds=0.3)
        await remote_client.close()
    assert (await ledger.journey_summary("j-1")).prompt_tokens == 12


async def test_an_input_of_very_many_values_is_sent_and_read(client: A2AClient) -> None:
    many = {"numbers": [2**63 + 1] * 30_000}
    assert await client.invoke("scripted", "echo", many) == many


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", {1, 2}], ids=["NaN", "infinite", "no Unicode", "a set"]
)
async def test_of_very_many_values_each_must_have_a_form_in_json(client: A2AClient, value: Any) -> None:
    with pytest.raises(InvalidInput, match="can't be sent as JSON"):
        await client.invoke("scripted", "echo", {"numbers": [1] * 30_000, "last": value})


async def test_the_key_goes_to_the_operators_agents_and_to_no_stranger(
    registry: Registry, ledger: Ledger, settings: Settings
) -> None:
    keyed = settings.model_copy(update={"api_key": SecretStr("a key")})
    client = A2AClient(registry, ledger=ledger, local={}, settings=keyed)
    async with elsewhere(registry, ScriptedAgent(), api_key="a key"):
        assert await client.invoke("scripted", "echo", {"n": 1}) == {"n": 1}
    async with elsewhere(registry, ScriptedAgent("stranger"), api_key="a key", trusted=False):
        with pytest.raises(AgentUnavailable, match="agent 'stranger' answered HTTP 401"):
            await client.invoke("stranger", "echo", {})
    await client.close()


async def test_an_agent_nobody_here_wrote_is_understood(registry: Registry, remote_client: A2AClient) -> None:
    executor = Foreign([new_data_part({"n": 3, "names": ["a"]})])
    async with foreign(registry, executor):
        output = await remote_client.invoke("foreign", "echo", {"limit": 5})
    assert output == {"n": 3, "names": ["a"]}
    assert executor.got == [{"skill": "echo", "input": {"limit": 5}}]


async def test_a_peer_writes_only_into_the_journey_it_worked_for(
    registry: Registry, remote_client: A2AClient, ledger: Ledger
) -> None:
    reported = [
        model_call(name, journey_id=journey, agent="foreign").model_dump(mode="json")
        for name, journey in (("ours", "j-1"), ("other", "j-2"))
    ]
    executor = Foreign([new_data_part({})], calls=reported)
    async with foreign(registry, executor):
        with scoped(journey_id="j-1"):
            await remote_client.invoke("foreign", "echo", {})
    assert [call.journey_id async for call in ledger.every_call()] == ["j-1"]


async def test_a_strangers_call_neither_replaces_nor_is_replayed_for_one_of_ours(
    registry: Registry, remote_client: A2AClient, ledger: Ledger
) -> None:
    ours = model_call("ours", journey_id="j-1", agent="kql").model_copy(update={"status": "pending"})
    await ledger.begin(ours)
    reported = model_call("ours", journey_id="j-1", agent="kql").model_dump(mode="json")
    async with foreign(registry, Foreign([new_data_part({})], calls=[reported])):
        with scoped(journey_id="j-1"):
            await remote_client.invoke("foreign", "echo", {})
    kept, theirs = await ledger.calls("j-1")
    assert kept == ours
    assert await ledger.replay("ours") is None
    assert theirs.id.startswith("peer:foreign:")
    assert (theirs.agent, theirs.request, theirs.response, theirs.prompt_tokens) == ("foreign", None, None, 12)
    await ledger.check("j-1", None, Budget(calls=2))  # what a stranger says it used is not taken from the budget
    assert (await ledger.journey_summary("j-1")).calls == 2, "and is shown"


UNREAL: list[dict[str, Any]] = [
    {"status": "unheard of"},
    {"prompt_tokens": -1_000_000},
    {"prompt_tokens": 2**40},
    {"total_seconds": -1},
    {"cost": -0.5},
    {"cost": "Infinity"},
    {"started_at": "0001-01-01T00:00:00+14:00"},
    {"completed_at": "9999-12-31T23:59:59-14:00"},
    {"started_at": "2026-01-01T00:00:00"},
    {"model": "m" * 10_000},
    {"provider": "a\0b"},
]


@pytest.mark.parametrize("call", UNREAL)
async def test_calls_that_can_not_be_real_don_t_cost_the_answer(
    registry: Registry, remote_client: A2AClient, ledger: Ledger, call: dict[str, Any]
) -> None:
    whole = model_call("c-1", journey_id="j-1", agent="foreign").model_dump(mode="json")
    executor = Foreign([new_data_part({"n": 1})], calls=[whole | call])
    async with foreign(registry, executor):
        with scoped(journey_id="j-1"):
            assert await remote_client.invoke("foreign", "echo", {}) == {"n": 1}
    assert [call async for call in ledger.every_call()] == []


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize("code", ["budget_exceeded", "unauthorized", "storage_failed", "internal_error"])
async def test_a_stranger_does_not_speak_for_the_journey_or_the_house(
    registry: Registry, remote_client: A2AClient, code: str
) -> None:
    async with foreign(registry, Failing(code)):
        with pytest.raises(AgentUnavailable):
            await remote_client.invoke("foreign", "echo", {})


async def test_a_stranger_says_what_was_wrong_with_its_task(registry: Registry, remote_client: A2AClient) -> None:
    async with foreign(registry, Failing("invalid_input")):
        with pytest.raises(InvalidInput, match=r"it says so$"):
            await remote_client.invoke("foreign", "echo", {})


async def test_the_operators_agent_tells_a_spent_budget(registry: Registry, remote_client: A2AClient) -> None:
    async with foreign(registry, Failing("budget_exceeded")):
        entry = await registry.route("foreign")
        await registry.register(entry.card, url=entry.url)
        with pytest.raises(BudgetExceeded, match=r"it says so$"):
            await remote_client.invoke("foreign", "echo", {})


async def test_who_gives_up_an_agent_that_answers_nothing_waits_no_longer(
    registry: Registry, remote_client: A2AClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "CANCEL_SECONDS", 0.05)
    released = asyncio.Event()

    async def never(_: Request) -> Response:
        await released.wait()
        return Response("late")

    host = Starlette(routes=[Route("/a2a/jsonrpc", never, methods=["POST"])])
    async with on_a_socket(host, loopback_socket()) as url:
        await registry.register(agent_card(ScriptedAgent(), url), url=url)
        with structlog.testing.capture_logs() as logs:
            with pytest.raises(AgentUnavailable, match=r"did not answer within 0\.05 s"):
                await remote_client.invoke("scripted", "echo", {}, seconds=0.05)
            before_close = list(logs)
            await remote_client.close()
        released.set()
    assert before_close == []
    assert [line["event"] for line in logs] == ["task not cancelled"]


LIES = [
    (
        Foreign([Part(text=nested(900), media_type="application/json")]),
        "agent 'foreign' answered nonsense: ValueError: JSON nested deeper than 64",
    ),
    (Foreign([Part(text="all is well")]), "agent 'foreign' answered nonsense: no JSON object in 'all is well'"),
    (Foreign(None), "agent 'foreign' asks back: Which one?; say so in what you ask"),
]


@pytest.mark.parametrize(("executor", "says"), LIES)
async def test_an_answer_that_is_no_output_is_told(
    registry: Registry, remote_client: A2AClient, executor: Foreign, says: str
) -> None:
    async with foreign(registry, executor):
        with pytest.raises(AgentUnavailable) as raised:
            await remote_client.invoke("foreign", "echo", {})
    assert str(raised.value) == says


NONSENSE = [
    (Response("<html>"), "answered nonsense: A2AClientError: Invalid JSON-RPC response in SSE stream"),
    (JSONResponse([1]), "answered nonsense: A2AClientError: Invalid JSON-RPC response"),
    (JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}}), "answered nonsense: ValueError"),
    (JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {"task": 5}}), "answered nonsense: ParseError"),
    (JSONResponse({"jsonrpc": "2.0", "id": 1, "result": 5}), "answered nonsense: "),
    (JSONResponse({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}}), "answered nonsense: "),
    (Response("gone", status_code=503), "agent 'scripted' answered HTTP 503"),
    (Response(nested(900)), "answered nonsense: "),
    (Response("[" * 100_000), "answered nonsense: RecursionError"),
    (Response(b" " * (ANSWER_LIMIT + 1)), "agent 'scripted' answered more than 16 MiB"),
    (Response(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}), "content encoding 'gzip', which was not"),
]


@pytest.mark.parametrize(("response", "says"), NONSENSE)
async def test_nonsense_on_the_wire_is_told(
    registry: Registry, remote_client: A2AClient, response: Response, says: str
) -> None:
    async def answer(_: Request) -> Response:
        return response

    host = Starlette(routes=[Route("/a2a/jsonrpc", answer, methods=["POST"])])
    async with on_a_socket(host, loopback_socket()) as url:
        await registry.register(agent_card(ScriptedAgent(), url), url=url)
        with pytest.raises(AgentUnavailable) as raised:
            await remote_client.invoke("scripted", "echo", {})
    assert says in str(raised.value)


async def test_an_agent_whose_card_speaks_nothing_we_speak_is_told(
    registry: Registry, remote_client: A2AClient
) -> None:
    card = agent_card(ScriptedAgent(), "http://a.example")
    for interface in card.supported_interfaces:
        interface.protocol_binding = "CARRIER-PIGEON"
    await registry.register(card, url="http://a.example")
    with pytest.raises(AgentUnavailable, match="no compatible transports"):
        await remote_client.invoke("scripted", "echo", {})


async def test_the_registrys_database_is_the_only_thing_two_clients_share(
    engine: AsyncEngine, registry: Registry, ledger: Ledger, settings: Settings
) -> None:
    """A client made after the agent was registered by another finds it."""
    async with elsewhere(registry, ScriptedAgent()):
        client = A2AClient(Registry(engine), ledger=ledger, local={}, settings=settings)
        assert await client.invoke("scripted", "echo", {"n": 1}) == {"n": 1}
        await client.close()
