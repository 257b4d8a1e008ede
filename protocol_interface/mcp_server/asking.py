"""Asking the client's user in the midst of a call: what was meant, and whether a query is to be run.

Protocol 2025-11-25 asks within the call, by a request to the client. 2026-07-28 has no such requests: the call ends
with the question, and the client makes it again with the reply and the state that it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import anyio
import structlog
from mcp.server.mcpserver import Context
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least

from shared.models import Clarification, Model, QueryAnswer, Question

log = structlog.get_logger(__name__)
_ASKS_BY_RESULT = "2026-07-28"
_REPLY_SECONDS = 600.0
"""How long a call waits for its user's reply; after that it goes on without one."""
_LONGEST_REPLY = 2000
"""Characters."""


class Kept(Model):
    """What a call has to know when it is made again. Clients carry it, sealed: they can't read or change it.

    turn: which clarification it is of those that the call asks for.
    """

    journey_id: str
    question: Question
    about: Literal["clarification", "run"]
    turn: int = 1


class Unanswered(Exception):
    """The call ends here, with a question."""

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__()
        self.result = result


class Talk:
    """What one call asks its user. kept: what an earlier making of this call asked, None if it is the first."""

    def __init__(self, ctx: Context[Any, Any]) -> None:
        self._ctx = ctx
        self.kept = Kept.model_validate_json(ctx.request_state) if ctx.request_state else None

    @property
    def possible(self) -> bool:
        """Whether the client shows its user forms. A bare `elicitation: {}` says so; one with only `url` does not."""
        capabilities = self._ctx.client_capabilities
        elicitation = capabilities.elicitation if capabilities else None
        return elicitation is not None and (elicitation.form is not None or elicitation.url is None)

    @property
    def turn(self) -> int:
        """The clarification at which the call goes on."""
        return self.kept.turn if self.kept else 1

    async def clarify(self, asked: Clarification, journey_id: str, question: Question, turn: int) -> str | None:
        """What the user meant: one of the options, or words of his own; None if he doesn't say. Raises Unanswered."""
        kept = Kept(journey_id=journey_id, question=question, about="clarification", turn=turn)
        reply = await self._reply(kept, asked.question, _clarification_form(asked.options))
        said = reply.content or {} if reply and reply.action == "accept" else {}
        words = [str(said.get(name) or "").strip() for name in ("other", "answer")]
        return next((word[:_LONGEST_REPLY] for word in words if word), None)

    async def confirm(self, queries: Sequence[QueryAnswer], journey_id: str, question: Question) -> bool:
        """Whether the user wants these queries run. Raises Unanswered."""
        kept = Kept(journey_id=journey_id, question=question, about="run")
        shown = [f"{one.platform} on {one.schema_group}:\n{one.query}" for one in queries]
        heading = "Run this query?" if len(queries) == 1 else "Run these queries?"
        reply = await self._reply(kept, "\n\n".join([heading, *shown]), _RUN_FORM)
        return reply is not None and reply.action == "accept" and (reply.content or {}).get("run") is True

    async def _reply(self, kept: Kept, message: str, form: dict[str, Any]) -> ElicitResult | None:
        if not is_version_at_least(self._ctx.protocol_version or "", _ASKS_BY_RESULT):
            return await self._ask_now(message, form)
        reply = (self._ctx.input_responses or {}).get(kept.about) if self.kept == kept else None
        if isinstance(reply, ElicitResult):
            return reply
        request = ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=form))
        state = kept.model_dump_json()
        raise Unanswered(InputRequiredResult(input_requests={kept.about: request}, request_state=state))

    async def _ask_now(self, message: str, form: dict[str, Any]) -> ElicitResult | None:
        try:
            with anyio.move_on_after(_REPLY_SECONDS):
                session: ServerSession = self._ctx.session
                return await session.elicit_form(message, form, related_request_id=self._ctx.request_id)
        except MCPError as error:
            log.warning("the client could not ask its user", problem=str(error))
        return None


_RUN_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"run": {"type": "boolean", "title": "Run it", "default": True}},
    "required": ["run"],
}


def _clarification_form(options: Sequence[str]) -> dict[str, Any]:
    """One of the options, or other words; without options words alone."""
    words = {"type": "string", "title": "In your own words", "maxLength": _LONGEST_REPLY}
    if not options:
        return {"type": "object", "properties": {"answer": words}, "required": ["answer"]}
    chosen = {"type": "string", "title": "It is about", "enum": list(dict.fromkeys(options))}
    return {"type": "object", "properties": {"answer": chosen, "other": words}}
