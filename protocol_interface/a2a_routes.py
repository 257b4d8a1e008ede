"""A2A for clients without an SDK: find, register and remove agents, and send one a task, as plain HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fastapi import APIRouter

from protocol_interface.a2a_client import A2AClient
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry import Registry
from shared.context import scoped
from shared.models import Model


class Registration(Model):
    """url: of an agent, or of its card."""

    url: str


class Invocation(Model):
    """input: what the skill takes; journey_id: the journey that pays, a new id if not given."""

    agent_id: str
    skill: str
    input: dict[str, Any] = {}
    journey_id: str | None = None


class Invoked(Model):
    agent_id: str
    skill: str
    journey_id: str
    output: dict[str, Any]


def a2a_router(registry: Registry, client: A2AClient) -> APIRouter:
    router = APIRouter(prefix="/a2a", tags=["a2a"])

    @router.get("/agents/discover")
    async def discover(
        skill: str | None = None, platform: str | None = None, q: str | None = None
    ) -> list[RegisteredAgent]:
        return await registry.discover(skill, platform, q)

    @router.post("/agents/register", status_code=201)
    async def register(registration: Registration) -> RegisteredAgent:
        return await registry.register_url(registration.url)

    @router.delete("/agents/{agent_id}", status_code=204)
    async def remove(agent_id: str) -> None:
        await registry.remove(agent_id)

    @router.post("/task/invoke")
    async def invoke(invocation: Invocation) -> Invoked:
        journey_id = invocation.journey_id or str(uuid4())
        with scoped(journey_id=journey_id):
            output = await client.invoke(invocation.agent_id, invocation.skill, invocation.input)
        return Invoked(agent_id=invocation.agent_id, skill=invocation.skill, journey_id=journey_id, output=output)

    return router
