"""What a request that can't be used is told: what is wrong, and what it would have to say instead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import model_validator

from core_engine.mending import known_parameters_only
from core_engine.problems import install_problem_responses
from shared.models import Budget, Model


class Asked(Model):
    question: str
    platforms: list[str] | None = None
    budget: Budget | None = None


class Place(Model):
    url: str | None = None

    @model_validator(mode="after")
    def _is_there(self) -> Place:
        if self.url is None:
            raise ValueError("give the agent's url, or its card")
        return self


def page(limit: int = 10, after: str | None = None) -> tuple[int, str | None]:
    return limit, after


class Wanted(Model):
    agent: str | None = None
    model: str | None = None


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(telemetry={"auto_configure": False}, dependencies=[Depends(known_parameters_only)])
    install_problem_responses(app)

    @app.post("/query")
    async def query(asked: Asked) -> str:
        return asked.question

    @app.post("/register")
    async def register(place: Place) -> str:
        return str(place.url)

    @app.get("/stats")
    async def stats(by: Literal["model", "operation"] = "model", days: int = 30) -> str:
        return f"{by} {days}"

    @app.get("/calls")
    async def calls(wanted: Annotated[Wanted, Query()]) -> str:
        return str(wanted)

    @app.get("/recent")
    async def recent(shown: Annotated[tuple[int, str | None], Depends(page)], days: int = 30) -> str:
        return f"{shown} {days}"

    @app.get("/agents/{agent_id:path}")
    async def show(agent_id: str) -> str:
        return agent_id

    included = APIRouter(prefix="/api/v1")

    @included.get("/journeys/{journey_id}")
    async def journey(journey_id: str) -> str:
        return journey_id

    app.include_router(included)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lexiquery") as opened:
        yield opened


BODIES: list[tuple[Any, str, str]] = [
    ({"questoin": "q"}, "questoin: Extra inputs are not permitted", "did you mean 'question'?"),
    ({}, "question: Field required", "it takes question, platforms, budget"),
    ({"question": "q", "budget": {"tokns": 1}}, "budget.tokns: Extra inputs", "did you mean 'tokens'?"),
    ({"question": "q", "platforms": ["kql"], "x": 1}, "x: Extra inputs", "known: budget, platforms, question"),
    (
        ["q"],
        "body: Input should be a valid dictionary",
        "send a JSON object, with the header Content-Type: application",
    ),
]


@pytest.mark.parametrize(("body", "detail", "suggestion"), BODIES)
async def test_a_body_is_told_the_nearest_field(
    client: httpx.AsyncClient, body: Any, detail: str, suggestion: str
) -> None:
    problem = (await client.post("/query", json=body)).json()
    assert problem["detail"].startswith(detail)
    assert problem["suggestion"].startswith(suggestion)


@pytest.mark.parametrize("content", ["", "question=q", '{"question": "q"}'])
async def test_what_is_not_sent_as_json_is_told_how_to_be(client: httpx.AsyncClient, content: str) -> None:
    problem = (await client.post("/query", content=content)).json()
    assert (problem["status"], problem["code"]) == (422, "invalid_input")
    assert problem["suggestion"] == "send a JSON object, with the header Content-Type: application/json"


@pytest.mark.parametrize(
    ("address", "suggestion"),
    [
        ("/stats?by=modle", "did you mean 'model'?"),
        ("/stats?by=weather", "known: model, operation"),
        ("/calls?agnt=kql", "did you mean 'agent'?"),
    ],
)
async def test_an_address_is_told_the_nearest_value(client: httpx.AsyncClient, address: str, suggestion: str) -> None:
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["suggestion"]) == (422, suggestion)


@pytest.mark.parametrize(
    ("address", "name", "suggestion"),
    [
        ("/stats?grup=day", "grup", "known: by, days"),
        ("/stats?by=model&dasy=3", "dasy", "did you mean 'days'?"),
        ("/stats?DAYS=3", "DAYS", "did you mean 'days'?"),
        ("/calls?modle=x", "modle", "did you mean 'model'?"),
        ("/agents/kql?limit=3", "limit", "it takes none"),
        ("/recent?limti=3", "limti", "did you mean 'limit'?"),
    ],
)
async def test_a_parameter_that_a_route_does_not_take_is_not_ignored(
    client: httpx.AsyncClient, address: str, name: str, suggestion: str
) -> None:
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["detail"] == f"unknown query parameter '{name}'"
    assert answer.json()["suggestion"] == suggestion


async def test_what_a_dependency_of_a_route_reads_is_known(client: httpx.AsyncClient) -> None:
    assert (await client.get("/recent?limit=3&after=b&days=7")).text == "\"(3, 'b') 7\""


async def test_what_a_model_says_of_itself_is_said_alone(client: httpx.AsyncClient) -> None:
    problem = (await client.post("/register", json={})).json()
    assert problem["detail"] == "body: give the agent's url, or its card"
    assert "suggestion" not in problem


async def test_a_wrong_number_needs_no_suggestion(client: httpx.AsyncClient) -> None:
    problem = (await client.get("/stats?days=many")).json()
    assert problem["detail"].startswith("days: Input should be a valid integer")
    assert "suggestion" not in problem


async def test_an_unknown_route_is_told_the_nearest_and_another_method_those_that_there_are(
    client: httpx.AsyncClient,
) -> None:
    near = {"/sttas": "/stats", "/agent/kql": "/agents/kql", "/api/v1/journey/j-1": "/api/v1/journeys/j-1"}
    for asked, meant in near.items():
        unknown = await client.get(asked)
        assert unknown.json()["suggestion"] == f"did you mean '{meant}'? /docs lists the routes"
    assert (await client.get("/")).json()["suggestion"] == "/docs lists the routes"
    wrong = await client.get("/query")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert (wrong.json()["code"], wrong.json()["suggestion"]) == ("method_not_allowed", "use POST")
