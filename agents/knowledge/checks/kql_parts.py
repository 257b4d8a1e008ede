"""A block of KQL that holds several queries: ended by `;`, or parted by blank lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from agents.data.kql.tokens import Token, tokens

MOST_PARAGRAPHS = 50
"""Of a block that is read as several, which takes up to three parses for each of them."""
_LONGEST_JOINED = 4_000
"""Characters of paragraphs that are tried as one query: each try reads all of them anew."""
_BLANK = re.compile(r"\n[ \t]*\n")
_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\n]*)?")
_COMMENTS = re.compile(r"(?:\s*//[^\n]*(?:\n|$))*")
_NAMES = re.compile(r"\w+")
_FOR_OTHERS = ("let", "set", "declare", "alias")
"""Statements that ask nothing, for the queries behind them."""


@dataclass(frozen=True)
class _Piece:
    """Of the text from start to end, which is behind a `;` (ended) or before a blank line, with the comments above it.
    stop: where it ends without the `;`; words: all that it says outside of strings, in order."""

    start: int
    stop: int
    end: int
    ended: bool
    words: list[str]

    @property
    def asks(self) -> bool:
        return self.words[0] not in _FOR_OTHERS

    @property
    def name(self) -> str:
        """Of a `let`; nothing of another statement, and of one whose name is a text in brackets."""
        named = self.words[:1] == ["let"] and len(self.words) > 1 and _NAMES.fullmatch(self.words[1])
        return self.words[1] if named else ""


def kql_parts(text: str, parses: Callable[[str], bool]) -> list[str]:
    """The queries in order, each with the `let` statements above it whose names it uses; the text itself where it is
    one query, or not all of it can be read as queries. parses: whether it can."""
    pieces = list(_pieces(text, tokens(text)))
    if not 1 < len(pieces) <= MOST_PARAGRAPHS:
        return [text]
    statements: list[_Piece] = []
    while pieces:
        length = _query_length(text, pieces, parses) if pieces[0].asks else _length_to_end(pieces)
        if not length:
            return [text]
        statements.append(_joined(pieces[:length]))
        pieces = pieces[length:]
    if sum(one.asks for one in statements) < 2 or not statements[-1].asks:
        return [text]
    parts = [_with_what_it_needs(text, statements, number) for number, one in enumerate(statements) if one.asks]
    return parts if all(parses(part) for part in parts) else [text]


def _pieces(text: str, read: Sequence[Token]) -> Iterator[_Piece]:
    """What lies in brackets is not cut."""
    start, depth = 0, 0
    words: list[str] = []
    for (kind, said, place), following in zip_longest(read, read[1:]):
        after = place + len(said)
        ended = said == ";" and not depth
        if kind == "mark" and not ended:
            depth += (said in "([{") - (said in ")]}")
        words += _NAMES.findall(said) if kind == "word" else [said] if kind != "string" and not ended else []
        blank = _BLANK.search(text, after, following[2]) if following else None
        if words and not depth and (ended or blank or following is None):
            rest = _REST_OF_LINE.match(text, after) if ended else None
            end = rest.end() if rest else blank.start() if blank else len(text)
            yield _Piece(start, place if ended else end, end, ended, words)
            start, words = end, []
    if words:
        yield _Piece(start, len(text), len(text), False, words)


def _query_length(text: str, pieces: Sequence[_Piece], parses: Callable[[str], bool]) -> int:
    """How many of the first pieces are one query: the fewest that can be read, and those after them that it goes on in
    (`| where …`), up to a `;`, and no further than what is short enough to be tried. None: 0."""
    length = 0
    for count, piece in enumerate(pieces, start=1):
        if count > 1 and piece.stop - pieces[0].start > _LONGEST_JOINED:
            break
        if parses(text[pieces[0].start : piece.stop]):
            length = count
        elif length:
            break
        if piece.ended:
            break
    return length


def _length_to_end(pieces: Sequence[_Piece]) -> int:
    return next((count for count, piece in enumerate(pieces, start=1) if piece.ended), 0)


def _joined(pieces: Sequence[_Piece]) -> _Piece:
    words = [word for piece in pieces for word in piece.words]
    return _Piece(pieces[0].start, pieces[-1].stop, pieces[-1].end, pieces[-1].ended, words)


def _with_what_it_needs(text: str, statements: Sequence[_Piece], number: int) -> str:
    """A query with the statements above it that it needs. Its own comment is the first thing that is said, for that is
    its question; that of the statements right above it only where it has none."""
    needed = _needed(statements, number)
    first = number - len(needed)
    query = text[statements[number].start : statements[number].stop].strip()
    bare = _without_comments(query)
    if not needed or (bare == query and needed[0] == first):
        return text[statements[first].start : statements[number].stop].strip()
    lets = [_without_comments(text[statements[one].start : statements[one].end].strip()) for one in needed]
    return "\n".join(filter(None, [query.removesuffix(bare).strip(), *lets, bare]))


def _without_comments(statement: str) -> str:
    """Above it."""
    return _COMMENTS.sub("", statement, count=1).strip()


def _needed(statements: Sequence[_Piece], number: int) -> list[int]:
    """Of those above a query: `set` and `declare` always, a `let` whose name it or a needed one uses, the last of that
    name; and one that nobody uses, by the query behind it, so that nothing is left unread."""
    wanted = set(statements[number].words)
    found: list[int] = []
    is_next = True
    for above in range(number - 1, -1, -1):
        one = statements[above]
        is_next = is_next and not one.asks
        if one.asks:
            continue
        name = one.name
        unused = is_next and not any(name in other.words for other in statements[above + 1 :])
        if not name or name in wanted or unused:
            found.append(above)
            wanted = (wanted - {name}) | set(one.words[2:])
    return found[::-1]
