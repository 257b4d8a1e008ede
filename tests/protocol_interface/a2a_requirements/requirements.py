"""What the A2A specification 1.0 demands of a server, each MUST that one can break: an id, its section, in our words.

`@covers(ID, …)` on a test says which of them it holds the server to; test_requirements_list.py checks it both ways.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])

REQUIREMENTS: dict[str, tuple[str, str]] = {
    "A2A-CARD-001": ("8.1, 14.3", "an Agent Card is at /.well-known/agent-card.json, for everybody"),
    "A2A-CARD-002": ("4.4.1, 5.7", "the card has every required field, lists not empty"),
    "A2A-CARD-003": ("5.2, 8.3.1", "the card names all interfaces that are served, each with its true binding and URL"),
    "A2A-CARD-004": ("3.3.4", "a capability that the card doesn't declare is refused with the error of its kind"),
    "A2A-CARD-005": ("3.1.11, 13.3", "the extended card is given only to who authenticates"),
    "A2A-CARD-006": ("3.1.11", "GetExtendedAgentCard is UnsupportedOperation where the card doesn't declare it"),
    "A2A-CARD-007": ("3.6.2", "who says that it is of 0.3 gets the card of 0.3, and nobody else does"),
    "A2A-AUTH-001": ("7.4, 13.1", "every operation on every binding is refused without credentials"),
    "A2A-AUTH-002": ("3.3.2", "wrong credentials are refused as missing ones are"),
    "A2A-AUTH-003": ("5.1", "each scheme that the card declares opens each binding"),
    "A2A-AUTH-004": ("3.3.2, 13.1", "who asks for another's task is told that there is none"),
    "A2A-VER-001": ("3.6.2", "a version that is not served is refused with VersionNotSupported"),
    "A2A-VER-002": ("3.6.2", "a request without a version is one of 0.3, so no method of 1.0 answers it"),
    "A2A-VER-003": ("3.6", "a patch number changes nothing"),
    "A2A-VER-004": ("3.6.2", "Major.Minor must match: 1.1 is not 1.0"),
    "A2A-SEND-001": ("3.1.1", "SendMessage answers with a task or a message"),
    "A2A-SEND-002": ("3.1.1", "a task that has ended takes no message: UnsupportedOperation"),
    "A2A-SEND-003": ("3.1.1", "a part of a media type that no skill takes: ContentTypeNotSupported"),
    "A2A-SEND-004": ("3.4.2", "a message for a task that doesn't exist: TaskNotFound"),
    "A2A-SEND-005": ("3.2.2", "SendMessage waits for the task's end, and gives its artifacts and status"),
    "A2A-SEND-006": ("3.2.2", "SendMessage waits no longer than for an interrupted state"),
    "A2A-SEND-007": ("3.2.2", "with returnImmediately the task comes back while it runs"),
    "A2A-STREAM-001": ("3.1.2", "a stream begins with the task, goes on with updates, and closes when the task ends"),
    "A2A-STREAM-002": ("3.5.2", "events come in the order in which they were made"),
    "A2A-STREAM-003": ("3.5.2", "every stream of a task gets the same events in the same order"),
    "A2A-STREAM-004": ("3.5.2", "closing one stream changes nothing for the task and its other streams"),
    "A2A-STREAM-005": ("3.1.2", "a stream for a task that has ended or doesn't exist is refused as SendMessage is"),
    "A2A-SUB-001": ("3.1.6", "SubscribeToTask begins with the task as it is now"),
    "A2A-SUB-002": ("3.1.6", "a subscription closes when the task ends"),
    "A2A-SUB-003": ("3.1.6", "there is no subscription to a task that has ended: UnsupportedOperation"),
    "A2A-SUB-004": ("3.1.6", "nor to one that doesn't exist: TaskNotFound"),
    "A2A-GET-001": ("3.1.3", "GetTask gives the task as it is now"),
    "A2A-GET-002": ("3.1.3", "a task that doesn't exist: TaskNotFound"),
    "A2A-HIST-001": ("3.2.4", "historyLength is the most messages that come back, the latest ones"),
    "A2A-HIST-002": ("3.2.4", "historyLength 0 gives none, and a negative one is refused"),
    "A2A-LIST-001": ("3.1.4", "artifacts are left out of a list unless includeArtifacts asks for them"),
    "A2A-LIST-002": ("3.1.4", "nextPageToken is always there, and empty on the last page"),
    "A2A-LIST-003": ("3.1.4", "tasks are sorted by their status' time, the latest first"),
    "A2A-LIST-004": ("3.1.4", "following the cursor gives every task once"),
    "A2A-LIST-005": ("3.1.4, 13.1", "only the caller's tasks are listed, whatever the filter"),
    "A2A-LIST-006": ("3.3.2", "a page size outside 1 to 100, and a token that is none, are refused"),
    "A2A-LIST-007": ("3.1.4", "contextId and status filter"),
    "A2A-CANCEL-001": ("3.1.5", "CancelTask gives the task with what became of it"),
    "A2A-CANCEL-002": ("3.1.5", "a task that has ended: TaskNotCancelable"),
    "A2A-CANCEL-003": ("3.1.5", "a task that doesn't exist: TaskNotFound"),
    "A2A-PUSH-001": ("3.1.7", "a config is created with an id, and comes back"),
    "A2A-PUSH-002": ("3.1.7", "a config is kept until the task ends or it is deleted"),
    "A2A-PUSH-003": ("3.1.8", "GetTaskPushNotificationConfig gives it, and fails for one that doesn't exist"),
    "A2A-PUSH-004": ("3.1.9", "ListTaskPushNotificationConfigs gives all of the task"),
    "A2A-PUSH-005": ("3.1.10", "a deleted config is gone, deleting again changes nothing"),
    "A2A-PUSH-006": ("3.1.7", "a config for a task that doesn't exist: TaskNotFound"),
    "A2A-PUSH-007": ("4.3.3", "every webhook of the task is called at least once"),
    "A2A-PUSH-008": ("4.3.3, 13.2", "the webhook gets the credentials of its config"),
    "A2A-PUSH-009": ("4.3.3", "what a webhook gets is a StreamResponse with exactly one of its fields"),
    "A2A-PUSH-010": ("3.3.4", "without the capability every config operation is PushNotificationNotSupported"),
    "A2A-CTX-001": ("3.4.1", "a contextId that the server makes is in the answer"),
    "A2A-CTX-002": ("3.4.1", "a client's contextId is kept, or the message refused; never another one instead"),
    "A2A-CTX-003": ("3.4.3", "a message with only a taskId belongs to the task's context"),
    "A2A-CTX-004": ("3.4.3", "a contextId other than the task's is refused"),
    "A2A-TASK-001": ("3.4.2", "every new task has an id of its own, made by the server"),
    "A2A-TASK-002": ("4.1.1", "a task has its id and a state"),
    "A2A-TASK-003": ("4.1.4, 4.1.6, 4.1.7", "messages, parts and artifacts have what the data model requires"),
    "A2A-ERR-001": ("3.3.2, 5.7", "a request that lacks a required field is refused before anything is done"),
    "A2A-ERR-002": ("5.4", "each error has its code, HTTP status and gRPC status"),
    "A2A-ERR-003": ("9.5, 10.6, 11.6", "an A2A error carries an ErrorInfo with its reason and the domain"),
    "A2A-ERR-004": ("3.3.2", "every error detail names its @type"),
    "A2A-ERR-005": ("3.3.2, 6.5", "an enum value that doesn't exist is refused"),
    "A2A-JSON-001": ("5.5", "JSON names fields in camelCase"),
    "A2A-JSON-002": ("5.5", "JSON names enum values as the protocol buffers do"),
    "A2A-JSON-003": ("5.6.1", "timestamps are ISO 8601 in UTC, with Z"),
    "A2A-RPC-001": ("9.3", "an answer is JSON-RPC 2.0 with the request's id"),
    "A2A-RPC-002": ("9.5", "no JSON, no request, no such method and wrong parameters have JSON-RPC's codes"),
    "A2A-RPC-003": ("9.4.2", "a stream is text/event-stream, each event a JSON-RPC answer"),
    "A2A-REST-001": ("11.3", "every operation is at its URL and method"),
    "A2A-REST-002": ("11.5", "GET takes its parameters from the address, in camelCase"),
    "A2A-REST-003": ("11.7", "a stream is text/event-stream, each event a StreamResponse"),
    "A2A-REST-004": ("11.1", "an answer's media type is one that the client knows"),
    "A2A-GRPC-001": ("10.1, 10.3", "every operation is a method of A2AService"),
    "A2A-GRPC-002": ("10.2", "version and extensions are read from the metadata"),
    "A2A-EXT-001": ("4.6.3", "an extension that isn't supported is ignored, and no older version taken instead"),
    "A2A-EQ-001": ("5.1", "a task that one binding made is the same task on the others"),
    "A2A-IN-001": ("3.4.3", "a task that asks for input goes on with the next message for it"),
}

COVERED: dict[str, list[str]] = {name: [] for name in REQUIREMENTS}


def covers(*names: str) -> Callable[[Test], Test]:
    """Raises KeyError for an id that is none."""

    def note(test: Test) -> Test:
        for name in names:
            COVERED[name].append(f"{test.__module__}.{test.__qualname__}")
        return test

    return note
