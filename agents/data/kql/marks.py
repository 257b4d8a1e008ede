"""A KQL query read by its tokens: brackets, steps and names, also where no parser takes it. All in linear time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agents.data.kql.tokens import tokens
from agents.data.kql.types import kusto_type
from shared.catalog import Catalog

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_CONDITIONS = frozenset(("where", "filter", "having"))
_GROUPING = frozenset(("summarize", "stats", "aggregate"))
_BOUNDARIES = frozenset(("and", "or", ",", "|", ";", "by"))


@dataclass(frozen=True)
class Piece:
    """A token. kind: word, string, number or mark."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def lower(self) -> str:
        return self.text.lower() if self.kind == "word" else self.text


@dataclass(frozen=True)
class Change:
    """The edits that say one thing otherwise, and the note of it. edits: start, end and new text; made all or none."""

    edits: Sequence[tuple[int, int, str]]
    note: str


@dataclass(frozen=True)
class Call:
    """`name(a, b)`. at: of the name; arguments: first and last token of each, none for `f()`; empty ones for `f(,)`."""

    at: int
    opened: int
    closed: int
    arguments: list[tuple[int, int]]


_NOTHING = Piece("", "", 0)


class Reading:
    """pieces: the tokens; around: for each the bracket that it is in (-1: none); step: the word after the pipe that it
    belongs to (-1: the source); ends: where the condition or item that it is in ends; types: Kusto's type of each
    column of the tables that are named, where it is one and the query gives no other column that name; measured: the
    names that a `summarize` computes."""

    def __init__(self, query: str, catalog: Catalog) -> None:
        self.query = query
        self.pieces = [Piece(*token) for token in tokens(query)]
        self.around: list[int] = []
        self.step: list[int] = []
        self.closed: dict[int, int] = {}
        self._commas: dict[int, list[int]] = {}
        self._nest()
        self.ends = self._ends()
        self._next_steps = self._following()
        self._bys = self._last_bys()
        self.own = {one.text for before, one in pairwise(self.pieces) if before.text == "let"}
        self.own |= {function.name for function in catalog.functions}
        given = list(self._given())
        self.types = self._types(catalog, given)
        self.measured = {self[at].text for at in given if self.operator(at) in _GROUPING and self.last_by(at) < 0}
        self.names = {*self.own, *self.types, *(self[at].text for at in given)}

    def __getitem__(self, at: int) -> Piece:
        return self.pieces[at] if 0 <= at < len(self.pieces) else _NOTHING

    def __len__(self) -> int:
        return len(self.pieces)

    def text(self, first: int, last: int) -> str:
        return self.query[self[first].start : self[last].end]

    def operator(self, at: int) -> str:
        """The step that the token belongs to: `summarize`."""
        return self[self.step[at]].lower if self.step[at] >= 0 else ""

    def is_flat(self, at: int) -> bool:
        """Not within brackets of its step."""
        return self.step[at] >= 0 and self.around[at] == self.around[self.step[at]]

    def steps(self) -> Iterator[int]:
        """The words after pipes."""
        return (at for at, step in enumerate(self.step) if at == step)

    def last_by(self, at: int) -> int:
        """The last `by` of the step before the token, within no brackets of the step; -1 where there is none."""
        return self._bys[at]

    def next_step(self, at: int) -> int:
        """The word after the next pipe of the same brackets; -1 where this step is the last."""
        return self._next_steps.get(at, -1)

    def is_boundary(self, at: int) -> bool:
        """The end of the text, a closing bracket, a pipe or a comma: an item is complete before it."""
        return at >= len(self.pieces) or self[at].text in (")", "]", "}", "|", ",", ";")

    def calls(self) -> Iterator[Call]:
        """Calls of what neither the query nor the catalog defines."""
        for opened, closed in self.closed.items():
            name = self[opened - 1]
            is_call = self[opened].text == "(" and name.kind == "word" and self[opened - 2].text != "."
            if is_call and name.text not in self.own:
                yield Call(opened - 1, opened, closed, self._arguments(opened, closed))

    def is_equals(self, at: int) -> bool:
        """A `=` that is no part of another mark."""
        before, one, after = self[at - 1], self[at], self[at + 1]
        if one.text != "=" or (after.text in ("=", "~") and after.start == one.end):
            return False
        return not (before.text in tuple("=!<>~") and before.end == one.start)

    def is_condition(self, at: int) -> bool:
        """Whether the token stands where only a condition can: in a `where`, in no call but of `not` and the like."""
        if self.operator(at) not in _CONDITIONS:
            return False
        bracket = self.around[at]
        if self.is_flat(at):
            return True
        before = self[bracket - 1]
        return self[bracket].text == "(" and (before.kind == "mark" or before.lower in ("and", "or", "not", "where"))

    def _given(self) -> Iterator[int]:
        """Names that the query gives: `n = count()`, `count() as n`."""
        for at, one in enumerate(self.pieces):
            is_free = self.step[at] < 0 or self.is_flat(at)  # within a call it names an argument
            if is_free and self.is_equals(at) and self[at - 1].kind == "word" and not self.is_condition(at):
                yield at - 1
            elif one.lower == "as" and self[at + 1].kind == "word":
                yield at + 1

    def _nest(self) -> None:
        open_at: list[int] = []
        steps = [-1]
        pipe = -2
        for at, one in enumerate(self.pieces):
            if one.kind == "mark" and one.text in ")]}" and open_at and _CLOSING[self[open_at[-1]].text] == one.text:
                self.closed[open_at.pop()] = at
                steps.pop()
            if one.kind == "word" and pipe == at - 1:
                steps[-1] = at
            self.around.append(open_at[-1] if open_at else -1)
            self.step.append(steps[-1])
            if one.kind != "mark":
                continue
            if one.text == "|":
                pipe = at
            elif one.text == ";":
                steps[-1] = -1
            elif one.text == "," and open_at:
                self._commas.setdefault(open_at[-1], []).append(at)
            elif one.text in _CLOSING:
                open_at.append(at)
                steps.append(steps[-1])

    def _ends(self) -> list[int]:
        ends = [len(self.pieces)] * len(self.pieces)
        next_at: dict[int, int] = {-1: len(self.pieces)}
        for at in range(len(self.pieces) - 1, -1, -1):
            bracket = self.around[at]
            ends[at] = next_at.get(bracket, self.closed.get(bracket, len(self.pieces)))
            if self[at].lower in _BOUNDARIES:
                next_at[bracket] = at
        return ends

    def _following(self) -> dict[int, int]:
        last: dict[int, int] = {}
        found: dict[int, int] = {}
        for at in self.steps():
            bracket = self.around[at]
            if bracket in last:
                found[last[bracket]] = at
            last[bracket] = at
        return found

    def _last_bys(self) -> list[int]:
        last: dict[int, int] = {}
        found: list[int] = []
        for at, one in enumerate(self.pieces):
            if one.lower == "by" and self.is_flat(at):
                last[self.step[at]] = at
            found.append(last.get(self.step[at], -1))
        return found

    def _arguments(self, opened: int, closed: int) -> list[tuple[int, int]]:
        if closed == opened + 1:
            return []
        commas = [opened, *self._commas.get(opened, ()), closed]
        return [(before + 1, after - 1) for before, after in pairwise(commas)]

    def _types(self, catalog: Catalog, given: Iterable[int]) -> dict[str, str]:
        words = {one.text.strip("'\"") for one in self.pieces if one.kind in ("word", "string")}
        found: dict[str, set[str]] = {}
        for table in catalog.tables:
            for column in table.columns if table.name in words else ():
                found.setdefault(column.name, set()).add(kusto_type(column.type))
        for at in given:
            found.pop(self[at].text, None)
        for at, one in enumerate(self.pieces):
            if self[at + 1].text == ":" or self[at - 1].kind == "string":
                found.pop(one.text, None)  # `parse` gives it: `with "risk=" Risk:string`, `with "risk=" Risk`
        return {name: next(iter(types)) for name, types in found.items() if len(types) == 1}


def applied(query: str, changes: Iterable[Change]) -> tuple[str, list[str]]:
    """The query with the changes that do not touch an earlier one, and the notes of these."""
    taken, inserted = bytearray(len(query) + 1), bytearray(len(query) + 1)
    edits: list[tuple[int, int, str]] = []
    notes: list[str] = []
    for change in sorted(changes, key=lambda one: one.edits[0][0]):
        if any(_overlaps(start, end, taken, inserted) for start, end, _ in change.edits):
            continue
        for start, end, _ in change.edits:
            taken[start:end] = b"\1" * (end - start)
            inserted[start] |= start == end
        edits += change.edits
        notes.append(change.note)
    parts: list[str] = []
    place = 0
    for start, end, text in sorted(edits, key=lambda edit: edit[:2]):
        parts += [query[place:start], text]
        place = end
    return "".join((*parts, query[place:])), list(dict.fromkeys(notes))


def _overlaps(start: int, end: int, taken: bytearray, inserted: bytearray) -> bool:
    if start == end:
        return bool(start and taken[start - 1] and taken[start])
    return any(taken[start:end]) or any(inserted[start + 1 : end])
