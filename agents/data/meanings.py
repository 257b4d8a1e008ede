"""Glossary terms whose meaning is a condition, `status IN ('open', 'in_progress')` of `open ticket`, or is computed,
`1 - errors / requests` of `availability`."""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.errors import SqlglotError

from agents.data.words import content_words
from shared.catalog import Catalog, GlossaryTerm, Table

ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div)
_AFTER = re.compile(r"\s+(?:of|in|for)\s+|:\s|;\s")
_CONDITIONS = (exp.Predicate, exp.Connector, exp.In, exp.Between, exp.Is, exp.Like, exp.Not)


def condition_of(term: GlossaryTerm, catalog: Catalog) -> tuple[str, str]:
    """The term's condition and table, as SQL says them: its own, or its meaning where that is nothing but a condition
    on columns that one table has, or one of the tables that the term names. Empty where it has none."""
    if term.condition:
        return term.condition, term.table
    meaning = term.meaning if catalog.platform == "sql" else term.meaning.replace('"', "'")
    try:
        parsed = exp.condition(meaning, dialect="duckdb")
    except SqlglotError:
        return "", ""
    names = {column.sql() for column in parsed.find_all(exp.Column)}
    unknown = {one.name.lower() for one in parsed.find_all(exp.Anonymous)} - {"now"}
    if not isinstance(parsed, _CONDITIONS) or _has_bare(parsed) or not names or unknown or parsed.find(exp.Query):
        return "", ""
    tables = [table for table in catalog.tables if names <= table.by_name.keys()]
    named = [table for table in tables if _is_named(table, term)] if len(tables) > 1 else tables
    return (meaning, named[0].name) if len(named) == 1 else ("", "")


def formula_of(meaning: str, catalog: Catalog) -> exp.Expr | None:
    """What a term's meaning computes of columns of the group, where it begins with that: `requests * (1 - target)`, or
    `errors / requests of services`."""
    head = _AFTER.split(meaning if catalog.platform == "sql" else meaning.replace('"', "'"))[0]
    try:
        parsed = exp.maybe_parse(head, dialect="duckdb")
    except SqlglotError:
        return None
    names = {column.name for column in parsed.find_all(exp.Column)}
    known = {column.name for table in catalog.tables for column in table.columns}
    parts = (exp.Binary, exp.Column, exp.Identifier, exp.Literal, exp.Paren)
    plain = all(isinstance(node, parts) for node in parsed.walk())
    return parsed if plain and isinstance(parsed.unnest(), ARITHMETIC) and names and names <= known else None


def _has_bare(parsed: exp.Expr) -> bool:
    """`email or phone`: columns of which nothing is said."""
    joined = [one for node in parsed.find_all(exp.Connector, exp.Not) for one in node.iter_expressions()]
    return any(isinstance(one.unnest(), exp.Column) for one in joined)


def _is_named(table: Table, term: GlossaryTerm) -> bool:
    return bool(set(content_words(table.name)) & set(content_words(term.term)))
