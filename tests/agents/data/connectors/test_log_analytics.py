"""Log Analytics against a server that answers as its API reference says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agents.data.connectors.connector import Connector, connector_for
from shared.errors import InvalidInput, LexiQueryError, QueryFailed, QueryTimeout, SourceUnavailable
from shared.settings import Settings
from tests.agents.data.connectors.platforms import Answer, Reply, Request, group, serving

COLUMNS = [
    {"name": "TimeGenerated", "type": "datetime"},
    {"name": "Count", "type": "long"},
    {"name": "Details", "type": "dynamic"},
    {"name": "Share", "type": "decimal"},
]
ROWS = [["2026-03-10T08:00:00Z", number, '{"city": "Oslo"}', "0.25"] for number in range(1, 8)]
SEMANTIC_ERROR = {
    "error": {
        "message": "The request had some invalid properties",
        "code": "BadArgumentError",
        "correlationId": "8a1d1c44",
        "innererror": {
            "code": "SemanticError",
            "message": "A semantic error occurred.",
            "innererror": {"code": "SEM0100", "message": "'where' operator: Failed to resolve scalar 'Nmae'"},
        },
    }
}
PARTIAL_ERROR = {
    "code": "PartialError",
    "message": "There were some errors when processing your query.",
    "details": [{"code": "EngineError", "message": "Query is taking too long", "innererror": {"code": "-2133196790"}}],
}


def answer(rows: list[list[Any]]) -> Reply:
    return Reply({"tables": [{"name": "PrimaryResult", "columns": COLUMNS, "rows": rows}]})


@contextmanager
def connected(reply: Answer, options: str = "") -> Iterator[Connector]:
    with serving(reply) as host:
        url = f"loganalytics://Work-1?endpoint=http://{host}&authority=http://{host}{options}"
        yield connector_for(url, group("kql"), Settings())


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_ACCESS_TOKEN", "ready-token")


@pytest.mark.usefixtures("token")
async def test_a_page_is_asked_for_and_its_values_are_the_sandboxs() -> None:
    seen: list[Request] = []

    def reply(request: Request) -> Reply:
        seen.append(request)
        return answer(ROWS[:6])

    with connected(reply, "&timespan=P7D") as workspace:
        found = await workspace.run("orders | sort by id | render timechart", limit=2, offset=3, seconds=20)
    assert found.columns == ["TimeGenerated", "Count", "Details", "Share"]
    assert found.rows == [["2026-03-10T08:00:00Z", number, {"city": "Oslo"}, 0.25] for number in (4, 5)]
    assert found.truncated
    [request] = seen
    assert (request.method, request.path) == ("POST", "/v1/workspaces/Work-1/query")
    assert request.body == {"query": "orders | sort by id\n| take 6", "timespan": "P7D"}
    assert (request.headers["authorization"], request.headers["prefer"]) == ("Bearer ready-token", "wait=20")


@pytest.mark.usefixtures("token")
async def test_the_last_page_says_that_it_is() -> None:
    with connected(lambda _: answer(ROWS[:4])) as workspace:
        found = await workspace.run("orders", limit=2, offset=2, seconds=20)
    assert ([row[1] for row in found.rows], found.truncated) == ([3, 4], False)


async def test_an_application_gets_one_token_for_many_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, name.rpartition("_")[2].lower())
    seen: list[Request] = []

    def reply(request: Request) -> Reply:
        seen.append(request)
        if request.path.endswith("/token"):
            return Reply({"token_type": "Bearer", "expires_in": 3599, "access_token": "its-token"})
        return answer(ROWS[:1])

    with connected(reply) as workspace:
        for _ in range(2):
            await workspace.run("orders", limit=1, seconds=20)
    asked, *queries = seen
    assert asked.path == "/id/oauth2/v2.0/token"
    form = {name: asked.body[name] for name in ("grant_type", "client_id", "client_secret")}
    assert form == {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}
    assert asked.body["scope"].endswith("/.default")
    assert [one.headers["authorization"] for one in queries] == ["Bearer its-token"] * 2


async def test_what_entra_refuses_is_said_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "hidden")
    refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.\r\nTrace ID: 1"}
    with connected(lambda _: Reply(refusal, 401)) as workspace, pytest.raises(SourceUnavailable) as raised:
        await workspace.run("orders", limit=1, seconds=20)
    assert str(raised.value) == "Microsoft Entra ID gives no token: AADSTS7000215: Invalid client secret."


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(SEMANTIC_ERROR, 400), QueryFailed, "SEM0100: 'where' operator: Failed to resolve scalar 'Nmae'"),
        (
            Reply({"tables": [{"name": "PrimaryResult", "columns": [], "rows": []}], "error": PARTIAL_ERROR}),
            QueryFailed,
            "only a part of the result came: EngineError: Query is taking too long",
        ),
        (
            Reply({"error": {"code": "InsufficientAccessError", "message": "No access"}}, 403),
            SourceUnavailable,
            "No acc",
        ),
        (
            Reply({"error": {"code": "PathNotFoundError", "message": "No path"}}, 404),
            SourceUnavailable,
            "HTTP 404: Path",
        ),
        (Reply({"error": {"code": "GatewayTimeout", "message": "Timed out"}}, 504), QueryTimeout, "Timed out"),
        (Reply(None, 500, raw=b"<html>"), SourceUnavailable, "answered HTTP 500"),
        (Reply(None, raw=b"<html>sign in</html>"), SourceUnavailable, "not JSON"),
        (Reply({}), SourceUnavailable, "answered no table"),
    ],
)
async def test_an_answer_that_is_no_result_is_an_error_in_its_own_words(
    reply: Reply, error: type[LexiQueryError], says: str
) -> None:
    with connected(lambda _: reply) as workspace, pytest.raises(error) as raised:
        await workspace.run("orders", limit=1, seconds=20)
    assert says in str(raised.value)
    assert type(raised.value) is error


@pytest.mark.usefixtures("token")
async def test_a_busy_service_is_asked_again_when_it_says() -> None:
    replies = iter([Reply({"error": {"code": "ThrottledError"}}, 429, {"Retry-After": "0"}), answer(ROWS[:1])])
    with connected(lambda _: next(replies)) as workspace:
        assert len((await workspace.run("orders", limit=1, seconds=20)).rows) == 1


@pytest.mark.usefixtures("token")
async def test_a_service_that_stays_busy_longer_than_the_query_may_take_is_named() -> None:
    with (
        connected(lambda _: Reply({}, 429, {"Retry-After": "60"})) as workspace,
        pytest.raises(SourceUnavailable, match=r"loganalytics://Work-1 is busy \(HTTP 429\); try again in 60 s"),
    ):
        await workspace.run("orders", limit=1, seconds=20)


@pytest.mark.usefixtures("token")
async def test_a_query_ends_with_its_time_and_when_it_is_cancelled() -> None:
    going, over = threading.Event(), threading.Event()

    def reply(_: Request) -> Reply:
        going.set()
        over.wait(20)
        return answer([])

    try:
        with connected(reply) as workspace:
            with pytest.raises(QueryTimeout, match=r"longer than 0.2 s on loganalytics://Work-1"):
                await workspace.run("orders", limit=1, seconds=0.2)
            going.clear()
            task = asyncio.create_task(workspace.run("orders", limit=1, seconds=20))
            await asyncio.to_thread(going.wait, 20)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            over.set()
    finally:
        over.set()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("loganalytics://w?token=eyJ0", "the URL holds a token itself, which would be kept; write the name of an env"),
        ("loganalytics://w?secret=hush", "the URL holds a secret itself"),
        ("loganalytics://w?timspan=P1D", "unknown option 'timspan' of the URL; did you mean 'timespan'?"),
        ("loganalytics://w?endpoint=http://example.com", "'http://example.com' is not an https address"),
        ("loganalytics://", "not the URL of a loganalytics connection; expected loganalytics://WORKSPACE_ID"),
        ("loganalytics://w/x", "not the URL of a loganalytics connection"),
        ("loganalytics://user@w", "not the URL of a workspace"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_repeated(url: str, says: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        connector_for(url, group("kql"), Settings())
    assert says in str(raised.value)
    assert "eyJ0" not in str(raised.value)
    assert "hush" not in str(raised.value)


async def test_a_variable_that_is_not_set_is_named() -> None:
    with (
        connected(lambda _: answer([])) as workspace,
        pytest.raises(InvalidInput, match="the environment variable AZURE_TENANT_ID, which is not set"),
    ):
        await workspace.run("orders", limit=1, seconds=20)
