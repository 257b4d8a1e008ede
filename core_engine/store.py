"""Journeys, their events, conversations and feedback in SQL. A resumed journey may repeat any of its writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Update,
    func,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from protocol_interface.product import Event
from shared.errors import Conflict, NotFound
from shared.models import (
    Answer,
    Conversation,
    ConversationSummary,
    Feedback,
    JourneyStatus,
    JourneySummary,
    Question,
)

schema = MetaData()
_journeys = Table(
    "journeys",
    schema,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(64), index=True),
    Column("question", Text, nullable=False),
    Column("rejected", Text, nullable=False, default="[]"),
    Column("status", String(24), nullable=False, index=True),
    Column("cancel_requested", Integer, nullable=False, default=0),
    Column("answer", Text),
    Column("started_at", DateTime(timezone=True), nullable=False, index=True),
    Column("completed_at", DateTime(timezone=True)),
)
_events = Table(
    "journey_events",
    schema,
    Column("journey_id", String(36), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("key", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("journey_id", "key"),
)
_conversations = Table(
    "conversations",
    schema,
    Column("id", String(64), primary_key=True),
    Column("started_at", DateTime(timezone=True), nullable=False),
)
_feedback = Table(
    "feedback",
    schema,
    Column("id", String(36), primary_key=True),
    Column("journey_id", String(36), nullable=False, index=True),
    Column("content", Text, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False),
)


class Store:
    """What the core engine remembers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(self, journey_id: str, question: Question, rejected: list[tuple[str, str]]) -> None:
        """Raises Conflict when there is a journey of that id."""
        values = {
            "id": journey_id,
            "conversation_id": question.conversation_id,
            "question": question.model_dump_json(),
            "rejected": json.dumps(rejected),
            "status": "running",
            "cancel_requested": 0,
            "started_at": datetime.now(UTC),
        }
        try:
            async with self._engine.begin() as connection:
                await connection.execute(_journeys.insert().values(values))
        except IntegrityError as error:
            raise Conflict(f"there is a journey '{journey_id}' already") from error

    async def end(self, answer: Answer) -> None:
        """The answer and its event, together: whoever sees the one sees the other."""
        ended = (
            update(_journeys)
            .where(_journeys.c.id == answer.journey_id)
            .values(status=answer.status, answer=answer.model_dump_json(), completed_at=datetime.now(UTC))
        )
        await self._append(answer.journey_id, "answer", "answer", answer.model_dump(mode="json"), ended)

    async def question(self, journey_id: str) -> tuple[Question, list[tuple[str, str]]]:
        """The question and the (query, reason) pairs that its user rejected before. Raises NotFound."""
        row = await self._row(journey_id)
        return Question.model_validate_json(row.question), [(query, why) for query, why in json.loads(row.rejected)]

    async def earlier(self, journey_id: str, limit: int) -> list[Question]:
        """The questions asked before in the journey's conversation, the newest first. Raises NotFound."""
        row = await self._row(journey_id)
        if row.conversation_id is None:
            return []
        before = (_journeys.c.conversation_id == row.conversation_id, _journeys.c.started_at < row.started_at)
        query = select(_journeys.c.question).where(*before).order_by(_journeys.c.started_at.desc()).limit(limit)
        async with self._engine.connect() as connection:
            found = await connection.scalars(query)
            return [Question.model_validate_json(question) for question in found]

    async def answer(self, journey_id: str) -> Answer | None:
        """None while the journey runs. Raises NotFound."""
        row = await self._row(journey_id)
        return Answer.model_validate_json(row.answer) if row.answer else None

    async def status(self, journey_id: str) -> JourneyStatus:
        row = await self._row(journey_id)
        status: JourneyStatus = row.status
        return status

    async def started_at(self, journey_id: str) -> datetime:
        """Raises NotFound."""
        started: datetime = (await self._row(journey_id)).started_at
        return started.replace(tzinfo=UTC)

    async def running(self) -> list[str]:
        """Ids of the journeys that have no answer yet."""
        async with self._engine.connect() as connection:
            found = await connection.scalars(select(_journeys.c.id).where(_journeys.c.status == "running"))
            return list(found)

    async def request_cancel(self, journey_id: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(
                update(_journeys).where(_journeys.c.id == journey_id).values(cancel_requested=1),
            )

    async def cancel_requested(self, journey_id: str) -> bool:
        return bool((await self._row(journey_id)).cancel_requested)

    async def journeys(
        self,
        *,
        conversation_id: str | None = None,
        status: JourneyStatus | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[JourneySummary]:
        """The newest first."""
        query = select(_journeys).order_by(_journeys.c.started_at.desc(), _journeys.c.id).limit(limit).offset(offset)
        if conversation_id:
            query = query.where(_journeys.c.conversation_id == conversation_id)
        if status:
            query = query.where(_journeys.c.status == status)
        async with self._engine.connect() as connection:
            return [
                JourneySummary(
                    journey_id=row.id,
                    question=Question.model_validate_json(row.question).question,
                    status=row.status,
                    started_at=row.started_at.replace(tzinfo=UTC),
                    completed_at=row.completed_at.replace(tzinfo=UTC) if row.completed_at else None,
                )
                for row in await connection.execute(query)
            ]

    async def count(self) -> dict[str, int]:
        """How many journeys have each status."""
        query = select(_journeys.c.status, func.count()).group_by(_journeys.c.status)
        async with self._engine.connect() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    async def record(self, journey_id: str, key: str, kind: str, data: dict[str, Any]) -> None:
        """Append an event once: a key that the journey already has is left as it was."""
        await self._append(journey_id, key, kind, data)

    async def _append(self, journey_id: str, key: str, kind: str, data: dict[str, Any], *also: Update) -> None:
        next_sequence = (
            select(func.coalesce(func.max(_events.c.sequence), 0) + 1)
            .where(_events.c.journey_id == journey_id)
            .scalar_subquery()
        )
        values = {"journey_id": journey_id, "key": key, "kind": kind, "data": json.dumps(data)}
        while not await self._has_event(journey_id, key):
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(_events.insert().values(sequence=next_sequence, **values))
                    for statement in also:
                        await connection.execute(statement)
                return
            except IntegrityError:
                continue  # another writer took the sequence number, or wrote this very event

    async def events(self, journey_id: str, after: int = 0) -> list[Event]:
        query = (
            select(_events)
            .where(_events.c.journey_id == journey_id, _events.c.sequence > after)
            .order_by(_events.c.sequence)
        )
        async with self._engine.connect() as connection:
            return [
                Event(journey_id=journey_id, sequence=row.sequence, kind=row.kind, data=json.loads(row.data))
                for row in await connection.execute(query)
            ]

    async def open_conversation(self) -> Conversation:
        conversation = Conversation(conversation_id=str(uuid4()), started_at=datetime.now(UTC))
        async with self._engine.begin() as connection:
            await connection.execute(
                _conversations.insert().values(id=conversation.conversation_id, started_at=conversation.started_at)
            )
        return conversation

    async def conversations(self, *, limit: int = 50, offset: int = 0) -> list[ConversationSummary]:
        """The newest first."""
        of_it = select(_journeys.c.question).where(_journeys.c.conversation_id == _conversations.c.id)
        first = of_it.order_by(_journeys.c.started_at, _journeys.c.id).limit(1).scalar_subquery()
        number = of_it.with_only_columns(func.count()).scalar_subquery()
        query = (
            select(_conversations, first.label("first"), number.label("number"))
            .order_by(_conversations.c.started_at.desc(), _conversations.c.id)
            .limit(limit)
            .offset(offset)
        )
        async with self._engine.connect() as connection:
            return [
                ConversationSummary(
                    conversation_id=row.id,
                    started_at=row.started_at.replace(tzinfo=UTC),
                    question=Question.model_validate_json(row.first).question if row.first else None,
                    journeys=row.number,
                )
                for row in await connection.execute(query)
            ]

    async def conversation(self, conversation_id: str) -> Conversation:
        """The conversation with its newest 200 journeys. Raises NotFound."""
        async with self._engine.connect() as connection:
            found = await connection.execute(select(_conversations).where(_conversations.c.id == conversation_id))
            row = found.one_or_none()
        if row is None:
            raise NotFound(f"unknown conversation '{conversation_id}'")
        journeys = await self.journeys(conversation_id=conversation_id, limit=200)
        return Conversation(conversation_id=row.id, started_at=row.started_at.replace(tzinfo=UTC), journeys=journeys)

    async def add_feedback(self, feedback: Feedback) -> None:
        """Raises NotFound when there is no such journey."""
        await self._row(feedback.journey_id)
        async with self._engine.begin() as connection:
            await connection.execute(
                _feedback.insert().values(
                    id=str(uuid4()),
                    journey_id=feedback.journey_id,
                    content=feedback.model_dump_json(),
                    given_at=datetime.now(UTC),
                )
            )

    async def _has_event(self, journey_id: str, key: str) -> bool:
        query = select(_events.c.sequence).where(_events.c.journey_id == journey_id, _events.c.key == key)
        async with self._engine.connect() as connection:
            return await connection.scalar(query) is not None

    async def _row(self, journey_id: str) -> Any:
        async with self._engine.connect() as connection:
            found = await connection.execute(select(_journeys).where(_journeys.c.id == journey_id))
            row = found.one_or_none()
        if row is None:
            raise NotFound(f"unknown journey '{journey_id}'")
        return row
