"""What a group's glossary and rules demand of a query: conditions that a person accepted, held by code.

A term's condition is held where the question says the term and the query does not compare its columns already; a
rule's, of every query that reads its table. Both were checked when they were accepted; the query is proven again with
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.conditions import conditions, literals_of, sources
from agents.data.linking import Linked
from agents.data.phrases import Mention
from agents.data.shape import forms
from agents.data.words import pieces, stem
from shared.catalog import Directive

# A question for a share, or for what is not so, has the condition elsewhere than on all its rows.
_ELSEWHERE = frozenset(("share", "without"))
_BESIDE = re.compile(
    r"\b(?:(?:versus|vs|compared? (?:to|with)|against|and (?:the )?(?:rest|others?)"
    r"|other than|apart from|except|excluding)\b|non-)",
    re.IGNORECASE,
)


def hold_rules(query: exp.Query, question: str, linked: Linked) -> Iterator[str]:
    """Change the query; a note for each condition."""
    for rule in linked.catalog.directives:
        yield from _hold_rule(query, rule)
    if forms(question) & _ELSEWHERE or _BESIDE.search(question):
        return
    for term in linked.mentions:
        if term.kind == "term" and term.condition and not _is_beside_others(question, term.phrase):
            yield from _hold_term(query, term)


def _is_beside_others(question: str, phrase: str) -> bool:
    """`orders and late orders per service` is about the others too."""
    words, term = ([stem(word) for word in re.findall(r"\w+", text.lower())] for text in (question, phrase))
    said = sum(words[start : start + len(term)] == term for start in range(len(words)))
    return words.count(term[-1]) > said


def _hold_rule(query: exp.Query, rule: Directive) -> Iterator[str]:
    condition = _parsed(rule.condition)
    if condition is None:
        return
    held = False
    for select, source in _reading(query, rule.table):
        if not any(_same(one, condition) for one in conditions(select)):
            _add(select, source, condition)
            held = True
    if held:
        yield f"held `{rule.condition}`, a rule of this group: {rule.text}{_said_in(rule.source)}"


def _hold_term(query: exp.Query, term: Mention) -> Iterator[str]:
    condition = _parsed(term.condition)
    places = list(_reading(query, term.table)) if condition is not None else []
    if condition is None or not places:
        return
    note = f"held `{term.condition}`, which '{term.phrase}' means{_said_in(term.source)}"
    if part := _partly(places, condition, term):
        part.replace(_over(part, condition))
        yield note
    elif not _names(condition) <= _compared(query):
        _add(*places[0], condition)
        yield note


def _partly(places: Sequence[tuple[exp.Select, exp.Table]], condition: exp.Expr, term: Mention) -> exp.Expr | None:
    """A condition on the same columns with some of the values, or with the words of the term: `status = 'open'`, where
    open ticket means open or in progress."""
    said = literals_of(condition) | set(pieces(term.phrase))
    for select, _ in places:
        for one in conditions(select):
            values = literals_of(one)
            alike = _names(one) == _names(condition) and values and not _same(one, condition)
            if alike and {value.lower() for value in values} <= {value.lower() for value in said}:
                return one
    return None


def _over(part: exp.Expr, condition: exp.Expr) -> exp.Expr:
    """The condition with the name of the table that the part had."""
    table = next((one.table for one in part.find_all(exp.Column)), "")
    return _qualified(condition, table)


def _reading(query: exp.Query, table: str) -> Iterator[tuple[exp.Select, exp.Table]]:
    """The SELECTs that read the table itself, and by which name."""
    for select in query.find_all(exp.Select):
        for source in sources(select):
            if isinstance(source, exp.Table) and source.name.lower() == table.lower():
                yield select, source


def _add(select: exp.Select, source: exp.Table, condition: exp.Expr) -> None:
    """To WHERE; of a table that is joined by LEFT JOIN to its join, or rows without a partner would be lost."""
    several = len(sources(select)) > 1
    own = _qualified(condition, source.alias_or_name if several else "")
    join = source.parent
    if isinstance(join, exp.Join) and join.side == "LEFT":
        join.set("on", exp.and_(join.args["on"], own, copy=False) if join.args.get("on") else own)
    else:
        select.where(own, copy=False)


def _qualified(condition: exp.Expr, table: str) -> exp.Expr:
    own = condition.copy()
    for column in own.find_all(exp.Column):
        column.set("table", exp.to_identifier(table) if table else None)
    return exp.paren(own) if isinstance(own, exp.Or) else own


def _parsed(condition: str) -> exp.Expr | None:
    return exp.condition(condition, dialect="duckdb") if condition else None


def _same(one: exp.Expr, condition: exp.Expr) -> bool:
    return _qualified(one, "").unnest() == condition.unnest()


def _names(condition: exp.Expr) -> set[str]:
    return {one.name.lower() for one in condition.find_all(exp.Column)}


def _compared(query: exp.Query) -> set[str]:
    """Columns that the query compares with something, anywhere."""
    compared = query.find_all(exp.Predicate, exp.In, exp.Between, exp.Like)
    return {column.name.lower() for one in compared for column in one.find_all(exp.Column)}


def _said_in(source: str) -> str:
    return f" ({source})" if source else ""
