"""Conditions as SQL writes them: `A = 'x' AND B LIKE '%y%'`, `C IS NULL`, `D in 'x'`."""

from __future__ import annotations

from collections.abc import Iterator

from agents.data.kql.marks import Change, Reading

_SMALL = frozenset(
    ("and", "or", "not", "in", "by", "asc", "desc", "between", "on", "contains", "startswith", "endswith")
)
_NEGATED = frozenset(("contains", "startswith", "endswith", "has", "between", "in"))
_CONDITIONAL = frozenset(("countif", "iff", "iif", "if", "case", "sumif", "avgif", "dcountif", "minif", "maxif", "not"))
_SPECIAL = frozenset("_[\\*")


def conditions(read: Reading) -> Iterator[Change]:
    """What of a condition is written in SQL's way."""
    for at, one in enumerate(read.pieces):
        if one.kind == "mark":
            yield from _equals(read, at)
        elif one.kind == "word" and read[at - 1].text != "." and not read.is_equals(at + 1):
            word = one.lower
            if word == "not" and read[at - 1].lower != "is":
                yield from _not(read, at)
            elif word == "like" or word == "ilike":
                yield from _like(read, at)
            elif word == "is":
                yield from _is_null(read, at)
            elif word == "null":
                yield from _compared_with_null(read, at)
            elif word == "in":
                yield from _in(read, at)
            elif word == "between":
                yield from _between(read, at)
            if word in _SMALL and one.text != word and one.text not in read.names:
                yield Change([(one.start, one.end, word)], f"wrote '{word}' for '{one.text}'")


def _equals(read: Reading, at: int) -> Iterator[Change]:
    one = read[at]
    if (
        not read.is_equals(at)
        or read.is_boundary(at + 1)
        or (read[at - 1].kind == "mark" and read[at - 1].text not in ")]")
    ):
        return
    if read.types.get(read[at - 1].text) == "datetime" and read[at + 1].kind == "string":
        return  # a day is meant, and `==` would be its midnight
    bracket = read.around[at]
    in_call = bracket >= 0 and read[bracket].text == "(" and read[bracket - 1].lower in _CONDITIONAL
    in_call = in_call and read[at - 1].text in read.types  # other names may be those of arguments
    if read[at - 2].lower != "let" and (read.is_condition(at) or in_call):
        yield Change([(one.start, one.end, "==")], "compared with '==' for '=', which assigns in KQL")


def _not(read: Reading, at: int) -> Iterator[Change]:
    """`a not in (...)` is `a !in (...)`; `not a == 1` is `not(a == 1)`, up to the next `and`, `or` or end."""
    one, after = read[at], read[at + 1]
    if after.lower in _NEGATED and read[at + 2].text != "=":
        text = f"!{after.lower}"
        yield Change([(one.start, after.end, text)], f"used '{text}' for '{read.text(at, at + 1)}'")
        return
    end = read.ends[at]
    if (
        after.text in ("(", "")
        or after.kind != "word"
        or after.lower in ("not", "like", "ilike", "null")
        or end <= at + 1
    ):
        return
    if not read.is_condition(at) or one.text in read.names:
        return
    edits = [(one.start, after.start, "not("), (read[end - 1].end, read[end - 1].end, ")")]
    yield Change(edits, f"used 'not(...)' for '{one.text} ...'")


def _like(read: Reading, at: int) -> Iterator[Change]:
    pattern = read[at + 1]
    if pattern.kind != "string" or pattern.text[0] not in "'\"" or len(pattern.text) < 3:
        return
    quote, text = pattern.text[0], pattern.text[1:-1]
    inner = text.removeprefix("%").removesuffix("%")
    if not inner or "%" in inner or _SPECIAL & set(inner) or read[at + 2].kind == "string":
        return
    negated = read[at - 1].lower == "not"
    starts, ends = not text.startswith("%"), not text.endswith("%")
    word = (
        ("~" if negated else "=~")
        if starts and ends
        else ("startswith" if starts else "endswith" if ends else "contains")
    )
    word = f"!{word}" if negated else word
    first = at - 1 if negated else at
    said = f"{word} {quote}{inner}{quote}"
    yield Change(
        [(read[first].start, pattern.end, said)], f"used {said}, which ignores case, for {read.text(first, at + 1)}"
    )


def _is_null(read: Reading, at: int) -> Iterator[Change]:
    negated = read[at + 1].lower == "not"
    last = at + 2 if negated else at + 1
    if read[last].lower == "null" and (test := _emptiness(read, at - 1, negated=negated)):
        yield Change([(read[at - 1].start, read[last].end, test)], f"used {test} for {read.text(at - 1, last)}")


def _compared_with_null(read: Reading, at: int) -> Iterator[Change]:
    """`x == null` and `x != null`."""
    if read[at - 1].text != "=" or read[at - 2].text not in ("=", "!") or read[at - 2].end != read[at - 1].start:
        return
    if test := _emptiness(read, at - 3, negated=read[at - 2].text == "!"):
        yield Change([(read[at - 3].start, read[at].end, test)], f"used {test} for {read.text(at - 3, at)}")


def _emptiness(read: Reading, at: int, *, negated: bool) -> str | None:
    """A column of known type alone: in Kusto no text is null, so `isnull` of one finds nothing."""
    kind = read.types.get(read[at].text) if read[at].kind == "word" and read[at - 1].text != "." else None
    if kind is None:
        return None
    return f"{'isnot' if negated else 'is'}{'empty' if kind == 'string' else 'null'}({read[at].text})"


def _in(read: Reading, at: int) -> Iterator[Change]:
    """`in 'x'`, `in 'x', 'y'` and `in ['x', 'y']`: the list in brackets. A name after `in` is left alone."""
    first = at + 2 if read[at + 1].text == "~" else at + 1
    if read[first].text == "[" and first in read.closed:
        last = read.closed[first]
        inner = range(first + 1, last)
        if len(inner) % 2 == 1 and all(_may_list(read, one, one - first) for one in inner):
            edits = [(read[first].start, read[first].end, "("), (read[last].start, read[last].end, ")")]
            yield Change(edits, "wrote the list after 'in' in round brackets")
    elif read[first].kind in ("string", "number"):
        last = first
        while read[last + 1].text == "," and read[last + 2].kind == read[first].kind and read.is_condition(at):
            last += 2
        if read[last + 1].text == "," and read.is_condition(at):
            return
        edits = [(read[first].start, read[first].start, "("), (read[last].end, read[last].end, ")")]
        yield Change(edits, "wrote the list after 'in' in round brackets")


def _may_list(read: Reading, at: int, place: int) -> bool:
    return read[at].kind in ("string", "number") if place % 2 else read[at].text == ","


def _between(read: Reading, at: int) -> Iterator[Change]:
    """`between a and b`, with two values or calls."""
    first = at + 1
    middle = _operand_end(read, first) + 1
    if middle <= first or read[middle].lower != "and":
        return
    last = _operand_end(read, middle + 1)
    if last > middle and read.ends[last] == last + 1:
        edits = [
            (read[first].start, read[first].start, "("),
            (read[middle].start, read[middle].end, ".."),
            (read[last].end, read[last].end, ")"),
        ]
        yield Change(edits, "used 'between (... .. ...)' for 'between ... and ...'")


def _operand_end(read: Reading, at: int) -> int:
    """The last token of a value, a name or a call that begins there; -1 where none does."""
    if read[at].kind == "word" and read[at + 1].text == "(":
        return read.closed.get(at + 1, -1)
    return at if read[at].kind in ("word", "number", "string") else -1
