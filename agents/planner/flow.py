"""The planner as a CrewAI Flow: weigh → decisive or undecided → plan. The only module that imports crewai.

Import it in a thread: it takes seconds. The switches below must be set before crewai is imported; without them it
calls home, reads the working directory's `.env` into this process, and makes folders named after that directory.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, create_model

from agents.planner.evidence import Choice, Contender, Evidence, best, build, weigh
from shared.errors import ContextExceeded, ModelUnavailable
from shared.llm.client import Models
from shared.llm.prompts import Prompt
from shared.models import Model, Plan, PlanRequest

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    CREWAI_TRACING_ENABLED="false",
    CREWAI_TESTING="true",
    CREWAI_STORAGE_DIR=str(Path(tempfile.gettempdir()) / "lexiquery-crewai"),
    PYTHON_DOTENV_DISABLED="true",
)

from crewai.flow.flow import Flow, listen, or_, router, start
from crewai.llms.base_llm import BaseLLM

_ANSWER_TOKENS = 64


class MeteredLLM(BaseLLM):
    """CrewAI's way to a model, led through Models: so each call is on the ledger, with the journey of its caller."""

    _models: Models = PrivateAttr()
    _prompt: Prompt = PrivateAttr()
    _loop: asyncio.AbstractEventLoop = PrivateAttr()

    def __init__(self, models: Models, prompt: Prompt, model: str) -> None:
        """Must be made on the event loop that Models lives on; model is a name for CrewAI's eyes only."""
        super().__init__(model=model, provider="ollama")
        self._models, self._prompt, self._loop = models, prompt, asyncio.get_running_loop()

    async def acall(
        self, messages: str | list[Any], *_: Any, response_model: type[BaseModel] | None = None, **__: Any
    ) -> str:
        """The model's text; `response_model` becomes the JSON schema it must keep to."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        schema = response_model.model_json_schema() if response_model else None
        completion = await self._models.chat(
            messages, purpose="plan", prompt=self._prompt, format=schema, max_tokens=_ANSWER_TOKENS
        )
        return completion.text

    def call(self, *args: Any, **kwargs: Any) -> str:
        """The same from a worker thread. On the event loop itself it would wait for ever: use acall there."""
        return asyncio.run_coroutine_threadsafe(self.acall(*args, **kwargs), self._loop).result()


class Picked(Model):
    """What the model answers."""

    agents: list[str]


class PlanState(BaseModel):
    """id: CrewAI wants one. The other fields fill up as the Flow goes on."""

    id: str = "plan"
    request: PlanRequest
    evidence: Evidence | None = None
    choices: list[Choice] = []


class PlanFlow(Flow[PlanState]):
    """One run, one request: `await PlanFlow.plan(request, models, prompt)`."""

    # CrewAI opens a vector store for every Flow that does not say this.
    _skip_auto_memory: ClassVar[bool] = True
    _llm: MeteredLLM = PrivateAttr()
    _prompt: Prompt = PrivateAttr()

    @classmethod
    async def plan(cls, request: PlanRequest, models: Models, prompt: Prompt) -> Plan:
        """Raises BudgetExceeded; a model that is dead or whose window is too small costs only the choice by model."""
        flow = cls(initial_state=PlanState(request=request), suppress_flow_events=True)
        flow._llm, flow._prompt = MeteredLLM(models, prompt, "plan"), prompt
        plan = await flow.kickoff_async()
        assert isinstance(plan, Plan)
        return plan

    @start()
    async def weigh_evidence(self) -> Evidence:
        evidence = self.state.evidence = weigh(self.state.request)
        return evidence

    @router(weigh_evidence)
    async def route(self, evidence: Evidence) -> Literal["decisive", "undecided"]:
        return "undecided" if evidence.choices is None else "decisive"

    @listen("decisive")
    async def take_evidence(self) -> None:
        self.state.choices = self._evidence.choices or []

    @listen("undecided")
    async def ask_model(self) -> None:
        rivals = self._evidence.rivals
        try:
            question = _question(self._prompt, self.state.request, rivals)
            text = await self._llm.acall(question, response_model=_picked_from(rivals))
        except (ModelUnavailable, ContextExceeded) as error:
            self._evidence.notes.append(f"planned by the scores alone, the model did not choose: {error}")
            self.state.choices = best(self.state.request.question, rivals, "best match")
            return
        self.state.choices = self._choices(text)

    @listen(or_(take_evidence, ask_model))
    async def check(self) -> Plan:
        return build(self.state.request, self._evidence, self.state.choices)

    def _choices(self, text: str) -> list[Choice]:
        """The model's pick; by evidence where it picked nobody who is a rival."""
        rivals = self._evidence.rivals
        names = [rival.agent for rival in rivals]
        picked = _read(text)
        if any(name in names for name in picked):
            how = f"the model chose it among {', '.join(names)}"
            return [Choice(agent=name, how=how) for name in picked]
        self._evidence.notes.append("planned by the scores alone: the model's answer named none of the agents")
        return best(self.state.request.question, rivals, "best match")

    @property
    def _evidence(self) -> Evidence:
        evidence: Evidence | None = self.state.evidence
        assert evidence is not None
        return evidence


def _question(prompt: Prompt, request: PlanRequest, rivals: list[Contender]) -> str:
    agents = "\n".join(f"- {rival.agent}: {_tables(rival)}" for rival in rivals)
    return prompt.render(agents=agents, question=request.question)


def _tables(rival: Contender) -> str:
    """The best tables; why only for the first, since each token of a prompt takes its time."""
    first, *others = rival.links[:3]
    why = f" ({first.why})" if first.why else ""
    return "; ".join([f"{first.table} {first.score:.2f}{why}", *(f"{link.table} {link.score:.2f}" for link in others)])


def _picked_from(rivals: list[Contender]) -> type[BaseModel]:
    """Picked, with a JSON schema that allows only the rivals' names."""
    name = Annotated[str, Field(json_schema_extra={"enum": [rival.agent for rival in rivals]})]
    return create_model("Picked", agents=(list[name], Field(min_length=1, max_length=len(rivals))))


def _read(text: str) -> list[str]:
    """The names in the model's answer; none if it is no such answer."""
    try:
        return Picked.model_validate(json.loads(text)).agents
    except (json.JSONDecodeError, ValidationError):
        return []
