"""A task as its events tell it, piece by piece, whatever an agent sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby

from a2a.helpers import get_text_parts
from a2a.types import Artifact, Message, Part, StreamResponse, Task, TaskState

from protocol_interface.a2a_client.failures import SHOWN, too_much
from protocol_interface.bounded import ANSWER_LIMIT

Report = Callable[[str], Awaitable[None]]
"""Told, in one line, what an agent says while it works."""
EVENTS = 50_000
"""Most events of one task: a model that streams its answer sends one a token."""
REPORTS = 50
"""Most lines that one task reports."""
_RUNNING = (TaskState.TASK_STATE_UNSPECIFIED, TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)


class Folded:
    """The message that an agent answers with, or its task so far. report: told what its status says."""

    def __init__(self, report: Report | None = None) -> None:
        self.message: Message | None = None
        self._task = Task()
        self._pieces: dict[str, list[Artifact]] = {}
        self._report = report
        self._reported: list[str] = []
        self._events = self._bytes = 0

    @property
    def task_id(self) -> str:
        """'' as long as the agent has named none."""
        return str(self._task.id)

    @property
    def has_ended(self) -> bool:
        """Whether the agent has answered, given up, or wants something before it goes on."""
        return self.message is not None or self._task.status.state not in _RUNNING

    @property
    def task(self) -> Task:
        """With its artifacts whole: pieces of a text that were sent one after the other are one part."""
        del self._task.artifacts[:]
        self._task.artifacts.extend(_whole(pieces) for pieces in self._pieces.values())
        return self._task

    async def take(self, event: StreamResponse) -> None:
        """Raises A2AClientError for more than EVENTS events, or ANSWER_LIMIT bytes, of one task."""
        self._count(event)
        kind = event.WhichOneof("payload")
        if kind == "message":
            self.message = event.message
        elif kind == "task":
            self._replace(event.task)
        elif kind == "status_update":
            self._task.id = self._task.id or event.status_update.task_id
            self._task.status.CopyFrom(event.status_update.status)
            await self._tell(event.status_update.status.message)
        elif kind == "artifact_update":
            self._take_piece(event.artifact_update.artifact, append=event.artifact_update.append)
        else:
            raise ValueError("neither a task nor a message")

    async def look(self, task: Task) -> None:
        """The agent's whole task, in place of what its events told."""
        self._replace(task)
        if not self.has_ended:
            await self._tell(task.status.message)

    def _replace(self, task: Task) -> None:
        self._task.CopyFrom(task)
        self._pieces = {artifact.artifact_id: [artifact] for artifact in task.artifacts}

    def _count(self, event: StreamResponse) -> None:
        self._events += 1
        self._bytes += event.ByteSize()
        if self._events > EVENTS:
            raise too_much(f"sent more than {EVENTS:,} events of one task")
        if self._bytes > ANSWER_LIMIT:
            raise too_much(f"answered more than {ANSWER_LIMIT // 2**20} MiB")

    def _take_piece(self, piece: Artifact, *, append: bool) -> None:
        before = self._pieces.get(piece.artifact_id, []) if append else []
        before.append(piece)
        self._pieces[piece.artifact_id] = before

    async def _tell(self, message: Message) -> None:
        said = " ".join(" ".join(get_text_parts(message.parts)).split())[:SHOWN]
        if not self._report or not said or said in self._reported or len(self._reported) >= REPORTS:
            return
        self._reported.append(said)
        await self._report(said)


def _whole(pieces: list[Artifact]) -> Artifact:
    if len(pieces) == 1:
        return pieces[0]
    artifact = Artifact()
    artifact.CopyFrom(pieces[0])
    del artifact.parts[:]
    artifact.parts.extend(_joined(part for piece in pieces for part in piece.parts))
    for piece in pieces[1:]:
        artifact.metadata.MergeFrom(piece.metadata)
    return artifact


def _joined(parts: Iterable[Part]) -> Iterable[Part]:
    """Texts of one media type that follow each other as one text."""
    for (is_text, media_type), run in groupby(parts, lambda part: (part.HasField("text"), part.media_type)):
        if is_text:
            yield Part(text="".join(part.text for part in run), media_type=media_type)
        else:
            yield from run
