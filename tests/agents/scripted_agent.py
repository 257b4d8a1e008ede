"""An Agent whose skills do what a test needs: echo, fail, hang, lie, and say who asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from agents.agent import Agent, Skill
from shared.calls import CallRecord
from shared.context import current
from shared.errors import NotFound
from shared.ledger import Ledger
from shared.models import SearchRequest

COUNTED = [1, 1.0, 2**63 + 1, None, "é"]
"""What no data part can carry: protobuf keeps numbers as doubles."""


class ScriptedAgent(Agent):
    """ledger: where skill `call_model` writes a call, as a metered client would."""

    description = "Does what the test says"
    default_skill = "echo"

    def __init__(self, name: str = "scripted", *, ledger: Ledger | None = None) -> None:
        self.name = name
        self.started = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = asyncio.Event()
        self._ledger = ledger

    def skills(self) -> list[Skill]:
        names = ("echo", "hang", "miss", "search", "break", "lie", "who", "call_model", "count")
        tags = {"echo": ["platform:kql", "test"]}
        return [Skill(id=name, name=name, description=f"{name}s", tags=tags.get(name, [])) for name in names]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = await getattr(self, f"_{skill}")(request)
        return answer

    async def _echo(self, request: dict[str, Any]) -> dict[str, Any]:
        return request

    async def _hang(self, request: dict[str, Any]) -> dict[str, Any]:
        self.started.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return request

    async def _miss(self, request: dict[str, Any]) -> dict[str, Any]:
        raise NotFound.named("table", request["table"], ["SigninLogs"])

    async def _search(self, request: dict[str, Any]) -> dict[str, Any]:
        return SearchRequest.model_validate(request).model_dump()

    async def _break(self, request: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("the secret of the house")

    async def _lie(self, request: dict[str, Any]) -> Any:
        return ["not", "an", "object"]

    async def _who(self, request: dict[str, Any]) -> dict[str, Any]:
        scope = current()
        budget = scope.budget.model_dump() if scope.budget else None
        return {
            "journey_id": scope.journey_id,
            "agent": scope.agent,
            "parent_call_id": scope.parent_call_id,
            "budget": budget,
        }

    async def _count(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"rows": [COUNTED], "truncated": False}

    async def _call_model(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._ledger is not None
        call = model_call(request["call"], journey_id=current().journey_id, agent=self.name)
        await self._ledger.begin(call)
        if request.get("then_fail"):
            raise NotFound("nothing there")
        return {"called": call.id}


def model_call(call_id: str, *, journey_id: str | None, agent: str) -> CallRecord:
    return CallRecord(
        id=call_id,
        idempotency_key=call_id,
        journey_id=journey_id,
        agent=agent,
        operation="chat",
        purpose="test",
        provider="ollama",
        model="tiny",
        request="a prompt",
        response="a reply",
        status="success",
        started_at=datetime.now(UTC),
        prompt_tokens=12,
        completion_tokens=3,
    )
