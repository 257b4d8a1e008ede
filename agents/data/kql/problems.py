"""A problem at a place that Kusto.Language gives."""

from __future__ import annotations

from agents.data.proof import position
from shared.models import Problem


def problem_at(code: str, message: str, query: str, utf16_start: int, suggestion: str | None = None) -> Problem:
    """utf16_start: Kusto counts UTF-16 units; a problem's line and column count characters from 1."""
    before = query.encode("utf-16-le")[: 2 * utf16_start].decode("utf-16-le", errors="ignore")
    line, column = position(query, len(before))
    return Problem(code=code, message=message, line=line, column=column, suggestion=suggestion)
