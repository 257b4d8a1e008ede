"""A KQL query that gives no more rows than asked for, and otherwise the same."""

from __future__ import annotations

from agents.data.kql.tokens import Token, tokens

_OPEN, _CLOSE = "([{", ")]}"
# Several results, none of which `take` could follow.
_SEVERAL = frozenset(("fork", "facet"))


def at_most(query: str, rows: int) -> str:
    """The query with `take rows` at its end; after a sort these are its first rows. A `render`, which says how to draw
    the rows and must come last, is left out. Unchanged where nothing can follow."""
    found = tokens(query)
    while found and found[-1][1] == ";":
        found.pop()
    pipes = _last_pipes(found)
    followed = [_after(found, pipe) for pipe in pipes]
    if not found or _SEVERAL.intersection(followed):
        return query
    _, text, offset = found[-1]
    end = offset + len(text)
    if followed and followed[-1] == "render":
        end = found[pipes[-1]][2]
    return f"{query[:end].rstrip()}\n| take {rows}"


def _last_pipes(found: list[Token]) -> list[int]:
    """Where the pipes of the last statement are, outside of brackets."""
    pipes: list[int] = []
    depth = 0
    for place, (kind, text, _) in enumerate(found):
        if kind != "mark":
            continue
        depth += (text in _OPEN) - (text in _CLOSE)
        if depth == 0 and text == ";":
            pipes = []
        elif depth == 0 and text == "|":
            pipes.append(place)
    return pipes


def _after(found: list[Token], place: int) -> str:
    return found[place + 1][1] if place + 1 < len(found) else ""
