"""How LexiQuery's agents say things in A2A: inputs, outputs, errors, and who asks (the journey extension).

An input is one data part `{"skill": id, "input": {...}}`, the same as JSON text, or a question as text. An output is
one artifact: JSON as text, and as a data part for who asked in one or accepts JSON. A failure is a failed task whose
status message has a data part `{"code", "message", "suggestion"}`.

The extension `EXTENSION` (docs/a2a-extension.md) adds an object under its URI to the metadata: `journey_id`,
`parent_call_id`, `budget`, `user`, `tags` and `replay_of` on a message; `calls` (the model calls that the task made,
CallRecord without texts) on an artifact, or the status message of a task that ended otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from a2a.helpers import get_data_parts, get_text_parts, new_data_part
from a2a.types import Artifact, Message, Part, SendMessageConfiguration
from pydantic import ValidationError

from shared.a2a.sizes import has_more, has_more_values, is_deeper
from shared.calls import CallRecord
from shared.context import Scope
from shared.errors import (
    HTTP_STATUS,
    AgentUnavailable,
    ContextExceeded,
    InvalidInput,
    LexiQueryError,
    ModelUnavailable,
    NotFound,
    QueryFailed,
    QueryRejected,
    first_problem,
)
from shared.ledger import PEER
from shared.models import Budget

EXTENSION = "urn:lexiquery:a2a:journey:1"
EXTENSION_DESCRIPTION = (
    "A message's journey_id, parent_call_id, budget, user and tags put the task's model calls under the caller's "
    "journey; calls, on the artifact or on a failed task's status message, reports them."
)
JSON = "application/json"
TEXT = "text/plain"
DEPTH = 64
"""Objects and lists within each other in an output; ours have about ten."""
VALUES = 20_000
"""Values of a request, counted by the commas and colons between them: protobuf reads them on the event loop, 60
microseconds each."""
TEXT_VALUES = 200_000
"""As VALUES, of an input that comes as JSON text, which is read a hundred times as fast: `ingest` is told of 20,000
documents, with six separators each and one more."""
CALLS = 1000
"""Most calls that one task reports."""
_SKILL = 128
"""Characters of a skill's id; a longer one is no skill, and would take long to compare with those there are."""
_NAME, _TAGS = 64, 16
"""Characters of a user's name, a tag or an id, and how many tags there may be."""
_SHOWN = 500
"""Characters of a peer's text that are kept."""
_SAID = 4000
"""Characters of an error message that are kept: a proof's may be long."""
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_EXACT = 2**53
"""Whole numbers up to here survive a double unchanged (IEEE 754)."""


def wants_data(message: Message, configuration: SendMessageConfiguration | None) -> bool:
    """Whether the answer has a data part: as the question, or as its client accepts."""
    accepted = configuration.accepted_output_modes if configuration else ()
    return JSON in accepted or any(part.HasField("data") for part in message.parts)


def output_parts(output: dict[str, Any], *, data: bool = True) -> list[Part]:
    """The output as a data part, and as JSON text: protobuf keeps each number of a data part as a double, so that
    9007199254740993 and the difference between 1 and 1.0 are lost in it. Raises ValueError for what JSON can't say."""
    text = Part(text=_JSON.encode(output), media_type=JSON)
    return [new_data_part(output, JSON), text] if data else [text]


def output_of(parts: Sequence[Part]) -> dict[str, Any] | None:
    """The JSON object in an artifact, from its exact text where it has one; None when there is no object.

    A text of another type counts if it is an object and no part says that it is JSON: 0.3 keeps no type of a text.
    Raises ValueError, or RecursionError, for one that is nested deeper than DEPTH.
    """
    for found in _objects(parts):
        if isinstance(found, dict):
            if is_deeper(found, DEPTH):
                raise ValueError(f"JSON nested deeper than {DEPTH}")
            return found
    return None


def _objects(parts: Sequence[Part]) -> Iterator[Any]:
    texts = [part for part in parts if part.HasField("text")]
    yield from (_parsed(part.text) for part in texts if part.media_type == JSON)
    yield from (narrow(data) for data in get_data_parts(parts))
    yield from (_parsed(part.text) for part in texts if part.media_type != JSON and part.text.lstrip().startswith("{"))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def narrow(value: Any) -> Any:
    """A data part's value with whole numbers as int again."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    if isinstance(value, dict):
        return {key: narrow(item) for key, item in value.items()}
    if isinstance(value, list):
        return [narrow(item) for item in value]
    return value


def metadata_of(carrier: Message | Artifact) -> dict[str, Any]:
    # A Struct is a data part's object; the SDK has a reader for those.
    [found] = get_data_parts([Part(data={"struct_value": carrier.metadata})])
    return dict(narrow(found))


def is_active(message: Message, requested: Collection[str]) -> bool:
    """Whether the client uses the extension. requested: the URIs of its A2A-Extensions header.

    One that doesn't may have keys of its own in the metadata, and no use for our report.
    """
    return EXTENSION in requested or EXTENSION in message.extensions


def extension_data(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """The extension's object in the metadata; the metadata itself of a peer from before the page was published."""
    found = metadata.get(EXTENSION)
    return found if isinstance(found, dict) else metadata


def asked(message: Message, default_skill: str) -> tuple[str, dict[str, Any]]:
    """The skill and the input that a message asks for; plain text is a question for the default skill.

    Raises InvalidInput saying what the message has instead.
    """
    data = [narrow(part) for part in get_data_parts(message.parts)] or [*_asked_in_text(message.parts)]
    if not data:
        text = "\n".join(get_text_parts(message.parts)).strip()
        if text:
            return default_skill, {"question": text}
        raise InvalidInput("the message has neither text nor a data part", suggestion=_EXPECTED)
    if len(data) > 1:
        raise InvalidInput(f"the message has {len(data)} data parts", suggestion=_EXPECTED)
    return _skill_and_input(data[0])


def _asked_in_text(parts: Sequence[Part]) -> Iterator[Any]:
    """What JSON texts ask for; one that names no skill is a question like any other text."""
    for part in parts:
        if not part.HasField("text") or part.media_type != JSON:
            continue
        if has_more_values(part.text.encode(), TEXT_VALUES):
            raise InvalidInput(f"the JSON text has more than {TEXT_VALUES:,} commas and colons between its values")
        try:
            found = _parsed(part.text)
        except RecursionError as error:
            raise InvalidInput("the JSON text is nested too deep") from error
        if isinstance(found, dict) and "skill" in found:
            if is_deeper(found, DEPTH):
                raise InvalidInput(f"the JSON text is nested deeper than {DEPTH}")
            yield found


def asking(skill: str, given: dict[str, Any]) -> Part:
    """What `asked` reads: a data part, or a JSON text for more values than a server takes as data. Raises ValueError,
    TypeError or ParseError for what JSON can't say."""
    asked = {"skill": skill, "input": given}
    if has_more(asked, VALUES // 3):
        return Part(text=_JSON.encode(asked), media_type=JSON)
    return new_data_part(asked, JSON)


_EXPECTED = 'send one data part {"skill": ID, "input": {...}}, or a question as text'


def _skill_and_input(data: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(data, dict) or not isinstance(data.get("skill"), str):
        raise InvalidInput("the data part names no skill", suggestion=_EXPECTED)
    given = data.get("input", {})
    if not isinstance(given, dict):
        raise InvalidInput(f"the data part's input is no object but {json.dumps(given)[:80]}", suggestion=_EXPECTED)
    return data["skill"][:_SKILL], given


def asked_by(message: Message, requested: Collection[str], *, otherwise: str) -> Scope:
    """Who asks, by the extension if it is in use. otherwise: the journey of a peer that names none (its A2A context).

    Raises InvalidInput naming the field.
    """
    if not is_active(message, requested):
        return Scope(journey_id=otherwise)
    metadata = extension_data(metadata_of(message))
    for name in ("journey_id", "parent_call_id", "user", "replay_of"):
        _check_name(name, metadata.get(name, ""))
    tags = metadata.get("tags") or []
    if not isinstance(tags, list) or len(tags) > _TAGS:
        raise InvalidInput(f"metadata tags is no list of up to {_TAGS} texts but {str(tags)[:80]}")
    for tag in tags:
        _check_name("tags", tag)
    try:
        budget = Budget.model_validate(metadata["budget"]) if metadata.get("budget") else None
    except ValidationError as error:
        raise InvalidInput(f"metadata budget: {first_problem(error)}") from error
    return Scope(
        journey_id=metadata.get("journey_id") or otherwise,
        parent_call_id=metadata.get("parent_call_id") or None,
        budget=budget,
        user=metadata.get("user") or None,
        tags=tuple(tag for tag in tags if tag),
        replay_of=metadata.get("replay_of") or None,
    )


def _check_name(field: str, value: Any) -> None:
    """What the ledger's columns hold: a short text in one line."""
    if not isinstance(value, str):
        raise InvalidInput(f"metadata {field} is no text but {str(value)[:80]}")
    if len(value) > _NAME or not (value.isprintable() or not value):
        raise InvalidInput(f"metadata {field} has more than {_NAME} characters, or control characters: {value[:80]!r}")


def scope_metadata(scope: Scope) -> dict[str, Any]:
    """The metadata that `asked_by` reads."""
    fields = {
        "journey_id": scope.journey_id,
        "parent_call_id": scope.parent_call_id,
        "budget": scope.budget.model_dump(exclude_none=True) if scope.budget else None,
        "user": scope.user,
        "tags": list(scope.tags),
        "replay_of": scope.replay_of,
    }
    given = {name: value for name, value in fields.items() if value}
    return {EXTENSION: given} if given else {}


def calls_metadata(calls: Iterable[CallRecord]) -> dict[str, Any]:
    """Calls without their texts: prompts and responses stay where they were made."""
    without_texts = (call.model_copy(update={"request": None, "response": None}) for call in calls)
    return {EXTENSION: {"calls": [call.model_dump(mode="json", exclude_none=True) for call in without_texts]}}


def calls_of(agent: str, metadata: dict[str, Any]) -> list[CallRecord]:
    """The first CALLS calls that a peer reports, without texts and what only it knows, and under keys by which none is
    replayed here.

    Raises ValidationError for a report that isn't one.
    """
    reported = extension_data(metadata).get("calls")
    if not isinstance(reported, list):
        return []
    calls = (CallRecord.heard(call) for call in reported[:CALLS])
    return [
        call.model_copy(
            update={
                "idempotency_key": _foreign(agent, call.idempotency_key),
                "request": None,
                "response": None,
                "error": call.error and call.error[:_SHOWN],
            }
        )
        for call in calls
    ]


def calls_by(agent: str, calls: Sequence[CallRecord], *, scope: Scope, since: datetime) -> list[CallRecord]:
    """The calls as those of an agent that is not trusted: no id of theirs is one of ours or another agent's, nobody but
    who asked has made them, they lie between `since`, when it was asked, and now, and no sum with them is absurd.
    """
    own = {call.id: _foreign(agent, call.id) for call in calls}
    return [
        call.model_copy(
            update={
                **_bounded(call, since, datetime.now(UTC)),
                "id": own[call.id],
                "parent_id": own.get(call.parent_id or "", scope.parent_call_id),
                "agent": agent,
                "user": scope.user,
                "tags": list(scope.tags),
                "metadata": {},
            }
        )
        for call in calls
    ]


_MOMENTS = ("started_at", "first_token_at", "completed_at")
_TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")
_COSTS = ("cost", "energy_cost", "amortisation_cost", "idle_cost", "joules")
_SECONDS = ("total_seconds", "queue_seconds", "load_seconds", "prompt_seconds", "generation_seconds")
_SAVED = ("cache_of", "saved_tokens", "saved_seconds", "saved_cost")
_MOST_TOKENS, _MOST_COST = 10**9, 1e6
"""Of one call; a cost above is none, for a sum with it would say nothing."""


def _bounded(call: CallRecord, since: datetime, now: datetime) -> dict[str, Any]:
    """What of the call is more than can be, or at another time; it has saved us nothing. What does not fit the columns
    is for the ledger, which leaves such a call out."""
    given = call.model_dump(exclude_none=True)
    bounds: dict[str, Any] = {name: min(max(given[name], since), now) for name in _MOMENTS if name in given}
    bounds |= {name: min(given[name], _MOST_TOKENS) for name in _TOKENS if name in given}
    bounds |= {name: None for name in _COSTS if given.get(name, 0) > _MOST_COST}
    seconds = (now - since).total_seconds()
    bounds |= {name: min(given[name], seconds) for name in _SECONDS if name in given}
    return bounds | dict.fromkeys(_SAVED)


def _foreign(agent: str, name: str) -> str:
    """`{PEER}{agent}:{digest}`, unique for both names and short enough for the ledger's ids (64 characters)."""
    digest = hashlib.sha256(json.dumps([agent, name]).encode()).hexdigest()
    return f"{PEER}{agent[:24]}:{digest[:32]}"


def error_parts(error: LexiQueryError) -> list[Part]:
    problem = {"code": error.code, "message": error.message, "suggestion": error.suggestion}
    return [Part(text=str(error), media_type=TEXT), new_data_part(problem, JSON)]


_OF_A_TASK = (InvalidInput, NotFound, QueryRejected, QueryFailed, ContextExceeded, AgentUnavailable, ModelUnavailable)
"""What an agent can say of its own task. The other errors are about the journey, its budget, or our house."""


def error_from(message: Message, agent: str, *, trusted: bool = True) -> LexiQueryError:
    """The error that a failed task of `agent` carries, of the class with its code.

    AgentUnavailable if it has none, or one that is not for an agent that isn't trusted to say.
    """
    classes = {cls.code: cls for cls in HTTP_STATUS if trusted or issubclass(cls, _OF_A_TASK)}
    for data in get_data_parts(message.parts):
        if not isinstance(data, dict) or not isinstance(data.get("message"), str):
            continue
        code, suggestion = data.get("code"), data.get("suggestion")
        if isinstance(code, str) and code in classes:
            kept = suggestion[:_SHOWN] if suggestion and isinstance(suggestion, str) else None
            return classes[code](data["message"][:_SAID], suggestion=kept)
    said = " ".join(get_text_parts(message.parts)).strip() or "it gave no reason"
    return AgentUnavailable(f"agent '{agent}' failed: {said[:_SHOWN]}")
