"""Parts of texts that a question speaks of: `contains`, `starts with` and `ends with`, as SQL compares them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from shared.catalog import Table

_ANYWHERE = "%{}%"
_HOLDS = (
    (re.compile(r"\bcontain(?:s|ing|ed)?\b", re.IGNORECASE), _ANYWHERE),
    (re.compile(r"\bstart(?:s|ing)? with\b|\bbegin(?:s|ning)? with\b", re.IGNORECASE), "{}%"),
    (re.compile(r"\bend(?:s|ing)? (?:with|in)\b", re.IGNORECASE), "%{}"),
)
_CASELESS = ("sqlite", "mysql", "mariadb", "tsql")  # whose LIKE ignores case, where their = may not
_BETWEEN = re.compile(
    r"\W*(?:(?:the|a|an|any|word|words|text|string|keyword|phrase|value|extension|of)\W+)*", re.IGNORECASE
)


def look_inside(select: exp.Select, question: str, tables: Sequence[Table], dialect: str) -> Iterator[str]:
    """`a = 'x'` looks for x within a where the question says that something contains x, and `a <> 'x'` for its absence,
    unless x is a known value of a; x at the end of a where it says that a ends with x, not anywhere; `a LIKE 'x'`
    without a wildcard is `a = 'x'`. Changes the select."""
    for node in list(select.find_all(exp.EQ, exp.NEQ, exp.Like, exp.ILike)):
        text = node.expression
        if not isinstance(node.this, exp.Column) or not isinstance(text, exp.Literal) or not text.is_string:
            continue
        if node.find_ancestor(exp.Select) is not select or not text.this:
            continue
        if (part := text.this.strip("%")) != text.this and not re.search("[%_]", part):
            pattern = _pattern(part, question)
            if pattern and pattern != _ANYWHERE and pattern.format(part) != text.this:
                text.replace(exp.Literal.string(pattern.format(part)))
                yield f"looked for {pattern.format(part)!r} in {node.this.name}, as the question says"
            continue
        if re.search("[%_]", text.this):
            continue
        known = {
            value
            for table in tables
            if node.this.name in table.by_name
            for value in table.by_name[node.this.name].values
        }
        if text.this not in known and (pattern := _pattern(text.this, question)):
            inside = exp.ILike(this=node.this.copy(), expression=exp.Literal.string(pattern.format(text.this)))
            node.replace(exp.Not(this=inside) if isinstance(node, exp.NEQ) else inside)
            yield f"looked for {pattern.format(text.this)!r} in {node.this.name}, as the question says"
        elif isinstance(node, exp.Like) and dialect not in _CASELESS:
            node.replace(exp.EQ(this=node.this.copy(), expression=text.copy()))
            yield f"compared {node.this.name} with '{text.this}': the pattern has no wildcard"


def _pattern(text: str, question: str) -> str | None:
    """How the question says that a text holds this one."""
    for word, pattern in _HOLDS:
        for said in word.finditer(question):
            between = _BETWEEN.match(question, said.end())
            start = between.end() if between else said.end()
            end = start + len(text)
            if question[start:end].lower() == text.lower() and not question[end : end + 1].isalnum():
                return pattern
    return None
