"""A question as a call: its journey started, told of by stage, cancelled with the call, and asked back about."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, get_args

import anyio
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, InputRequiredResult

from protocol_interface.mcp_server.asking import Talk, Unanswered
from protocol_interface.mcp_server.oauth import EXECUTE, may_execute, needs_execute
from protocol_interface.mcp_server.results import result
from protocol_interface.product import Event, Product, Stage
from shared.errors import LexiQueryError
from shared.models import Answer, ExecuteRequest, QueryAnswer, Question
from shared.render import render_answer

_STAGES: tuple[str, ...] = get_args(Stage)
_TURNS = 3
"""Most clarifications that one call asks for."""
_CANCEL_WAIT = 5.0
"""Seconds that a cancelled call gives the journey to take note."""


class Journeys:
    """Asks questions for tools."""

    def __init__(self, product: Product) -> None:
        self._product = product

    async def ask(
        self, question: Question, ctx: Context[Any, Any], run: bool | None
    ) -> CallToolResult | InputRequiredResult:
        """run: None leaves it to the user where the client can ask him, else the queries are run.

        Raises Forbidden when they are to be run and the client's token does not allow it.
        """
        if run:
            needs_execute()
        talk = Talk(ctx)
        confirm = run is None and talk.possible and may_execute()
        runs = may_execute() and not confirm if run is None else run
        try:
            answer = await self._clear(question.model_copy(update={"run": runs}), talk, ctx)
            if confirm and await self._wanted(answer, talk, question):
                answer = await self._with_rows(answer)
        except Unanswered as unanswered:
            return unanswered.result
        allowed = permitted(answer)
        return result(allowed, render_answer(allowed), is_error=answer.status == "failed")

    async def _clear(self, question: Question, talk: Talk, ctx: Context[Any, Any]) -> Answer:
        """The answer to the question, or to what its user says that it means."""
        asked = talk.kept.question if talk.kept else question
        journey_id = talk.kept.journey_id if talk.kept else await self._start(asked)
        answer = await self._follow(journey_id, ctx, 0)
        for turn in range(talk.turn, _TURNS + 1):
            if answer.clarification is None or not talk.possible:
                break
            meant = await talk.clarify(answer.clarification, journey_id, asked, turn)
            if meant is None:
                break
            asked = asked.model_copy(update={"question": f"{asked.question} ({meant})"})
            journey_id = await self._start(asked)
            answer = await self._follow(journey_id, ctx, turn)
        return answer

    async def _start(self, question: Question) -> str:
        with anyio.CancelScope(shield=True):  # a journey that started must be known, or nobody could cancel it
            journey_id = await self._product.start(question)
        return journey_id

    async def _follow(self, journey_id: str, ctx: Context[Any, Any], turn: int) -> Answer:
        try:
            await self._report(journey_id, ctx, turn * len(_STAGES))
            return await self._product.answer(journey_id)
        except anyio.get_cancelled_exc_class():
            await self._cancel(journey_id)
            raise

    async def _cancel(self, journey_id: str) -> None:
        with anyio.move_on_after(_CANCEL_WAIT, shield=True), suppress(LexiQueryError):
            await self._product.cancel(journey_id)

    async def _report(self, journey_id: str, ctx: Context[Any, Any], before: int) -> None:
        """One progress notification a stage. Progress counts the stages done; it never falls, also after a crash."""
        done, total = -1, before + len(_STAGES)
        async for event in self._product.events(journey_id):
            stage = _started(event)
            if stage in _STAGES and (index := _STAGES.index(stage)) > done:
                done = index
                await ctx.report_progress(before + index, total, stage)
        await ctx.report_progress(total, total, "answer")

    async def _wanted(self, answer: Answer, talk: Talk, question: Question) -> bool:
        ready = [one for one in answer.answers if _is_ready(one)]
        asked = talk.kept.question if talk.kept else question
        return bool(ready) and await talk.confirm(ready, answer.journey_id, asked)

    async def _with_rows(self, answer: Answer) -> Answer:
        return answer.model_copy(update={"answers": [await self._ran(one) for one in answer.answers]})

    async def _ran(self, answer: QueryAnswer) -> QueryAnswer:
        """With its rows, or why there are none."""
        if not _is_ready(answer):
            return answer
        asked = {"platform": answer.platform, "schema_group": answer.schema_group, "query": answer.query}
        try:
            return answer.model_copy(update={"result": await self._product.execute(ExecuteRequest(**asked, limit=100))})
        except LexiQueryError as error:
            return answer.model_copy(update={"assumptions": [*answer.assumptions, f"not run: {error}"]})


def permitted(answer: Answer) -> Answer:
    """Without rows where the token of the request does not allow to run queries, and saying so."""
    if may_execute():
        return answer
    return answer.model_copy(update={"answers": [_without_rows(one) for one in answer.answers]})


def _without_rows(answer: QueryAnswer) -> QueryAnswer:
    if answer.result is None:
        return answer
    note = f"its rows are not shown: they take the scope '{EXECUTE}', which the token does not have"
    return answer.model_copy(update={"result": None, "assumptions": [*answer.assumptions, note]})


def _is_ready(answer: QueryAnswer) -> bool:
    return answer.result is None and answer.proof.verdict != "rejected"


def _started(event: Event) -> str | None:
    if event.kind != "stage" or event.data.get("status") != "started":
        return None
    return str(event.data.get("stage"))
