"""A2A for clients without an SDK: find, register and remove agents, and send one a task, as plain HTTP."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AfterValidator, Field, TypeAdapter, model_validator
from starlette.requests import ClientDisconnect

from protocol_interface.a2a_client import NOTIFICATIONS_PATH, A2AClient
from protocol_interface.card_check import given_card
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry import Registry
from protocol_interface.registry.exchange import Export, Imported, export_agents, import_agents
from protocol_interface.registry.records import AgentDetails
from shared.a2a.sizes import has_more
from shared.a2a.wire import VALUES
from shared.context import scoped
from shared.models import Model

PAGE, LONGEST_PAGE = 100, 1000
CARD_VALUES = 5000
"""Most values of a card that is given; one with 100 skills has about 1000."""
_agents = TypeAdapter(list[RegisteredAgent])


def _of_values(most: int) -> AfterValidator:
    def check(given: dict[str, Any]) -> dict[str, Any]:
        if has_more(given, most):
            raise ValueError(f"it has more than {most:,} values")
        return given

    return AfterValidator(check)


Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Without control characters, which no database takes."""
JourneyId = Annotated[str, Field(max_length=64, pattern=r"^([!-~]([ -~]*[!-~])?)?$")]
"""As the ledger keeps it, and as a header says it: ASCII."""


class Registration(Model):
    """url: of an agent, or of its card; or the card itself. lease_seconds: registered for so long, unless again."""

    url: str | None = None
    card: Annotated[dict[str, Any], _of_values(CARD_VALUES)] | None = None
    lease_seconds: float | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Registration:
        if (self.url is None) == (self.card is None):
            raise ValueError("give the agent's url, or its card")
        return self


class Invocation(Model):
    """input: what the skill takes; journey_id: the journey that pays, a new id if not given."""

    agent_id: Annotated[Name, Field(max_length=255)]
    skill: Annotated[Name, Field(max_length=128)]
    input: Annotated[dict[str, Any], _of_values(VALUES)] = {}
    journey_id: JourneyId | None = None


class Invoked(Model):
    agent_id: str
    skill: str
    journey_id: str
    output: dict[str, Any]


class Search(Model):
    """after: the last agent of the page before."""

    skill: str | None = None
    platform: str | None = None
    q: str | None = None
    tag: str | None = None
    healthy: bool | None = None
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE
    after: str | None = None


def a2a_router(registry: Registry, client: A2AClient) -> APIRouter:
    router = APIRouter(prefix="/a2a", tags=["a2a"])

    @router.get("/agents/discover", response_model=list[RegisteredAgent])
    async def discover(
        request: Request,
        search: Annotated[Search, Query()],
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Who fits, LexiQuery's own first, then by name; with an ETag, and a Link to the next page if there is one."""
        wanted = search.model_dump(exclude={"limit"})
        found = await registry.discover(**wanted, limit=search.limit + 1)
        page = found[: search.limit]
        content = _agents.dump_json(page)
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'}
        if len(found) > len(page):
            asked = {**dict(request.query_params), "after": page[-1].id}
            headers["Link"] = f'<{request.url.path}?{urlencode(asked)}>; rel="next"'
        if if_none_match and _names(if_none_match, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="application/json", headers=headers)

    @router.post("/agents/register", status_code=201)
    async def register(registration: Registration) -> RegisteredAgent:
        lease = registration.lease_seconds
        if registration.url is not None:
            return await registry.register_url(registration.url, lease_seconds=lease)
        card = given_card(registration.card, "the request")
        return await registry.register_card(card, lease_seconds=lease)

    @router.get("/agents/export")
    async def export() -> Export:
        return await export_agents(registry)

    @router.post("/agents/import")
    async def import_(exported: Export) -> Imported:
        return await import_agents(registry, exported)

    @router.get("/agents/{agent_id:path}")
    async def show(agent_id: str) -> AgentDetails:
        """With its card, the versions of it, and how each replica is."""
        return await registry.details(agent_id)

    @router.delete("/agents/{agent_id:path}", status_code=204)
    async def remove(agent_id: str) -> None:
        await registry.remove(agent_id)

    @router.post("/task/invoke")
    async def invoke(invocation: Invocation) -> Invoked:
        journey_id = invocation.journey_id or str(uuid4())
        with scoped(journey_id=journey_id):
            output = await client.invoke(invocation.agent_id, invocation.skill, invocation.input)
        return Invoked(agent_id=invocation.agent_id, skill=invocation.skill, journey_id=journey_id, output=output)

    @router.post(NOTIFICATIONS_PATH.removeprefix(router.prefix), status_code=204)
    async def notified(
        request: Request,
        x_a2a_notification_token: Annotated[str, Header()] = "",
        authorization: Annotated[str, Header()] = "",
    ) -> None:
        """An agent's word that something became of a task that it does for LexiQuery, with the token that it got."""
        client.callbacks.called(x_a2a_notification_token or authorization.partition(" ")[2])
        with suppress(ClientDisconnect):
            async for _ in request.stream():
                pass  # what it says is asked for, where it is believed

    return router


def _names(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names the page (RFC 9110, 8.8.3.2: compared weakly)."""
    given = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in given or etag in given
