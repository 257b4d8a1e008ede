"""What a tool answers: structure and text; or a failure with our code, message and suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ValidationError

from shared.errors import InvalidInput, LexiQueryError, did_you_mean, problem_detail

PROBLEM = "lexiquery/problem"
"""The key of `_meta` that a failure's problem detail (RFC 9457) is under."""


def result(output: BaseModel, text: str, *, is_error: bool = False) -> CallToolResult:
    structured = output.model_dump(mode="json")
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=structured, is_error=is_error
    )


def failure(error: LexiQueryError) -> CallToolResult:
    problem = problem_detail(error).model_dump(mode="json", exclude_none=True)
    return CallToolResult(
        content=[TextContent(type="text", text=f"{error.code}: {error}")], is_error=True, _meta={PROBLEM: problem}
    )


def check_nul(arguments: Mapping[str, Any]) -> None:
    """Raises InvalidInput for an argument with a NUL character: no name has one, and PostgreSQL takes none."""
    for name, value in arguments.items():
        if _holds_nul(value):
            raise InvalidInput(f"argument '{name[:40]}' holds a NUL character", suggestion="leave it out")


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    return isinstance(value, list) and any(map(_holds_nul, value))


def bad_argument(error: ValidationError, known: list[str]) -> InvalidInput:
    """What is wrong with a tool's arguments, in a sentence. known: the names of those it takes.

    An argument that it doesn't take is said before one that is missing, for it is often that one misspelt.
    """
    problem = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return unknown_argument(name, known)
    if problem["type"] == "missing":
        return missing_argument(name, known)
    return InvalidInput(f"argument '{name}': {problem['msg']}")


def unknown_argument(name: str, known: list[str]) -> InvalidInput:
    return InvalidInput(f"unknown argument '{name[:40]}'", suggestion=did_you_mean(name[:40], known))


def missing_argument(name: str, known: list[str]) -> InvalidInput:
    return InvalidInput(f"argument '{name}' is missing", suggestion=f"known: {', '.join(known)}")
