"""Parts of texts that a question speaks of: `contains`, `starts with` and `ends with`, as SQL compares them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.scopes import may_be_denied
from agents.data.times import without_times
from agents.data.words import content_words, pieces, stem
from shared.catalog import Table

_ANYWHERE = "%{}%"
_HOLDS = (
    (re.compile(r"\b(?:contain(?:s|ing|ed)?|includes|(?:that|which|to)\s+include)\b", re.IGNORECASE), _ANYWHERE),
    (re.compile(r"\bstart(?:s|ing)? with\b|\bbegin(?:s|ning)? with\b", re.IGNORECASE), "{}%"),
    (re.compile(r"\bend(?:s|ing)? (?:with|in)\b", re.IGNORECASE), "%{}"),
)
_CASELESS = ("sqlite", "mysql", "mariadb", "tsql")  # whose LIKE ignores case, where their = may not
_BETWEEN = re.compile(
    r"\W*(?:(?:the|a|an|any|word|words|text|string|keyword|phrase|value|extension|domain|prefix|suffix|letters|of)\W+)*",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]{3,}")
_WORD = re.compile(r"\w+")
_FEWEST = 2  # words that are left of a part when it is trimmed
_NOT = re.compile(r"(?:\bnot|n['\u2019]t|\bnever|\bwithout)\s+$", re.IGNORECASE)


def look_inside(select: exp.Select, question: str, tables: Sequence[Table], dialect: str) -> Iterator[str]:
    """`a = 'x'` looks for x within a where the question says that something contains x, and `a <> 'x'` for its absence,
    unless x is a known value of a; x at the end of a where it says that a ends with x, not anywhere; for what does not
    hold x where it says so; `a LIKE 'x'` without a wildcard is `a = 'x'`. Changes the select."""
    for node in list(select.find_all(exp.EQ, exp.NEQ, exp.Like, exp.ILike)):
        text = node.expression
        if not isinstance(node.this, exp.Column) or not isinstance(text, exp.Literal) or not text.is_string:
            continue
        part = text.this.strip("%")
        if node.find_ancestor(exp.Select) is not select or not part or re.search("[%_]", part):
            continue
        known = {
            value
            for table in tables
            if node.this.name in table.by_name
            for value in table.by_name[node.this.name].values
        }
        is_part = part != text.this
        if (is_part or part not in known) and (said := _said(part, without_times(question))):
            yield from _hold(node, said, part)
        elif isinstance(node, exp.Like) and not is_part and dialect not in _CASELESS:
            node.replace(exp.EQ(this=node.this.copy(), expression=text.copy()))
            yield f"compared {node.this.name} with '{part}': the pattern has no wildcard"


def shorten_parts(select: exp.Select, question: str, unsaid: Collection[str]) -> Iterator[str]:
    """Of `LIKE '%4 Session 12912%'` the words that the question says, where it says them one after the other and none
    of those around them; of a part that it says nowhere, the one word that it says. unsaid: texts that come from
    nowhere, or from the catalog alone. Changes the select."""
    said = without_times(question)
    words = set(content_words(question))
    for condition in select.find_all(exp.Like, exp.ILike):
        text = condition.expression
        if not isinstance(condition.this, exp.Column) or not isinstance(text, exp.Literal):
            continue
        part = text.this[1:-1]
        if text.this != f"%{part}%":
            continue
        own = {word for word in _WORDS.findall(part) if stem(word.lower()) in words - set(pieces(condition.this.name))}
        shorter = _trimmed(part, said)
        if shorter is None and part in unsaid and len(own) == 1:
            [shorter] = own
        if shorter is not None and shorter != part:
            text.replace(exp.Literal.string(f"%{shorter}%"))
            yield f"looked for '{shorter}' in {condition.this.name}, not for '{part}'"


def _trimmed(part: str, question: str) -> str | None:
    """The part without the words at its ends that the question does not say, where two or more are left, and it says
    these as they stand."""
    words = list(_WORD.finditer(part))
    heard = {one[0].lower() for one in _WORD.finditer(question)}
    inside = [place for place, word in enumerate(words) if word[0].lower() in heard]
    if len(inside) < _FEWEST or len(words) == inside[-1] - inside[0] + 1:
        return None
    trimmed = part[words[inside[0]].start() : words[inside[-1]].end()]
    return trimmed if re.search(rf"(?<!\w){re.escape(trimmed)}(?!\w)", question, re.IGNORECASE) else None


def look_into_lists(select: exp.Select, tables: Sequence[Table]) -> Iterator[str]:
    """`ThreatTypes = 'Phish'` looks for Phish within the lists that the column holds too, as the catalog lists them:
    `Phish, Spam`. Changes the select."""
    for node in list(select.find_all(exp.EQ, exp.NEQ, exp.In)):
        column, values = node.this, node.expressions or [node.expression]
        if not isinstance(column, exp.Column) or node.find_ancestor(exp.Select) is not select:
            continue
        if not all(isinstance(one, exp.Literal) and one.is_string for one in values):
            continue
        lists = _lists(column.name, tables)
        held = [next((one for one in lists if value.this in one), None) for value in values]
        if not all(held):
            continue
        parts = [exp.ILike(this=column.copy(), expression=exp.Literal.string(f"%{one.this}%")) for one in values]
        inside = parts[0] if len(parts) == 1 else exp.paren(exp.or_(*parts, copy=False))
        node.replace(exp.Not(this=inside) if isinstance(node, exp.NEQ) else inside)
        said = ", ".join(f"'{one.this}'" for one in values)
        yield f"looked for {said} within {column.name}, which holds lists: '{', '.join(held[0] or ())}'"


def _lists(name: str, tables: Sequence[Table]) -> list[list[str]]:
    """Of the values that the catalog knows of a column, those that are several of them; none of which is a part of
    another value, or a pattern."""
    known = {value for table in tables if name in table.by_name for value in table.by_name[name].values}
    single = {value for value in known if ", " not in value and not re.search("[%_]", value)}
    whole = {one for one in single if not any(one != other and one.lower() in other.lower() for other in single)}
    split = [value.split(", ") for value in known if ", " in value]
    return sorted(parts for parts in split if whole.issuperset(parts))


def _hold(node: exp.Expr, said: tuple[str, bool], part: str) -> Iterator[str]:
    """Compare as the question says, where the comparison does not yet. said: the pattern, and whether it is denied."""
    pattern, is_denied = said
    before = node.expression.this
    wanted = pattern.format(part)
    under_not = isinstance(node.parent, exp.Not) or (
        isinstance(node.parent, exp.Paren) and isinstance(node.parent.parent, exp.Not)
    )
    denies = isinstance(node, exp.NEQ) or under_not
    is_denied = is_denied and (denies or not may_be_denied(node))
    if wanted == before and (denies or not is_denied):
        return
    inside = exp.ILike(this=node.this.copy(), expression=exp.Literal.string(wanted))
    becomes_denied = isinstance(node, exp.NEQ) or (is_denied and not under_not)
    node.replace(exp.Not(this=inside) if becomes_denied else inside)
    without = "rows without " if is_denied and not denies else ""
    yield f"looked for {without}{wanted!r} in {node.this.name}, as the question says"


def _said(text: str, question: str) -> tuple[str, bool] | None:
    """How the question says that a text holds this one, and whether it says that it does not."""
    found = set()
    for word, pattern in _HOLDS:
        for said in word.finditer(question):
            between = _BETWEEN.match(question, said.end())
            start = between.end() if between else said.end()
            end = start + len(text)
            if question[start:end].lower() == text.lower() and not question[end : end + 1].isalnum():
                found.add((pattern, bool(_NOT.search(question[: said.start()]))))
    return found.pop() if len(found) == 1 else None
