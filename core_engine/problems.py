"""Errors on HTTP: every one leaves as RFC 9457 problem details with a stable code."""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DatabaseError
from starlette.exceptions import HTTPException

from shared.database import storage_failure
from shared.errors import LexiQueryError, first_problem, problem_detail
from shared.models import ProblemDetail

log = structlog.get_logger(__name__)


def problem_response(problem: ProblemDetail) -> JSONResponse:
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=problem.status, media_type="application/problem+json"
    )


def install_problem_responses(app: FastAPI) -> None:
    app.add_exception_handler(LexiQueryError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DatabaseError, _storage)
    app.add_exception_handler(OSError, _storage)
    app.add_exception_handler(Exception, _unknown)


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LexiQueryError)
    return problem_response(problem_detail(error, instance=request.url.path))


async def _storage(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DatabaseError | OSError)
    log.error("storage failed", path=request.url.path, exc_info=error)
    return problem_response(problem_detail(storage_failure(error), instance=request.url.path))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem_response(
        ProblemDetail(
            title="Invalid input",
            status=422,
            detail=first_problem(error, whole="body", skip=1),
            code="invalid_input",
            instance=request.url.path,
        )
    )


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    return problem_response(
        ProblemDetail(
            title=str(error.detail),
            status=error.status_code,
            detail=f"{request.method} {request.url.path}: {error.detail}",
            code=codes.get(error.status_code, "http_error"),
            instance=request.url.path,
        )
    )


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    log.error("request failed", path=request.url.path, exc_info=error)
    return problem_response(
        ProblemDetail(
            title="Internal error",
            status=500,
            detail="the server failed at this request; its log has the reason",
            code="internal_error",
            instance=request.url.path,
        )
    )
