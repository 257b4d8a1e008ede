"""Errors on HTTP: every one leaves as RFC 9457 problem details with a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DatabaseError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from core_engine.mending import suggestion_for
from shared.database import storage_failure
from shared.errors import InvalidInput, LexiQueryError, StorageFailed, first_problem
from shared.models import ProblemDetail
from shared.problems import error_response, problem_response

log = structlog.get_logger(__name__)
_FAULT = LexiQueryError("the server failed at this request; its log has the reason")
_LONGEST_PATH = 200
_NEAR = 0.8
"""How alike two paths are, at least, for one to be the other misspelt."""


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
    # What is unknown is often what is missing, misspelt.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    mend = suggestion_for(first, request.scope.get("route"))
    if first["type"] == "json_invalid":
        said = f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}"
    else:
        said = first_problem(RequestValidationError([first]), whole="body", skip=1)
    return error_response(InvalidInput(said, suggestion=mend), request.url.path)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    return problem_response(
        ProblemDetail(
            title=str(error.detail),
            status=error.status_code,
            detail=f"{request.method} {request.url.path}: {error.detail}",
            code=codes.get(error.status_code, "http_error"),
            suggestion=_instead(request, error),
            instance=request.url.path,
        ),
        error.headers,
    )


def _instead(request: Request, error: HTTPException) -> str | None:
    """Of an unknown route the nearest one, if one is near; of another method those that there are."""
    if error.status_code == 405 and error.headers and "Allow" in error.headers:
        return f"use {error.headers['Allow']}"
    if error.status_code == 404:
        near = _near(request.url.path, request.app.routes)
        return f"did you mean '{near}'? /docs lists the routes" if near else "/docs lists the routes"
    return None


def _near(path: str, routes: Sequence[BaseRoute]) -> str | None:
    """The path of a route that is nearly this one, with this one's names in place of the route's parameters."""
    asked = path[:_LONGEST_PATH].split("/")
    known = [_filled(one.path.split("/"), asked) for one in iter_route_contexts(routes) if one.path]
    return next(iter(get_close_matches("/".join(asked), known, n=1, cutoff=_NEAR)), None)


def _filled(parts: list[str], asked: list[str]) -> str:
    filled = [asked[at] if part.startswith("{") and at < len(asked) else part for at, part in enumerate(parts)]
    return "/".join(filled)


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    log.error("request failed", path=request.url.path, exc_info=error)
    return error_response(_FAULT, request.url.path)
