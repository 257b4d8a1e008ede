"""Queries in plain text: what is set in from the line that introduces it, and looks like one."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from agents.knowledge.documents.code import code_block
from agents.knowledge.documents.document import Block
from agents.knowledge.documents.elements import CODE, END

_QUERIES = ("kql", "spl", "sql", "promql")
_SET_IN = 4
"""Columns."""
_LOOKED_AT = 100
"""Lines by which a query is told, before what follows is read."""
_RULE = re.compile(r"\s*([=~^#-])\1{2,}\s*")
_ENDED = re.compile(r".*[\w)\"'\]][.!?:]\s*")
"""As sentences do, and queries do not."""


def take_out_code(text: str) -> tuple[str, list[Block]]:
    """The text with a mark in the place of each query, and these. Such a block is four columns or more to the right of
    the line above it, which has a blank line behind it or ends in a colon, and its look is a query's."""
    lines = text.split("\n")
    kept: list[str] = []
    snippets: list[Block] = []
    number, above = 0, ""
    while number < len(lines):
        end = _end_of_code(lines, number, above) if above else number
        if end > number:
            snippets.append(_block(lines[number:end]))
            kept += ["", f"{CODE}{len(snippets) - 1}{END}", ""]
            number = end
            continue
        kept.append(lines[number])
        above = lines[number] if lines[number].strip() else above
        number += 1
    return "\n".join(kept), snippets


def _end_of_code(lines: Sequence[str], start: int, above: str) -> int:
    """Where the query that begins at a line ends, in lines; `start` where none begins. above: the last line before it
    that is not blank."""
    if not _is_introduced(lines, start, above):
        return start
    end = start
    for first, last in _paragraphs(lines, start, _indent(above) + _SET_IN):
        goes_on = end > start and not lines[end - 1].rstrip().endswith(";")
        if not (_is_no_prose(lines[first:last]) if goes_on else _is_query(lines[first:last])):
            break
        end = last
    return end


def _is_introduced(lines: Sequence[str], start: int, above: str) -> bool:
    """Whether a line stands where a query may, and begins like one."""
    if not lines[start].strip() or _indent(lines[start]) < _indent(above) + _SET_IN:
        return False
    if lines[start - 1].strip() and not above.rstrip().endswith(":") and not _RULE.fullmatch(above):
        return False
    first = takewhile(str.strip, islice(lines, start, start + _LOOKED_AT))
    return code_block("\n".join(line.strip() for line in first)).language in _QUERIES


def _paragraphs(lines: Sequence[str], start: int, edge: int) -> Iterator[tuple[int, int]]:
    """(start, end) of those that stand at or behind the edge, up to the first line that does not."""
    first = number = start
    while number < len(lines) and (not lines[number].strip() or _indent(lines[number]) >= edge):
        if not lines[number].strip():
            if number > first:
                yield first, number
            first = number + 1
        number += 1
    if number > first:
        yield first, number


def _is_query(lines: Sequence[str]) -> bool:
    return _is_no_prose(lines) and _block(lines).language in _QUERIES


def _is_no_prose(lines: Sequence[str]) -> bool:
    """Whether lines may be a part of a query: neither a sentence nor a table."""
    columns = len(lines) > 1 and all("|" in one.strip()[1:] and not one.lstrip().startswith("|") for one in lines)
    return not columns and not _ENDED.fullmatch(lines[-1])


def _block(lines: Sequence[str]) -> Block:
    return code_block(textwrap.dedent("\n".join(line.expandtabs(4).rstrip() for line in lines)))


def _indent(line: str) -> int:
    spread = line.expandtabs(4)
    return len(spread) - len(spread.lstrip(" "))
