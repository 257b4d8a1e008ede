"""Steps as SQL, Splunk's SPL and others write them: `| select`, `| stats count by x`, `| sort x desc`."""

from __future__ import annotations

from collections.abc import Iterator

from agents.data.kql.marks import Change, Reading

_SAME = {
    "select": "project",
    "fields": "project",
    "table": "project",
    "stats": "summarize",
    "aggregate": "summarize",
    "filter": "where",
    "having": "where",
    "eval": "extend",
    "mutate": "extend",
    "rename": "project-rename",
}
_GIVING = frozenset(("summarize", "project", "extend", "project-rename", *_SAME))
_GROUPING = frozenset(("summarize", "stats", "aggregate"))
_SORTING = frozenset(("sort", "order"))
_NUMBERS = frozenset(("int", "long", "real", "decimal"))
_DIRECTIONS = {"descending": "desc", "ascending": "asc"}
_OPERATORS = frozenset(
    (
        *("where", "extend", "project", "project-away", "project-rename", "summarize", "take", "limit", "top", "count"),
        *("sort", "order", "join", "distinct", "mv-expand", "render", "parse", "lookup", "getschema", "make-series"),
    )
)
_UNFINISHED = frozenset(
    (
        *(
            "by",
            "and",
            "or",
            "not",
            "in",
            "on",
            "has",
            "contains",
            "startswith",
            "endswith",
            "between",
            "as",
            "of",
            "to",
        ),
        *("from", "step", "with", "kind", "let", "union", "is", "like", "asc", "desc", "has_any", "has_all"),
    )
)


def lost_pipes(read: Reading) -> Iterator[Change]:
    """An operator that begins a line where nothing else can go on: `T⏎where x` is `T⏎| where x`."""
    for at, one in enumerate(read.pieces):
        if at == 0 or one.kind != "word" or one.lower not in _OPERATORS or one.text in read.names:
            continue
        before, after = read[at - 1], read[at + 1]
        if not read.query[before.end : one.start].strip(" \t\r").startswith("\n") or _goes_on(read, at - 1):
            continue
        starts = after.kind in ("word", "number", "string") or (one.lower == "count" and read.is_boundary(at + 1))
        if starts and after.lower not in ("and", "or", "in", "as", "asc", "desc"):
            yield Change([(one.start, one.start, "| ")], f"put the '|' before '{one.text}'")


def _goes_on(read: Reading, at: int) -> bool:
    """Whether the token can't be the last of a step."""
    one = read[at]
    if one.kind == "mark":
        return one.text not in (")", "]")
    return one.lower in _UNFINISHED or (one.lower in _OPERATORS and at == read.step[at] and one.lower != "count")


def steps(read: Reading) -> Iterator[Change]:
    """Operators, their order of words, and names after `as`."""
    for at in read.steps():
        yield from _operator(read, at)
    starts: dict[int, int] = {}
    for at, one in enumerate(read.pieces):
        if one.kind == "word" and read.is_flat(at):
            yield from _word(read, at, starts)
        if read.is_flat(at) and (at == read.step[at] or one.lower in (",", "by")):
            starts[read.step[at]] = at + 1


def _operator(read: Reading, at: int) -> Iterator[Change]:
    one, after = read[at], read[at + 1]
    word = one.lower
    if word in _SORTING or word in ("orderby", "top"):
        yield from _sorted(read, at)
    elif word == "head" and after.kind == "number" and read.is_boundary(at + 2):
        yield _said(read, at, at, "take")
    elif word in ("select", "fields", "table") and after.kind == "mark" and after.text not in ("[", "("):
        return  # `select *`, `fields - x`
    elif word == "select" and after.lower == "distinct":
        yield _said(read, at, at + 1, "distinct")
    elif word in _SAME:
        yield _said(read, at, at, _SAME[word])
    elif word == "count" and after.lower == "by":
        yield _said(read, at, at, "summarize count()")
    elif word == "count" and after.text == "(" and read[at + 2].text == ")" and read.is_boundary(at + 3):
        yield _said(read, at, at + 2, "count")
    elif word == "group" and after.lower == "by":
        if _next_step(read, at) not in ("count", "summarize", "stats", "extend", "project", "where"):
            yield _said(read, at, at + 1, "summarize by")
    elif word in _OPERATORS and one.text != word:
        yield _said(read, at, at, word)


def _said(read: Reading, first: int, last: int, text: str) -> Change:
    written = read.text(first, last)
    return Change([(read[first].start, read[last].end, text)], f"used '{text}' for '{written}'")


def _sorted(read: Reading, at: int) -> Iterator[Change]:
    """`sort c desc`, `order c`, `ORDER BY c`, `top 3 c`, and Splunk's `sort -c`. What does not say where it goes rises
    in all these languages, and falls in KQL: so each such key is told."""
    word = read[at].lower
    is_top = word == "top"
    first = at + 2 if is_top else at + 1
    if is_top and read[at + 1].kind != "number":
        return
    head = "order by" if word == "orderby" else f"top {read[at + 1].text} by" if is_top else f"{word} by"
    one = read[first]
    if one.text in ("-", "+") and read[first + 1].kind == "word" and _is_end(read, first + 2):
        yield _said(read, at, first + 1, f"{head} {read[first + 1].text} {'desc' if one.text == '-' else 'asc'}")
        return
    has_by = one.lower == "by"
    if has_by and read[at].text == word and one.text == "by":
        return
    keys = _keys(read, first + 1 if has_by else first)
    if not keys or not (has_by or keys[0][1] or (_is_ranked(read, keys) if is_top else one.text in read.names)):
        return
    last = first if has_by else first - 1
    untold = [] if is_top else [read[key].end for key, is_told in keys if not is_told]
    edits = [(read[at].start, read[last].end, head), *((place, place, " asc") for place in untold)]
    note = f"used '{head}' for '{read.text(at, last)}'"
    yield Change(edits, f"{note}, upwards where no direction was written" if untold else note)


def _keys(read: Reading, at: int) -> list[tuple[int, bool]] | None:
    """Of each key of a sort its last token, and whether its direction is told; None if not all are names or calls."""
    found: list[tuple[int, bool]] = []
    while read[at].kind == "word":
        last = read.closed.get(at + 1, at) if read[at + 1].text == "(" else at
        while read[last + 1].text == "." and read[last + 2].kind == "word":
            last += 2
        is_told = _is_direction(read, last + 1)
        after = last + 2 if is_told else last + 1
        after += 2 if read[after].lower == "nulls" else 0
        found.append((last, is_told))
        if _is_end(read, after):
            return found
        if read[after].text != ",":
            return None
        at = after + 1
    return None


def _is_ranked(read: Reading, keys: list[tuple[int, bool]]) -> bool:
    """Whether the one key is a number. Of others Splunk's `top 2 c` gives the most common values."""
    name = read[keys[0][0]].text
    return len(keys) == 1 and (name in read.measured or read.types.get(name) in _NUMBERS)


def _is_direction(read: Reading, at: int) -> bool:
    return read[at].lower in ("asc", "desc", *_DIRECTIONS)


def _is_end(read: Reading, at: int) -> bool:
    return at >= len(read) or read[at].text in ("|", ";", ")")


def _next_step(read: Reading, at: int) -> str:
    """The operator after this step; none where it is the last."""
    return read[read.next_step(at)].lower


def _word(read: Reading, at: int, starts: dict[int, int]) -> Iterator[Change]:
    """Words within a step. starts: where the item of each step begins that was reached last."""
    one, after, operator = read[at], read[at + 1], read.operator(at)
    start = starts.get(read.step[at], at)
    if one.lower == "as" and operator in _GIVING and after.kind == "word" and start < at:
        if (read.is_boundary(at + 2) or read[at + 2].lower in ("by", "group")) and not _is_named(read, start):
            begin = read[start].start
            edits = [(begin, begin, f"{after.text} = "), (read[at - 1].end, after.end, "")]
            yield Change(edits, f"used '{after.text} = ...' for '... {one.text} {after.text}'")
    elif one.lower == "group" and after.lower == "by" and operator in _GROUPING and at != read.step[at]:
        yield _said(read, at, at + 1, "by")
    elif one.lower == "count" and operator in _GROUPING and one.text not in read.names and read.last_by(at) < 0:
        is_first = start == at or read.is_equals(at - 1)
        if is_first and (read.is_boundary(at + 1) or after.lower in ("by", "as", "group")):
            is_splunk = operator == "stats" and start == at and after.lower != "as"  # there it is named so
            yield _said(read, at, at, "count = count()" if is_splunk else "count()")
    elif one.lower in _DIRECTIONS and operator in (*_SORTING, "top") and one.text not in read.names:
        yield _said(read, at, at, _DIRECTIONS[one.lower])


def _is_named(read: Reading, at: int) -> bool:
    return read.is_equals(at + 1)
