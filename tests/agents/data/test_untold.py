"""Questions that ask by name for what a group does not hold are told apart before a model is asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agents.data.agent import DataAgent
from agents.data.untold import held_nowhere
from agents.data.words import subjects
from shared.llm.client import Models
from shared.models import DataResult
from tests.agents.data.fitting.desk import desk, linked
from tests.agents.data.test_agent import agent as agent
from tests.scripted_ollama import ScriptedOllama

_MEANS = {"seniority": "left on", "workload": "ticket"}


class Meanings(Models):
    """Two texts mean the same where they have a subject in common, or one that `_MEANS` says is."""

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self._words: dict[str, int] = {}

    async def embed(self, texts: Sequence[str], *, purpose: str = "embed") -> list[list[float]]:
        self.embedded += texts
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * 200
        for word in subjects(_MEANS.get(text, text)):
            vector[self._words.setdefault(word, len(self._words))] = 1.0
        return vector


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("What is the battery level of each host?", ["battery level"]),
        ("What was the average temperature of db-7?", ["average temperature"]),
        ("What's the salary of Ana Silva?", ["salary"]),
        ("Which printers did Ana use?", ["printers"]),
        ("How many gallons of petrol did we buy?", ["petrol"]),
        ("How much petrol did we buy?", ["petrol"]),
        ("Which teams gave us fewer than three stars?", ["stars"]),
        ("Who used more than 20 gallons?", ["gallons"]),
        ("Which teams had more than ten tickets?", []),
        ("Who had more than 5 suspicious tickets?", []),
        ("What took more than 300 milliseconds?", []),
        ("Who used more than 20 gallons? (people: all of them (also those who left))", []),
        ("Which tickets were open for at least two weeks?", []),
        ("What is the salary of people on teams?", ["salary"]),
        ("What is the salary of Bo Berg in ops.audits?", []),
        ("What is the seniority of each person?", []),  # people have left on a day
        ("What is the workload of each team?", []),
        ("What is the status of VPN drops?", []),
        ("What is the average duration of a ticket?", []),  # computed
        ("What is the MTTR of each team?", []),  # the team's own word
        ("Which three teams miss most tickets?", []),
        ("Which tickets are open?", []),
        ("How many people left?", []),
        ("Who is on holiday?", []),  # asks for people
        ("What is the salary of Ana Silva? (her region)", []),  # asked back, and replied to
        ("Who has badge 2? Follow-up: What is the salary of Bo Berg?", []),
        ("What is the salary of Bo Berg in people?", []),  # an option of what was asked back
    ],
)
async def test_what_is_asked_for_by_name_and_held_nowhere_is_told(question: str, missing: list[str]) -> None:
    assert await held_nowhere(question, linked(question, desk()), [], Meanings()) == missing


async def test_a_runbook_that_speaks_of_it_makes_it_known() -> None:
    question, models = "What is the toil of each team?", Meanings()
    heard = linked(question, desk())
    assert await held_nowhere(question, heard, ["Toil: tickets that come again"], models) == []
    assert models.embedded == []
    assert await held_nowhere(question, heard, [], models) == ["toil"]


async def test_the_agent_asks_back_without_a_chat_call(agent: DataAgent, scripted_ollama: ScriptedOllama) -> None:
    result = DataResult.model_validate(
        await agent.run("query", {"question": "What is the phone number of users with failed sign-ins?"})
    )
    assert result.clarification
    assert "'phone number'" in result.clarification.question
    assert scripted_ollama.chats == []
