"""Routes of what is made of the runbooks: checks, terms and rules, the graph; and of known errors."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.checks.store import CheckReport
from agents.knowledge.glossary.store import Status, Term
from agents.knowledge.graph.store import Survey
from agents.knowledge.known_errors.index import ForgetRequest, KeepRequest, KnownError, stored_errors
from core_engine.runbooks import Runbooks
from protocol_interface.a2a_client import A2AClient
from shared.documents import IngestReport
from shared.models import CarriedLabel, Model

Labels = Annotated[
    list[CarriedLabel],
    Query(alias="label", max_length=50, description="A label that the asker carries; repeatable."),
]


class Acceptance(Model):
    """condition, table, group: instead of the proposed ones; an empty condition accepts the words alone."""

    condition: str | None = None
    table: str | None = None
    group: str | None = None


def add_knowledge(router: APIRouter, runbooks: Runbooks) -> None:
    @router.get("/knowledge/check")
    async def last_check(group: str | None = None, labels: Labels = []) -> CheckReport:  # noqa: B006
        """The last check of every query that stands in a runbook, when it was, and what became of accepted terms."""
        return await runbooks.report(group, every=True, labels=labels)

    @router.post("/knowledge/check")
    async def check(group: str | None = None, labels: Labels = []) -> CheckReport:  # noqa: B006
        """Check what changed, and report all of it."""
        return await runbooks.check(group, every=True, labels=labels)

    @router.get("/knowledge/terms")
    async def terms(
        group: str | None = None,
        status: Status | None = None,
        labels: Labels = [],  # noqa: B006
    ) -> list[Term]:
        """Terms and rules of runbooks: proposed, accepted and rejected ones."""
        return await runbooks.terms.all(group=group, status=(status,) if status else (), labels=labels)

    @router.post("/knowledge/terms/{term}/accept")
    async def accept(term: str, how: Acceptance | None = None, labels: Labels = []) -> Term:  # noqa: B006
        """Make a proposal part of its group's glossary or rules."""
        chosen = how or Acceptance()
        named = {"condition": chosen.condition, "table": chosen.table, "group": chosen.group}
        return await runbooks.accept(term, labels=labels, **named)

    @router.post("/knowledge/terms/{term}/reject")
    async def reject(term: str, labels: Labels = []) -> Term:  # noqa: B006
        """Take a term out of its group's glossary, or never propose it again."""
        return await runbooks.reject(term, labels)

    @router.get("/knowledge/graph")
    async def about(
        q: Annotated[str, Query(min_length=1, max_length=500)],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        labels: Labels = [],  # noqa: B006
    ) -> Survey:
        """Which runbooks touch a service, table, alert, error code or term, and what else they name."""
        return await runbooks.graph.about(q, labels, limit)


def add_known_errors(router: APIRouter, client: A2AClient, engine: AsyncEngine) -> None:
    @router.get("/known-errors")
    async def known_errors() -> list[KnownError]:
        """Every known error, by id."""
        return sorted((await stored_errors(engine)).values(), key=lambda one: one.id)

    @router.post("/known-errors")
    async def keep(known: KeepRequest) -> IngestReport:
        """Add known errors; each replaces the one that has its id."""
        return IngestReport.heard(await client.invoke("known_errors", "keep", known.model_dump()))

    @router.delete("/known-errors/{error_id}")
    async def forget(error_id: str) -> IngestReport:
        """Remove a known error; one that a file of the seed brought is back with the next `lexiquery seed`."""
        asked = ForgetRequest(id=error_id)
        return IngestReport.heard(await client.invoke("known_errors", "forget", asked.model_dump()))
