"""Queries in plain text: what is set in from the line that introduces it, and is surely one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING

from agents.knowledge.documents.code import code_block
from agents.knowledge.documents.document import Block
from agents.knowledge.documents.elements import CODE, END

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

_SET_IN = 4
"""Columns."""
_LOOKED_AT = 100
"""Lines by which a query is told, before what follows is read."""
_LONGEST = 20_000
"""Characters of a query."""
_PARAGRAPHS = 8
"""Of one query, at most."""
_UNFINISHED = 2
"""Paragraphs that may follow each other before they are a query."""
_RULE = re.compile(r"\s*([=~^#-])\1{2,}\s*")
_ENDED = re.compile(r".*[\w)\"'\]][.!?:]\s*")
"""As sentences do, and queries do not."""
_COMMENTS = {"sql": re.compile(r"\A(\s*--(?!-)[^\n]*(\n|$))*"), "kql": re.compile(r"\A(\s*//[^\n]*(\n|$))*")}
_REMARK = re.compile(r"\s*(//|--(?!-)|$)")
"""A line that is a comment, or empty."""
_CLOSING = re.compile(r"\s*[)\]}]")
_CLAUSE = re.compile(
    r"\s*(from\s|where\b(?=.*[=<>(])|(group|order)\s+by\s|having\s|limit\s+\d|union\b|intersect\b|except\b|"
    r"((left|right|full|inner|cross)\s+)?(outer\s+)?join\s|set\s|values\b|returning\s)",
    re.I | re.S,
)
_EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+|verbose\s+)*", re.I)
_IN_A_SENTENCE = re.compile(r"\s*[A-Z][a-z]")
_TSQL = re.compile(r"\[\w[\w ]*\]|\bselect\s+top\b", re.I)
_LETS = re.compile(r"\s*let\s.*;\s*", re.S)
_KQL_NAMES = (
    "where|filter|extend|summarize|project(?:-away|-keep|-rename|-reorder)?|take|limit|top|top-nested|sort|order|join|"
    "lookup|union|distinct|parse|parse-where|parse-kv|mv-expand|mv-apply|make-series|evaluate|render|search|sample|"
    "invoke|as|partition|scan|reduce"
)
_KQL_STEP = re.compile(rf"^\s*\|\s*((?:{_KQL_NAMES})\s+[^\s|]|(?:count|serialize|getschema)\s*(?=\||;|//|$))", re.M)
_KQL_IN_LINE = re.compile(
    r"\|\s*((where|filter|extend|summarize|project|project-away|join|make-series|mv-expand|distinct|parse|evaluate)\s"
    r"[^|\n]*([=<>(,\"']|\s(has|contains|startswith|endswith|in)\s)|(take|limit|top)\s+\d|(sort|order)\s+by\s)"
)
_SPL_STEP = re.compile(r"\|\s*([a-z]\w*)\b(?!\s*\|\s*$)")
_SPL_SOURCE = re.compile(
    r"\s*((search\s+)?index\s*=|\|\s*(tstats|inputlookup|makeresults)\b|\|\s*rest\s+(\w+=\S+\s+)*/)"
)
_PROMQL = re.compile(
    r"""\[\d+(ms|[smhdwy])[\]:]|\{\s*\w+\s*(=~|!=|!~|=)\s*["']|^\s*\w+\s+(by|without)\s*\([\w\s,]*\)\s*\(\s*\w+\s*\)\s*$"""
)
_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_TWO_WORDS = re.compile(
    r"\b(?!(?:by|without|on|ignoring|and|or|unless|offset|bool)\b)[A-Za-z]\w* +"
    r"(?!(?:by|without|on|ignoring|and|or|unless|offset|bool)\b)[A-Za-z]\w*"
)


def take_out_code(text: str) -> tuple[str, list[Block]]:
    """The text with a mark in the place of each query, and these. Such a block is four columns or more to the right of
    the line above it, which has a blank line behind it or ends in a colon, and it is surely a query: it ends at a blank
    line unless what follows goes on with it."""
    lines = text.split("\n")
    kept: list[str] = []
    snippets: list[Block] = []
    number, above = 0, ""
    while number < len(lines):
        if above and _is_introduced(lines, number, above):
            end, refused = _end_of_code(lines, number, _indent(above) + _SET_IN)
        else:
            end, refused = number, number + 1
        if end > number:
            snippets.append(_block(lines[number:end]))
            kept += ["", f"{CODE}{len(snippets) - 1}{END}", ""]
            number = end
            continue
        kept += lines[number:refused]
        above = next((line for line in reversed(lines[number:refused]) if line.strip()), above)
        number = refused
    return "\n".join(kept), snippets


def _end_of_code(lines: Sequence[str], start: int, edge: int) -> tuple[int, int]:
    """Where the query that begins at a line ends, `start` if none does; and the end of the first paragraph, before
    which no other begins."""
    end, refused, tried, remarks = start, start + 1, 0, True
    block = Block("code", "")
    for count, (first, last) in enumerate(_paragraphs(lines, start, edge)):
        if count == 0:
            refused = last
        elif not remarks and not _goes_on(block, _block(lines[first:last])):
            break
        remarks = remarks and all(map(_REMARK.match, lines[first:last]))
        if count == _PARAGRAPHS or not _is_no_prose(lines[first:last]) or _is_longer(lines[start:last]):
            break
        block = _block(lines[start:last])
        if _is_query(block):
            end, tried = last, 0
        elif not remarks:
            tried += 1
            if end > start or tried > _UNFINISHED:
                break
    return end, refused


def _is_introduced(lines: Sequence[str], start: int, above: str) -> bool:
    """Whether a line stands where a query may, and begins like one."""
    if not lines[start].strip() or _indent(lines[start]) < _indent(above) + _SET_IN:
        return False
    if lines[start - 1].strip() and not above.rstrip().endswith(":") and not _RULE.fullmatch(above):
        return False
    edge = _indent(above) + _SET_IN
    ahead = dropwhile(_REMARK.match, lines[start : start + _LOOKED_AT])
    first = takewhile(lambda line: line.strip() and _indent(line) >= edge, ahead)
    return code_block("\n".join(line.strip() for line in first)).language in _SURE


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


def _goes_on(block: Block, paragraph: Block) -> bool:
    """Whether a paragraph behind a blank line belongs to the query before it."""
    comments = _COMMENTS.get(block.language or "")
    text = comments.sub("", paragraph.text, count=1) if comments else paragraph.text
    if not text.strip() or _CLOSING.match(text):
        return True
    if paragraph.language == block.language and _is_query(paragraph):
        return True
    if block.language == "sql":
        selects = text.lstrip()[:7].lower().startswith(("select ", "select\n"))
        return (selects or _CLAUSE.match(text) is not None) and not _IN_A_SENTENCE.match(text)
    if block.language == "kql":
        only_lets = _LETS.fullmatch(block.text) is not None and not _has_step(block.text)
        return _KQL_STEP.match(text) is not None or (only_lets and (_has_step(text) or paragraph.language == "kql"))
    found = _SPL_STEP.match(text) if block.language == "spl" else None
    return found is not None and _is_command(found[1])


def _is_query(block: Block) -> bool:
    sure = _SURE.get(block.language or "")
    return sure is not None and sure(block.text)


def _is_command(name: str) -> bool:
    # The languages take longer to import than most documents to read, so only what has queries imports them.
    from agents.data.spl.catalogue import COMMANDS

    return name in COMMANDS


def _is_sql(text: str) -> bool:
    """Whether all of it are statements that have what theirs need, and it does not begin as a sentence does."""
    from agents.data.sql.parsing import PARSER

    text = _COMMENTS["sql"].sub("", text, count=1)
    if _IN_A_SENTENCE.match(text):
        return False
    if explained := _EXPLAIN.match(text):
        text = text[explained.end() :]
    dialect = "mysql" if "`" in text else "tsql" if _TSQL.search(text) else "postgres"
    statements = PARSER.parse(text, dialect).statements
    return bool(statements) and all(_is_whole(one) for one in statements)


def _is_whole(statement: Expr) -> bool:
    from sqlglot import exp

    if isinstance(statement, exp.Update):
        return all(isinstance(one, exp.EQ) for one in statement.expressions)
    if isinstance(statement, exp.Delete):
        return not statement.args.get("tables") and statement.this is not None
    if isinstance(statement, exp.Insert):
        return isinstance(statement.expression, exp.Query | exp.Values)
    return isinstance(statement, exp.Query) and statement.find(exp.From) is not None


def _has_step(text: str) -> bool:
    return _KQL_STEP.search(text) is not None or _KQL_IN_LINE.search(text) is not None


def _is_spl(text: str) -> bool:
    return _SPL_SOURCE.match(text) is not None and any(_is_command(found[1]) for found in _SPL_STEP.finditer(text))


def _is_promql(text: str) -> bool:
    return _PROMQL.search(text) is not None and _TWO_WORDS.search(_QUOTED.sub('""', text)) is None


_SURE: dict[str, Callable[[str], bool]] = {"kql": _has_step, "spl": _is_spl, "sql": _is_sql, "promql": _is_promql}


def _is_no_prose(lines: Sequence[str]) -> bool:
    """Whether lines may be a part of a query: neither a sentence nor a table."""
    columns = len(lines) > 1 and all("|" in one.strip()[1:] and not one.lstrip().startswith("|") for one in lines)
    last = next((line for line in reversed(lines) if not _REMARK.match(line)), "")
    return not columns and not _ENDED.fullmatch(last)


def _is_longer(lines: Sequence[str]) -> bool:
    return len(lines) + sum(len(line.strip()) for line in lines) > _LONGEST


def _block(lines: Sequence[str]) -> Block:
    spread = [line.expandtabs(4).rstrip() for line in lines]
    margin = min((_indent(line) for line in spread if line), default=0)
    return code_block("\n".join(line[margin:] for line in spread))


def _indent(line: str) -> int:
    spread = line.expandtabs(4)
    return len(spread) - len(spread.lstrip(" "))
