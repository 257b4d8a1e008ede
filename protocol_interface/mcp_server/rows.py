"""Rows as a client's model reads them: whole cells and as many rows as fit, and how to get the next ones."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from shared.models import Rows
from shared.render import cut

_LONGEST_TEXT = 24_000
"""Characters; the model that reads it has about 8,000 tokens fewer for anything else."""
_LONGEST_CELL = 1000


def render_page(rows: Rows, offset: int) -> str:
    """A line of columns and one for each row. offset: how many rows were before these."""
    if not rows.rows:
        return f"no rows ({', '.join(rows.columns)})" if not offset else f"no rows from offset {offset} on"
    lines = [_line(row) for row in rows.rows]
    shown = max(1, sum(length <= _LONGEST_TEXT for length in accumulate(len(line) + 1 for line in lines)))
    return "\n".join([_line(rows.columns), *lines[:shown], _said(rows, shown, offset)])


def _line(cells: list[Any]) -> str:
    return " | ".join("null" if cell is None else cut(str(cell), _LONGEST_CELL) for cell in cells)


def _said(rows: Rows, shown: int, offset: int) -> str:
    found, end = len(rows.rows), offset + shown
    if shown == found and not rows.truncated:
        return f"({found} row{'s' * (found != 1)})" if not offset else f"(rows {offset + 1} to {end}, the last ones)"
    return f"(rows {offset + 1} to {end}; there are more, from offset {end} on)"
