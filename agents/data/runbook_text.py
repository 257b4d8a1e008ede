"""What runbooks say of a question's words: told to the model, and told to the user where the query goes by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agents.data.linking import Linked
from agents.data.literals import comparisons
from agents.data.words import content_words
from shared.catalog import Directive, Table
from shared.models import KnowledgeHint, KnowledgeHit

if TYPE_CHECKING:
    from agents.data.derive import Brief

_MOST = 3  # lines of each kind in a prompt
_LONGEST = 240  # characters of what an unconfirmed definition tells
_SAYS = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])|'[^']*'|\"[^\"]*\"")
_WORD = re.compile(r"[A-Za-z_][\w-]*\d[\w-]*|[a-z]+_[a-z_]+|\d+(?:\.\d+)?")


def said_terms(question: str, linked: Linked, hints: Sequence[KnowledgeHint]) -> list[KnowledgeHint]:
    """Definitions that nobody has confirmed, of this group or of none, of words that its glossary does not define and
    the question does not itself (`turned away with 429`); and codes of known errors that some column of the group
    has."""
    defined = {word for one in linked.mentions if one.kind == "term" for word in content_words(one.phrase)}
    group = linked.catalog.schema_group
    terms = [
        one
        for one in hints
        if one.kind == "term"
        and one.schema_group in (None, group)
        and not set(content_words(one.subject)) <= defined
        and not _says_a_value(question, one.text)
    ]
    values = [one for one in hints if one.kind == "value" and _is_known_value(one.subject, linked)]
    return [*terms[:_MOST], *values[:_MOST]]


def as_hit(hint: KnowledgeHint) -> KnowledgeHit:
    """For the account, which reads where a query's literals come from."""
    excerpt = f"{hint.subject}: {hint.text}"
    return KnowledgeHit(agent="sop", title=hint.source, source=hint.source, excerpt=excerpt, score=0.0)


def hint_lines(hints: Sequence[KnowledgeHint]) -> Iterator[str]:
    """Each on a line of its own, and said to be a runbook's word."""
    for one in hints:
        text = " ".join(one.text.split())[:_LONGEST]
        if one.kind == "value":
            yield f"Logs of this are marked '{one.subject}' ({one.source})"
        else:
            yield f"A runbook says, unconfirmed: {one.subject}: {text} ({one.source})"


def rule_lines(linked: Linked, tables: Sequence[Table]) -> Iterator[str]:
    """The standing rules of the group that bear on the tables."""
    names = {table.name for table in tables}
    for one in linked.catalog.directives[:_MOST]:
        if not one.table or one.table in names:
            yield f"Always: {one.text}{f': {one.condition}' if one.condition else ''}"


def told_by_runbooks(query: str, brief: Brief) -> Iterator[str]:
    """For the user: each meaning that the query goes by and where it is said, each rule, and what it leaves out."""
    for one in brief.linked.mentions:
        if one.kind == "term" and one.source:
            what = f"'{one.phrase}' means {one.text} ({one.source})"
            yield what if _holds(query, one.text) else f"{what}: the query may not say so"
    for hint in brief.hints:
        if hint.kind == "term" and _holds(query, hint.text):
            yield f"took '{hint.subject}' as {hint.source} says, which nobody has confirmed: {hint.text}"
        elif hint.kind == "value" and hint.subject.lower() in query.lower():
            yield f"'{hint.subject}' is how the logs mark it ({hint.source})"
    yield from (_of_rule(one, query) for one in brief.linked.catalog.directives if _bears_on(one, query))


def _of_rule(rule: Directive, query: str) -> str:
    source = f" ({rule.source})" if rule.source else ""
    held = "" if _holds(query, rule.condition or rule.text) else ": the query may not say so"
    return f"rule of this group: {rule.text}{source}{held}"


def _bears_on(rule: Directive, query: str) -> bool:
    return not rule.table or re.search(rf"(?<!\w){re.escape(rule.table)}(?!\w)", query) is not None


def _holds(query: str, meaning: str) -> bool:
    """Whether the query says a literal, a code or a column of the meaning."""
    told = {one.literal.strip("%*") for one in comparisons(query)} | {one.strip("'\"") for one in _SAYS.findall(query)}
    if any(re.search(rf"(?<![\w.]){re.escape(one)}(?![\w.])", meaning, re.IGNORECASE) for one in told if one):
        return True
    if _SAYS.search(meaning):
        return False
    return bool(set(_WORD.findall(meaning.lower())) & set(_WORD.findall(query.lower())))


def _says_a_value(question: str, meaning: str) -> bool:
    """Whether the question says one of the codes or quoted values by which the meaning is defined."""
    values = [one.strip("'\"") for one in _SAYS.findall(meaning)]
    return any(re.search(rf"(?<![\w.]){re.escape(one)}(?![\w.])", question, re.I) for one in values if len(one) > 1)


def _is_known_value(code: str, linked: Linked) -> bool:
    """Whether a column of the group knows the code as a value."""
    for table in linked.catalog.tables:
        for column in table.columns:
            known = column.values or linked.samples.get((table.name, column.name), ())
            if any(value.lower() == code.lower() for value in known):
                return True
    return False
