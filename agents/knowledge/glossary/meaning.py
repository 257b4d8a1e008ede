"""From what a runbook says a term means to a condition over columns of a table, by the form of the words; `conditions`
checks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from agents.data.words import content_words, pieces
from agents.knowledge.glossary.conditions import Condition
from agents.knowledge.glossary.holding import NUMBER, NUMERIC
from shared.catalog import Column, Table

_VALUE = r"\"[^\"\n]*\"|'[^'\n]*'|[A-Za-z0-9](?:[\w.+:/-]*\w)?"
_FURTHER = r"(?!(?:above|more|higher|over|later|below|less|lower|under|earlier|whose|that|which|with|where|has|is)\b)"
_MORE = rf"(?:\s*,\s*(?:or |and )?|\s+(?:or|and)\s+){_FURTHER}(?:{_VALUE})"
_OPERATORS = (
    ("<>", r"(?:is|was|are)? ?(?:not|other than|anything but|!=|<>)"),
    (">=", r"(?:is |of |was |has )?(?:>=|at least|no less than|from)"),
    ("<=", r"(?:is |of |was |has )?(?:<=|at most|no more than|up to)"),
    (">", r"(?:is |of |was |has )?(?:>|above|over|more than|longer than|greater than|higher than|beyond)"),
    ("<", r"(?:is |of |was |has )?(?:<|below|under|less than|shorter than|fewer than|lower than)"),
    ("=", r"(?:==?|is|are|of|equals|in|was)"),
)
_CLAUSE = [
    (
        operator,
        re.compile(
            rf"\s*:?\s*(?:{words})\s*(?P<list>(?:{_VALUE})(?:{_MORE})*)(?P<after>[^,;.]{{0,24}})", re.IGNORECASE
        ),
    )
    for operator, words in _OPERATORS
]
_BARE_LIST = re.compile(rf"\s+(?P<list>(?:{_VALUE})(?:{_MORE})*)(?P<after>[^,;.]{{0,24}})")
_MEASURE = re.compile(r"(?:the|a) (?:share|number|sum|average|count|time|part|rate|percentage)\b", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|never|without|except|neither|nor|no|unless|exclud\w+|none|nobody)\b|n't\b", re.IGNORECASE
)
_NARROWING = re.compile(
    r"\d|…|\b(?:or|but|only|either|other|otherwise|instead|two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|"
    r"half|twice|hundred|thousand|million)\b",
    re.IGNORECASE,
)
_OR_MORE = re.compile(
    r"^\s*(?:%|ms|percent|EUR|euros?)?\s*(?:or|and) (?:above|more|higher|over|below|less|lower|under)", re.IGNORECASE
)
_FILLING = frozenset(
    content_words("row rows one ones event events record records entry whose that which with has table index")
)
_AND_MORE = re.compile(r"^\s*(?:%\s*)?(?:or|and) (?:above|more|higher|over|later)", re.IGNORECASE)
_AND_LESS = re.compile(r"^\s*(?:%\s*)?(?:or|and) (?:below|less|lower|under|earlier)", re.IGNORECASE)
_EMPTY = re.compile(r"\s*(?:is |are )?(?:null|empty|missing|not set|unset)\b", re.IGNORECASE)
_SET = re.compile(r"\s*(?:is |are )(?:not (?:null|empty)|set|filled)\b", re.IGNORECASE)
_SPAN = re.compile(
    r"\s*(?:is |was |lies )?(?P<more>more than|over|later than|less than|within|under) (?P<n>\d+) "
    r"(?P<unit>second|minute|hour|day|week)s? (?P<way>after|before|of) (?:the )?(?:its )?",
    re.IGNORECASE,
)
_LITERAL = re.compile(rf"{_VALUE}")
_UNIT = re.compile(
    r"^\s*(?:%|percent|ms|milliseconds|seconds?|minutes?|hours?|days?|GB|MB|EUR|euros?|points?)\b", re.IGNORECASE
)


def read_condition(meaning: str, tables: Sequence[Table], term: str = "") -> Condition | None:
    """The condition that the words say of one of the tables, the first that they fit; None where they don't say one.

    `status open or in_progress` of a table with a column status; `response_time over 1000`; `ResultType is not "0"`;
    `delivered_at more than 72 hours after shipped_at`. Not yet checked.
    """
    if _MEASURE.match(meaning):
        return None
    for table in tables:
        found = list(_clauses_in(meaning, table))
        if found and _is_all(meaning, found, table, term) and (sql := _joined(meaning, found)):
            return Condition(sql, table.name)
    return None


def _is_all(meaning: str, found: Sequence[tuple[int, int, str]], table: Table, term: str) -> bool:
    """Whether the clauses say all that the words do: what is left speaks of the table or of the term, and denies
    nothing. What follows a colon, a semicolon, a bracket or a comma behind the last clause is a remark, which may say
    anything but a denial, an alternative or a number."""
    left, before = "", 0
    for start, end, _ in found:
        left, before = f"{left} {meaning[before:start]}", end
    behind = _OR_MORE.sub("", meaning[before:])
    if _NARROWING.search(behind) or _DENIED.search(behind):
        return False
    left = f"{left} {re.split('[:;,.(]', behind)[0]}"
    if _DENIED.search(left) or re.search(r"[\d'\"=<>()]", left):
        return False
    known = set(content_words(f"{table.name} {table.description} {term} {table.kind}")) | _FILLING
    return set(content_words(left)) <= known


def _joined(meaning: str, found: Sequence[tuple[int, int, str]]) -> str | None:
    """The clauses with the word between them; None where nothing says how they belong together."""
    text = found[0][2]
    for (_, end, _), (start, _, sql) in pairwise(found):
        between = meaning[end:start].lower()
        word = re.search(r"\b(and|or|with|but|whose|that)\b|,", between)
        if word is None:
            return None
        text += f" {'OR' if word[0] == 'or' else 'AND'} {sql}"
    return text


def _clauses_in(meaning: str, table: Table) -> Iterator[tuple[int, int, str]]:
    """(start, end, SQL) of each clause, in order, none within another."""
    after = 0
    for start, end, column in _columns_in(meaning, table):
        if start < after or column.values == [table.name]:
            continue
        if found := _clause(meaning, end, column, table):
            after = found[0]
            yield start, *found


def _columns_in(meaning: str, table: Table) -> list[tuple[int, int, Column]]:
    """Where the text names a column: as it is written, or its words (`first response` of first_response_at)."""
    found: dict[int, tuple[int, int, Column]] = {}
    for column in sorted(table.columns, key=lambda one: -len(one.name)):
        spoken = r"[ _-]".join(re.escape(part) for part in pieces(column.name)) or re.escape(column.name)
        for pattern in (rf"(?<![\w.-]){re.escape(column.name)}(?![\w-])", rf"(?<![\w.-]){spoken}(?![\w-])"):
            for match in re.finditer(pattern, meaning, re.IGNORECASE):
                if all(match.end() <= start or end <= match.start() for start, end, _ in found.values()):
                    found.setdefault(match.start(), (match.start(), match.end(), column))
    return [found[start] for start in sorted(found)]


def _clause(meaning: str, end: int, column: Column, table: Table) -> tuple[int, str] | None:
    """What follows the column's name: the clause's end in the text, and its SQL."""
    name = _name(column)
    if found := _SET.match(meaning, end):
        return found.end(), f"{name} IS NOT NULL"
    if found := _EMPTY.match(meaning, end):
        return found.end(), f"{name} IS NULL"
    if span := _SPAN.match(meaning, end):
        return _span(meaning, span, column, table)
    for operator, pattern in _CLAUSE:
        if (match := pattern.match(meaning, end)) and (sql := _compared(operator, match, column)):
            return match.end("list"), sql
    if (match := _BARE_LIST.match(meaning, end)) and column.values and (sql := _compared("=", match, column)):
        return match.end("list"), sql
    return None


def _span(meaning: str, span: re.Match[str], column: Column, table: Table) -> tuple[int, str] | None:
    """`delivered_at more than 72 hours after shipped_at`."""
    other = next((one for one in _columns_in(meaning, table) if one[0] == span.end()), None)
    if other is None or span["way"].lower() == "before":
        return None
    operator = "<=" if span["more"].lower() in ("less than", "within", "under") else ">"
    edge = f"{_name(other[2])} + INTERVAL {span['n']} {span['unit'].upper()}"
    return other[1], f"{_name(column)} {operator} {edge}"


def _compared(operator: str, match: re.Match[str], column: Column) -> str | None:
    """None where what stands there is no value of the column."""
    after = match["after"]
    operator = _turned(operator, after)
    raw = [one for one in _LITERAL.findall(match["list"]) if one.lower() not in ("or", "and")]
    if column.type.lower().startswith(NUMERIC):
        if not all(NUMBER.fullmatch(one.strip("\"'")) for one in raw):
            return None
        if _UNIT.match(after) and not _fits_unit(after, column):
            return None
        values = [one.strip("\"'") for one in raw]
    elif column.type.lower().startswith("bool"):
        values = [one.upper() for one in raw if one.lower() in ("true", "false")]
    else:
        values = [value for one in raw if (value := _text_value(one, column)) is not None]
        if operator not in ("=", "<>"):
            return None
    if not values or len(values) != len(raw):
        return None
    if len(values) == 1:
        return f"{_name(column)} {operator} {values[0]}"
    if operator not in ("=", "<>"):
        return None
    return f"{_name(column)} {'NOT ' if operator == '<>' else ''}IN ({', '.join(values)})"


def _turned(operator: str, after: str) -> str:
    if operator == "=" and _AND_MORE.match(after):
        return ">="
    return "<=" if operator == "=" and _AND_LESS.match(after) else operator


def _fits_unit(after: str, column: Column) -> bool:
    """Whether the column is said to hold that unit: `ms` of `response time in milliseconds`."""
    said = {"%": "percent", "ms": "milliseconds", "eur": "euros", "gb": "gb"}
    unit = re.split(r"[\s,.;]", after.strip().lower())[0]
    about = f"{column.name} {column.description}".lower()
    return said.get(unit, unit).rstrip("s") in about or unit in about.replace("_", " ").split()


def _text_value(raw: str, column: Column) -> str | None:
    """A value that the column knows, as it knows it; or, where it lists none, one in quotes or formed like a code."""
    bare = raw.strip("\"'")
    known = next((value for value in column.values if value.lower() == bare.lower()), None)
    if known is None and column.values:
        return None
    if known is None and raw == bare and not re.search(r"[\d_.]|[a-z][A-Z]|^[A-Z]{2,}", bare):
        return None
    return "'" + (known or bare).replace("'", "''") + "'"


def _name(column: Column) -> str:
    return column.name if re.fullmatch(r"[a-z_][a-z0-9_]*", column.name) else f'"{column.name}"'
