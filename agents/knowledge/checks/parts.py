"""A block of code that holds several queries, as people keep them: SQL ended by `;`, KQL so or parted by blank lines,
searches parted by blank lines.

They are queries of their own only where each of them can be read as one, and for SQL and KQL where the block is not one
query: SQL that sets something, or makes a table, for what follows stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from sqlglot import TokenType
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

from agents.data.platform import load_platform
from agents.data.proof import unreadable
from agents.data.sql.parsing import PARSER
from agents.knowledge.checks.kql_parts import MOST_PARAGRAPHS, kql_parts
from shared.catalog import Catalog

PLACEHOLDER = re.compile(
    r"\{\{[^{}\n]{1,60}\}\}|\$\{\w{1,40}\}|%\(\w{1,40}\)s"
    r"|<(?!(?i:and|or|not|by)\b)[A-Za-z][\w-]*(?: (?!(?i:and|or) )[\w-]+){0,3}>"
)
_BLANK = re.compile(r"\n\s*\n")
_QUOTED = re.compile(r'\\.|"(?:[^"\\]|\\.)*"|```.*?```', re.DOTALL)
_SEARCH = re.compile(
    r"[`\s]*+(?:(?:search\s+)?index\s*(?:=|in\s*\()|search\s(?=.*[=|\"()\[\]])"
    r"|\|\s*(?:tstats|mstats|inputlookup|makeresults|metadata|datamodel|dbinspect|eventcount|rest|from)\b"
    r"(?![^|]*\bappend\s*=\s*(?:t|true|1)\b))",
    re.IGNORECASE | re.DOTALL,
)
"""How the paragraph of a search begins, behind its comments, and of nothing that goes on with one, nor of prose."""
_LEADING = re.compile(r"\s*(?:```.*?```|(?:--|//)[^\n]*)", re.DOTALL)


def filled(text: str) -> str:
    """With a `1` for each placeholder, on the same lines."""
    return PLACEHOLDER.sub("1", text)


def parts_of(text: str, platform: str, catalogs: Sequence[Catalog]) -> list[str]:
    """The block's queries in order; the block itself where it is one query, or not all of it can be read as queries.

    catalogs: the groups of its platform. Without one, nothing is taken apart. Never raises on any text.
    """
    part = {"sql": _sql_parts, "kql": _kql_parts, "spl": _spl_parts}.get(platform)
    if part is None or unreadable(text):
        return [text]
    found = (_trimmed(part(text, one)) for one in catalogs)
    return next((parts for parts in found if len(parts) > 1), [text])


def leading_comment(text: str) -> str:
    """What the first comment above a query says, in one line; nothing where there is none."""
    start = 0
    while comment := _LEADING.match(text, start):
        if any(character.isalpha() for character in comment.group()):
            return " ".join(comment.group().split()).strip("-/=#*` ")
        start = comment.end()
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
    return kql_parts(text, lambda part: platform.parse(filled(part), catalog).status == "passed")


def _spl_parts(text: str, catalog: Catalog) -> list[str]:
    """Where each of the paragraphs that begin as only a search does is one, with those below it that do not."""
    starts = _search_starts(text)
    if len(starts) < 2 or starts[0]:
        return [text]
    parts = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    platform = load_platform("spl")
    return parts if all(platform.parse(filled(part), catalog).status == "passed" for part in parts) else [text]


def _search_starts(text: str) -> list[int]:
    """Of the searches, each with the paragraphs above it that are only comments; none of a text of too many
    paragraphs."""
    marked = _QUOTED.sub(_marked, text)
    blanks = list(islice(_BLANK.finditer(marked), MOST_PARAGRAPHS))
    if len(blanks) == MOST_PARAGRAPHS:
        return []
    starts: list[int] = []
    above: int | None = None
    for start, end in zip(
        [0, *(one.end() for one in blanks)], [*(one.start() for one in blanks), len(text)], strict=True
    ):
        above = start if above is None else above
        if not marked[start:end].strip("` \t\r\n"):
            continue
        if _SEARCH.match(marked, start, end):
            starts.append(above)
        above = None
    return starts


def _marked(quoted: re.Match[str]) -> str:
    """A comment as nothing but backquotes, of the same length: what stands in it is no paragraph's."""
    said = quoted.group()
    return "`" * len(said) if said.startswith("```") else said
