"""Literals of days that no calendar has, which Kusto.Language lets pass."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from agents.data.dates import nearest_real
from agents.data.kql.tokens import tokens
from agents.data.proof import position
from shared.models import Problem


def impossible_dates(query: str) -> Iterator[Problem]:
    """A problem for each `datetime(2026-02-31)`."""
    found = tokens(query)
    for (_, word, start), (_, mark, place) in pairwise(found):
        if word not in ("datetime", "date") or mark != "(":
            continue
        written, _, _ = query[place + 1 :].partition(")")
        if real := nearest_real(written.strip("\"' ")):
            line, column = position(query, start)
            message = f"there is no day {word}({written})"
            yield Problem(
                code="impossible_value", message=message, line=line, column=column, suggestion=f"{word}({real})"
            )
