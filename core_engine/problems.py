"""Errors on HTTP: every one leaves as RFC 9457 problem details with a stable code."""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DatabaseError
from starlette.exceptions import HTTPException

from shared.database import storage_failure
from shared.errors import InvalidInput, LexiQueryError, StorageFailed, first_problem
from shared.models import ProblemDetail
from shared.problems import error_response, problem_response

log = structlog.get_logger(__name__)
_FAULT = LexiQueryError("the server failed at this request; its log has the reason")


def install_problem_responses(app: FastAPI) -> None:
    app.add_exception_handler(LexiQueryError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DatabaseError, _storage)
    app.add_exception_handler(OSError, _storage)
    app.add_exception_handler(Exception, _unknown)


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LexiQueryError)
    return error_response(error, request.url.path)


async def _storage(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DatabaseError | OSError)
    log.error("request failed", path=request.url.path, exc_info=error)
    failure = storage_failure(error)
    return error_response(failure if isinstance(failure, StorageFailed) else _FAULT, request.url.path)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        said = f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}"
        return error_response(InvalidInput(said), request.url.path)
    return error_response(InvalidInput(first_problem(error, whole="body", skip=1)), request.url.path)


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
    return error_response(_FAULT, request.url.path)
