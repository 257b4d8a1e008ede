"""What an answer of another agent is worth here, which may be in a language or over tables that nothing here knows."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.sandbox import Sandbox
from core_engine.proving import prove_answer
from shared import catalog as catalog_module
from shared.catalog import Catalogs
from shared.database import create_tables
from shared.models import Proof, QueryRequest
from shared.settings import Settings
from tests.agents.data.deriving import small_catalog

COUNT = "Heartbeat | count"


async def proof_of(engine: AsyncEngine, settings: Settings, platform: str, group: str, query: str) -> Proof:
    await create_tables(engine, catalog_module.schema)
    catalogs, sandbox = Catalogs(engine), Sandbox(settings)
    await catalogs.put(small_catalog())
    try:
        request = QueryRequest(platform=platform, schema_group=group, query=query)
        return await prove_answer(request, catalogs, sandbox)
    finally:
        sandbox.close()


async def test_a_peers_query_over_tables_of_ours_is_proven_as_our_own(engine: AsyncEngine, settings: Settings) -> None:
    assert (await proof_of(engine, settings, "kql", "ops", COUNT)).verdict == "proven"
    assert (await proof_of(engine, settings, "kql", "ops", "Hartbeat | count")).verdict == "rejected"


@pytest.mark.parametrize(
    ("platform", "group", "unknown"),
    [("promql", "metrics", "unknown platform 'promql' here"), ("kql", "theirs", "unknown schema group 'theirs' here")],
)
async def test_a_peers_query_that_nothing_here_can_prove_is_plausible_and_says_why(
    platform: str, group: str, unknown: str, engine: AsyncEngine, settings: Settings
) -> None:
    proof = await proof_of(engine, settings, platform, group, "rate(http_requests_total[5m])")
    assert proof.verdict == "plausible"
    assert {(check.status, check.detail) for check in proof.checks} == {("skipped", unknown)}


async def test_a_text_that_is_no_query_is_rejected_in_any_language(engine: AsyncEngine, settings: Settings) -> None:
    assert (await proof_of(engine, settings, "promql", "metrics", " ")).verdict == "rejected"
