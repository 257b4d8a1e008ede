"""Where a data agent runs what was proven: on the group's connection where it has one, and never what is rejected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.agent import DataAgent
from agents.data.connectors import connections as connections_module
from agents.data.connectors.connections import Connections
from agents.data.platform import load_platform
from agents.data.sandbox import Sandbox
from shared import catalog as catalog_module
from shared.catalog import Catalog, Catalogs
from shared.database import create_tables
from shared.errors import InvalidInput, QueryRejected, SourceUnavailable
from shared.llm.client import Models
from shared.models import DataResult, QueryAnswer, Rows
from shared.settings import Settings
from tests.agents.data.connectors.platforms import Reply, Request, serving
from tests.agents.data.deriving import small_catalog, write_rows
from tests.scripted_ollama import ScriptedOllama

QUERY = "SigninLogs | where ResultType == 'Failure' | project UserPrincipalName"
REPAIRED = "SigninLogs | where ResultType == 'Failure' | distinct UserPrincipalName"
FAILED = "Which users failed to sign in?"
IN_SANDBOX = [["eve"], ["eve"]]


class Workspace:
    """Log Analytics with a user nobody else has. wrong: what it says of the next queries, one after another."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.wrong: list[str] = []

    def __call__(self, request: Request) -> Reply:
        self.queries.append(request.body["query"])
        if self.wrong:
            return Reply({"error": {"code": "BadArgumentError", "message": self.wrong.pop()}}, 400)
        columns = [{"name": "UserPrincipalName", "type": "string"}]
        return Reply({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [["mallory"]] * 9}]})


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture
def url(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AZURE_ACCESS_TOKEN", "a-token")
    with serving(workspace) as host:
        yield f"loganalytics://w?endpoint=http://{host}"


@pytest.fixture
async def connections(engine: AsyncEngine) -> Connections:
    await create_tables(engine, catalog_module.schema, connections_module.schema)
    return Connections(engine)


@pytest.fixture
async def agent(
    settings: Settings, engine: AsyncEngine, models: Models, connections: Connections
) -> AsyncIterator[DataAgent]:
    catalogs = Catalogs(engine)
    described = small_catalog().model_dump(by_alias=True) | {"clock": None}
    await catalogs.put(Catalog.model_validate(described))
    write_rows(settings)
    sandbox = Sandbox(settings)
    few = settings.model_copy(update={"row_limit": 5})
    yield DataAgent(load_platform("kql"), catalogs, models, sandbox, few, connections)
    sandbox.close()


async def execute(agent: DataAgent, query: str = QUERY, limit: int = 100) -> Rows:
    request = {"platform": "kql", "schema_group": "ops", "query": query, "limit": limit}
    return Rows.model_validate(await agent.run("execute", request))


async def ask(agent: DataAgent) -> QueryAnswer:
    [answer] = DataResult.model_validate(await agent.run("query", {"question": FAILED})).answers
    return answer


async def test_a_connection_takes_effect_at_once_and_so_does_its_end(
    agent: DataAgent, connections: Connections, url: str
) -> None:
    assert (await execute(agent)).rows == IN_SANDBOX
    await connections.put("ops", url)
    assert (await execute(agent, limit=2)).rows == [["mallory"]] * 2
    assert await connections.remove("ops")
    assert (await execute(agent)).rows == IN_SANDBOX


async def test_no_more_rows_come_than_the_setting_allows(
    agent: DataAgent, connections: Connections, url: str, workspace: Workspace
) -> None:
    await connections.put("ops", url)
    found = await execute(agent, limit=1000)
    assert (len(found.rows), found.truncated) == (5, True)
    assert workspace.queries == [f"{QUERY}\n| take 6"]


@pytest.mark.parametrize(
    "query", ["SigninLogs | where UserName == 'eve'", ".drop table SigninLogs", "externaldata(a:string)['http://x']"]
)
async def test_what_is_rejected_never_reaches_the_platform(
    agent: DataAgent, connections: Connections, url: str, workspace: Workspace, query: str
) -> None:
    await connections.put("ops", url)
    with pytest.raises(QueryRejected):
        await execute(agent, query)
    assert workspace.queries == []


async def test_an_answer_has_the_platforms_rows_and_says_where_they_are_from(
    agent: DataAgent, connections: Connections, url: str, scripted_ollama: ScriptedOllama
) -> None:
    await connections.put("ops", url)
    scripted_ollama.reply = QUERY
    answer = await ask(agent)
    assert answer.result
    assert answer.result.rows == [["mallory"]] * 5
    assert "it ran on loganalytics://w" in answer.assumptions


async def test_a_query_that_fails_on_the_platform_is_repaired_with_its_words(
    agent: DataAgent, connections: Connections, url: str, workspace: Workspace, scripted_ollama: ScriptedOllama
) -> None:
    await connections.put("ops", url)
    workspace.wrong = ["UserPrincipalName is not indexed"]
    scripted_ollama.reply = [QUERY, REPAIRED]
    answer = await ask(agent)
    assert answer.query == REPAIRED
    assert answer.result
    assert "UserPrincipalName is not indexed" in scripted_ollama.chats[-1]["messages"][-1]["content"]


async def test_a_platform_that_is_not_there_leaves_the_proven_query(
    agent: DataAgent,
    connections: Connections,
    url: str,
    scripted_ollama: ScriptedOllama,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await connections.put("ops", "loganalytics://w?endpoint=http://127.0.0.1:1")
    scripted_ollama.reply = QUERY
    answer = await ask(agent)
    assert (answer.proof.verdict, answer.result) == ("proven", None)
    assert any(note.startswith("not run: can't reach loganalytics://w") for note in answer.assumptions)
    assert len(scripted_ollama.chats) == 1
    with pytest.raises(SourceUnavailable):
        await execute(agent)
    monkeypatch.delenv("AZURE_ACCESS_TOKEN")
    with pytest.raises(InvalidInput, match="AZURE_TENANT_ID"):
        await execute(agent)
