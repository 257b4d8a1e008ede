"""A block of code that holds several queries, as people keep them: SQL ended by `;`, KQL parted by blank lines.

They are queries of their own only where the block is not one query, and each of them can be read as one: SQL that sets
something, or makes a table, for what follows stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from sqlglot import TokenType
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

from agents.data.platform import load_platform
from agents.data.proof import unreadable
from agents.data.sql.parsing import PARSER
from shared.catalog import Catalog

PLACEHOLDER = re.compile(
    r"\{\{[^{}\n]{1,60}\}\}|\$\{\w{1,40}\}|%\(\w{1,40}\)s"
    r"|<(?!(?i:and|or|not|by)\b)[A-Za-z][\w-]*(?: (?!(?i:and|or) )[\w-]+){0,3}>"
)
_BLANK = re.compile(r"\n[ \t]*\n")
_MOST_PARAGRAPHS = 50  # of a block that is read as several: each is parsed up to three times


def filled(text: str) -> str:
    """With a `1` for each placeholder, on the same lines."""
    return PLACEHOLDER.sub("1", text)


def parts_of(text: str, platform: str, catalogs: Sequence[Catalog]) -> list[str]:
    """The block's queries in order; the block itself where it is one query, or not all of it can be read as queries.

    catalogs: the groups of its platform. Without one, nothing is taken apart. Never raises on any text.
    """
    part = {"sql": _sql_parts, "kql": _kql_parts}.get(platform)
    if part is None or unreadable(text):
        return [text]
    found = (_trimmed(part(text, one)) for one in catalogs)
    return next((parts for parts in found if len(parts) > 1), [text])


def leading_comment(text: str) -> str:
    """What the first comment above a query says, in one line; nothing where there is none."""
    for line in filter(None, map(str.strip, text.splitlines())):
        if not line.startswith(("--", "//")):
            break
        if any(character.isalpha() for character in line):
            return line.strip("-/=#* ")
    return ""


def first_line(query: str, longest: int) -> str:
    """The first line that is no comment, else the first, cut to `longest` characters."""
    lines = [line.strip() for line in query.splitlines() if line.strip()]
    line = next((one for one in lines if not one.startswith(("--", "//"))), lines[0] if lines else "")
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _trimmed(parts: Sequence[str]) -> list[str]:
    return [part.strip().rstrip(";").strip() for part in parts]


def _sql_parts(text: str, catalog: Catalog) -> list[str]:
    statements = PARSER.parse(filled(text), catalog.dialect).statements
    if len(statements) < 2:
        return [text]
    try:
        parts = list(_statements(text, catalog.dialect))
    except SqlglotError:
        return [text]
    each_one = all(PARSER.parse(filled(part), catalog.dialect).select is not None for part in parts)
    return parts if each_one and len(parts) == len(statements) else [text]


def _statements(text: str, dialect: str) -> Iterator[str]:
    """Between its semicolons, what holds more than comments."""
    start, empty = 0, True
    for token in Dialect.get_or_raise(dialect).tokenize(text):
        if token.token_type != TokenType.SEMICOLON:
            empty = False
            continue
        if not empty:
            yield text[start : token.start]
        start, empty = token.end + 1, True
    if not empty:
        yield text[start:]


def _kql_parts(text: str, catalog: Catalog) -> list[str]:
    platform = load_platform("kql")

    def parses(part: str) -> bool:
        return platform.parse(filled(part), catalog).status == "passed"

    paragraphs = _paragraphs(text)
    if not 1 < len(paragraphs) <= _MOST_PARAGRAPHS or parses(text):
        return [text]
    parts: list[str] = []
    while paragraphs:
        length = _query_length(paragraphs, parses)
        if not length:
            return [text]
        parts.append("\n\n".join(paragraphs[:length]))
        paragraphs = paragraphs[length:]
    return parts


def _query_length(paragraphs: Sequence[str], parses: Callable[[str], bool]) -> int:
    """How many of the first paragraphs are one query: the fewest that can be read, and those after them that it goes on
    in (`| where …`, the query that a `let` is for). None: 0."""
    length = 0
    for count in range(1, len(paragraphs) + 1):
        if parses("\n\n".join(paragraphs[:count])):
            length = count
        elif length:
            break
    return length


def _paragraphs(text: str) -> list[str]:
    """Each with the comments above it; without those at the end."""
    found: list[str] = []
    above = ""
    for paragraph in _BLANK.split(text):
        if all(not line.strip() or line.lstrip().startswith("//") for line in paragraph.splitlines()):
            above += f"{paragraph}\n\n" if paragraph.strip() else ""
        else:
            found.append(above + paragraph)
            above = ""
    return found
