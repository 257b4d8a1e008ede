"""The error tree. One table maps it to the wire: HTTP status here; A2A and MCP carry the same code and message.

Every error says what is wrong, where known what would be right (`suggestion`), and has a stable `code`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from shared.models import ProblemDetail


class LexiQueryError(Exception):
    """Base of all errors that a user can meet.

    Attributes:
        code: stable, snake_case; clients may match on it.
        message: one sentence that names the exact thing.
        suggestion: the nearest thing that would work, or None.
    """

    code = "internal_error"

    def __init__(self, message: str, *, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion

    def __str__(self) -> str:
        return f"{self.message}; {self.suggestion}" if self.suggestion else self.message


class InvalidInput(LexiQueryError):
    """The caller sent something that can't be used: fix the request."""

    code = "invalid_input"


class NotFound(LexiQueryError):
    """A named thing does not exist."""

    code = "not_found"

    @classmethod
    def named(cls, kind: str, name: str, known: Iterable[str] = ()) -> NotFound:
        """`unknown schema group 'sentinal'; did you mean 'sentinel'?`, the nearest of `known` if one is near."""
        return cls(f"unknown {kind} '{name}'", suggestion=did_you_mean(name, known))


class Conflict(LexiQueryError):
    """The thing is not in a state that allows this (a finished journey can't be cancelled)."""

    code = "conflict"


class Unauthorized(LexiQueryError):
    """The request carries no valid API key."""

    code = "unauthorized"


class Forbidden(LexiQueryError):
    """The request's token does not allow this."""

    code = "forbidden"


class WrongHost(LexiQueryError):
    """The request names another host than this server."""

    code = "wrong_host"


class ForeignOrigin(LexiQueryError):
    """The request was made by a page of another site."""

    code = "foreign_origin"


class RequestTooLarge(LexiQueryError):
    """The request's body is longer than `request_limit_mb`."""

    code = "request_too_large"


class QueryRejected(LexiQueryError):
    """A query failed its proof and will not be executed."""

    code = "query_rejected"


class QueryFailed(LexiQueryError):
    """A proven query failed on the rows it met (a value that can't be converted)."""

    code = "query_failed"


class QueryTimeout(QueryFailed):
    """A query ran longer than `query_seconds`, or `connection_seconds` on its platform, and was stopped."""

    code = "query_timeout"


class QueryOutOfMemory(QueryFailed):
    """A query wanted more than `query_memory_mb` and was stopped."""

    code = "query_out_of_memory"


class AgentUnavailable(LexiQueryError):
    """An agent could not be reached, did not answer in time, or answered nonsense."""

    code = "agent_unavailable"


class SourceUnavailable(LexiQueryError):
    """A web address, a database or a platform could not be reached or read."""

    code = "source_unavailable"


class ModelUnavailable(LexiQueryError):
    """The model could not be reached, is not installed, or failed."""

    code = "model_unavailable"


class ModelFileCorrupt(ModelUnavailable):
    """A model file's sha256 is not the manifest's."""

    code = "model_file_corrupt"


class ContextExceeded(LexiQueryError):
    """A prompt would not fit the model's context window; nothing was cut, nothing was sent."""

    code = "context_exceeded"


class BudgetExceeded(LexiQueryError):
    """A journey's budget is spent."""

    code = "budget_exceeded"


class StorageFailed(LexiQueryError):
    """The data directory can't be written: full disk, permissions, a corrupt file."""

    code = "storage_failed"


class AlreadyRunning(LexiQueryError):
    """Another process owns the data directory or the port."""

    code = "already_running"


class ServerStopping(LexiQueryError):
    """The server stops, and the request is not done."""

    code = "server_stopping"


HTTP_STATUS: dict[type[LexiQueryError], int] = {
    InvalidInput: 422,
    NotFound: 404,
    Conflict: 409,
    Unauthorized: 401,
    Forbidden: 403,
    WrongHost: 421,
    ForeignOrigin: 403,
    RequestTooLarge: 413,
    QueryRejected: 422,
    QueryFailed: 422,
    QueryTimeout: 422,
    QueryOutOfMemory: 422,
    AgentUnavailable: 502,
    SourceUnavailable: 502,
    ModelUnavailable: 503,
    ContextExceeded: 422,
    BudgetExceeded: 402,
    StorageFailed: 507,
    AlreadyRunning: 409,
    ServerStopping: 503,
    ModelFileCorrupt: 503,
    LexiQueryError: 500,
}


def http_status(error: LexiQueryError) -> int:
    """HTTP status of an error: that of its nearest class in HTTP_STATUS."""
    return next(HTTP_STATUS[cls] for cls in type(error).__mro__ if cls in HTTP_STATUS)


def problem_detail(error: LexiQueryError, *, instance: str | None = None) -> ProblemDetail:
    """The error as RFC 9457 problem detail. instance: what it happened to (an agent, a journey), if known."""
    title = error.code.replace("_", " ").capitalize()
    return ProblemDetail(
        title=title,
        status=http_status(error),
        detail=error.message,
        code=error.code,
        suggestion=error.suggestion,
        instance=instance,
    )


def error_of(problem: ProblemDetail) -> LexiQueryError:
    """The error that a problem detail was made from, of the class with its code."""
    cls = next((cls for cls in HTTP_STATUS if cls.code == problem.code), LexiQueryError)
    return cls(problem.detail, suggestion=problem.suggestion)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest in spelling (case ignored), or None when nothing is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The half-sentence for an error: `did you mean 'X'?`, the list when it is short, or None."""
    names = list(known)
    if match := nearest(name, names):
        return f"did you mean '{match}'?"
    return f"known: {', '.join(sorted(names))}" if 0 < len(names) <= 12 else None


class Invalid(Protocol):
    """Pydantic's ValidationError, or FastAPI's of a request."""

    def errors(self) -> Sequence[Any]: ...


def first_problem(error: Invalid, *, whole: str = "", skip: int = 0) -> str:
    """`budget.tokens: Input should be greater than 0`: the first thing wrong with an input, and where.

    whole: what the place is called when it is the input itself; skip: the first parts of the place that are left out.
    """
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][skip:]) or whole
    said = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
