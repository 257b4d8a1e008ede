"""A data agent proves a query plan as the query that it is on its platform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.agent import DataAgent
from agents.data.plan.model import Unsayable
from agents.data.platform import load_platform
from agents.data.sandbox import Sandbox
from shared import catalog as catalog_module
from shared.catalog import Catalogs
from shared.database import create_tables
from shared.errors import InvalidInput
from shared.llm.client import Models
from shared.models import Proof
from shared.settings import Settings
from tests.agents.data.deriving import small_catalog

HEARTBEAT = {"kind": "table", "name": "Heartbeat"}
NTILE = {"name": "n", "function": "ntile", "args": [{"kind": "constant", "type": "int", "value": 4}]}


@pytest.fixture
async def agent(settings: Settings, engine: AsyncEngine, models: Models) -> AsyncIterator[DataAgent]:
    await create_tables(engine, catalog_module.schema)
    catalogs = Catalogs(engine)
    await catalogs.put(small_catalog())
    sandbox = Sandbox(settings)
    yield DataAgent(load_platform("kql"), catalogs, models, sandbox, settings)
    sandbox.close()


async def prove(agent: DataAgent, **given: Any) -> dict[str, Any]:
    return await agent.run("prove", {"platform": "kql", "schema_group": "ops", **given})


async def test_the_proof_has_the_query_of_the_plan(agent: DataAgent) -> None:
    proof = await prove(agent, plan={"source": HEARTBEAT, "steps": [{"kind": "limit", "count": 3}]})
    assert (proof["verdict"], proof["query"]) == ("proven", "Heartbeat\n| take 3")
    assert "query" not in await prove(agent, query="Heartbeat | take 3")


async def test_a_plan_over_what_is_not_there_is_rejected(agent: DataAgent) -> None:
    plan = {"source": {"kind": "table", "name": "Hartbeat"}, "steps": [{"kind": "distinct"}]}
    proof = Proof.model_validate(await prove(agent, plan=plan))
    assert proof.verdict == "rejected"
    assert "Hartbeat" in proof.problems[0].message


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "give either a query or a plan"),
        ({"query": "Heartbeat", "plan": {"source": HEARTBEAT}}, "give either a query or a plan"),
        ({"plan": {}}, "plan.source: Field required"),
        ({"plan": {"source": HEARTBEAT, "steps": [{"kind": "filtr"}]}}, "plan.steps.0: "),
        (
            {"plan": {"source": HEARTBEAT, "steps": [{"kind": "filter", "condition": {"kind": "column"}}]}},
            "plan.steps.0.filter.condition.column.name: ",
        ),
    ],
)
async def test_what_is_no_plan_is_refused_with_its_place(agent: DataAgent, given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await prove(agent, **given)
    assert says in str(refused.value)


async def test_what_the_language_cannot_say_is_named(agent: DataAgent) -> None:
    with pytest.raises(Unsayable, match="ntile over these rows in KQL"):
        await prove(agent, plan={"source": HEARTBEAT, "steps": [{"kind": "window", "columns": [NTILE]}]})


async def test_a_plan_nested_without_end_is_refused(agent: DataAgent) -> None:
    condition: dict[str, Any] = {"kind": "column", "name": "Computer"}
    for _ in range(600):
        condition = {"kind": "not", "operand": condition}
    with pytest.raises(InvalidInput, match="plan"):
        await prove(agent, plan={"source": HEARTBEAT, "steps": [{"kind": "filter", "condition": condition}]})
