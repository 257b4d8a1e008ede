"""Errors on HTTP: RFC 9457 problem details, from wherever a request ends."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from shared.errors import LexiQueryError, problem_detail
from shared.models import ProblemDetail


def problem_response(problem: ProblemDetail, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers=headers,
        media_type="application/problem+json",
    )


def error_response(error: LexiQueryError, path: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The error of a request to `path`."""
    return problem_response(problem_detail(error, instance=path), headers)
