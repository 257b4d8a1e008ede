"""Proving a query against its schema group in this process: no model, no agent."""

from __future__ import annotations

import asyncio

from agents.data.explain import explain
from agents.data.plan_proof import prove_given
from agents.data.platform import load_platform
from agents.data.proof import CHECKS, prove, unreadable
from agents.data.sandbox import Sandbox
from protocol_interface.product import Explanation
from shared.catalog import Catalogs
from shared.errors import InvalidInput, NotFound, QueryRejected
from shared.models import Check, Proof, ProveRequest, QueryRequest


async def prove_alone(platform: str, query: str, macros: str = "") -> Proof:
    """Against no schema group, which only SPL's own field flow can do. macros: the text of a macros.conf.

    Raises NotFound for an unknown platform, InvalidInput for one whose queries need a group, or for other macros.
    """
    language = load_platform(platform).language
    if platform != "spl":
        message = f"a {language} query is proven against a schema group"
        raise InvalidInput(message, suggestion="name it with --group")
    from agents.data.spl.alone import prove_spl
    from agents.data.spl.conf import read_macros

    return await asyncio.to_thread(prove_spl, query, None, read_macros(macros))


async def prove_request(request: ProveRequest, catalogs: Catalogs, sandbox: Sandbox) -> Proof:
    """Raises NotFound for an unknown group or platform, InvalidInput when the group is not on that platform, or the
    plan is none or nothing that its language can say."""
    platform = load_platform(request.platform)
    catalog = await catalogs.get(request.schema_group, [request.platform])
    return await asyncio.to_thread(prove_given, platform, request, catalog, sandbox)


async def prove_query(request: QueryRequest, catalogs: Catalogs, sandbox: Sandbox) -> Proof:
    """Raises NotFound for an unknown group or platform, InvalidInput when the group is not on that platform."""
    platform = load_platform(request.platform)
    catalog = await catalogs.get(request.schema_group, [request.platform])
    return await asyncio.to_thread(prove, platform, request.query, catalog, sandbox)


async def prove_answer(request: QueryRequest, catalogs: Catalogs, sandbox: Sandbox) -> Proof:
    """Like prove_query; of a peer's query in a language, or over tables, that are not known here, what can be shown
    without: never more than plausible. Raises InvalidInput when the group is not on that platform."""
    try:
        return await prove_query(request, catalogs, sandbox)
    except NotFound as unknown:
        checks = [
            Check(name=name, status="skipped", prover="lexiquery", detail=f"{unknown.message} here") for name in CHECKS
        ]
        if problem := unreadable(request.query):
            checks[0] = Check(name="parse", status="failed", prover="lexiquery", problems=[problem])
        return Proof.of(checks)


async def explain_request(request: QueryRequest, catalogs: Catalogs) -> Explanation:
    """What the query does, read from its text. Raises NotFound and InvalidInput as a proof, QueryRejected for a text
    that does not parse."""
    platform = load_platform(request.platform)
    catalog = await catalogs.get(request.schema_group, [request.platform])

    def read() -> Explanation:
        problem = unreadable(request.query)
        problems = [problem] if problem else platform.parse(request.query, catalog).problems
        if problems:
            raise QueryRejected(f"the query can't be read: {problems[0].message}", suggestion=problems[0].suggestion)
        tables = platform.tables_of(request.query, catalog)
        return Explanation(explanation=explain(request.query, tables), tables=[table.name for table in tables])

    return await asyncio.to_thread(read)
