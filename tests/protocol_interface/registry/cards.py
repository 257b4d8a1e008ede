"""Cards, and a place that serves one which a test changes."""

from __future__ import annotations

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agents.agent import Skill
from agents.serve import agent_card
from protocol_interface.card_check import check_card
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry import Registry
from tests.agents.scripted_agent import ScriptedAgent


class Offering(ScriptedAgent):
    """An agent with the skills that a test gives it."""

    def __init__(self, name: str, skills: list[Skill], description: str = "Does things") -> None:
        super().__init__(name)
        self.description = description
        self._offered = skills

    def skills(self) -> list[Skill]:
        return self._offered


def skill(id: str, *tags: str) -> Skill:
    return Skill(id=id, name=id, description=f"can {id}", tags=list(tags))


def card(name: str, *skills: Skill, description: str = "Does things", url: str = "http://a.example") -> AgentCard:
    return agent_card(Offering(name, list(skills), description), url)


async def as_fetched(registry: Registry, card: AgentCard, url: str) -> RegisteredAgent:
    """Registers a card as if it had come from `url`, where nobody is: what register_url does behind its fetch."""
    check_card(card, url)
    return await registry._admit(registry._admission(card, url, "url"))


class Place:
    """A server's well-known card: `card` with its digest as ETag, or whatever `answer` is. statuses: what it gave."""

    def __init__(self) -> None:
        self.card: AgentCard | None = None
        self.url = ""
        self.answer: Response | None = None
        self.statuses: list[int] = []
        self.app = Starlette(routes=[Route("/.well-known/agent-card.json", self._give)])

    async def _give(self, request: Request) -> Response:
        response = self.answer or self._card(request.headers.get("if-none-match"))
        self.statuses.append(response.status_code)
        return response

    def _card(self, known: str | None) -> Response:
        assert self.card is not None
        etag = f'"{hash(self.card.SerializeToString(deterministic=True))}"'
        if known == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return JSONResponse(agent_card_to_dict(self.card), headers={"ETag": etag})
