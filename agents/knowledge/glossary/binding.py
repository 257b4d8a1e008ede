"""Which schema groups a definition is about, and the condition that it says there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from agents.data.sandbox import Sandbox
from agents.knowledge.checks.check import CheckedQuery
from agents.knowledge.glossary.conditions import Condition, checked_condition
from agents.knowledge.glossary.defining import Definition
from agents.knowledge.glossary.meaning import read_condition
from agents.knowledge.glossary.store import Term, term_id
from shared.catalog import Catalog, Table
from shared.errors import InvalidInput


def bound(
    definition: Definition, queries: Sequence[CheckedQuery], catalogs: Sequence[Catalog], sandbox: Sandbox
) -> list[Term]:
    """The definition for each group that its words say a condition of; else for the group that the document's queries
    ask most, or for none. queries: of its document. Blocks."""
    asked = Counter(group for one in queries if one.status != "broken" for group in one.groups)
    first = sorted(catalogs, key=lambda one: -asked[one.schema_group])
    likely = [one for one in first if asked[one.schema_group]] or first
    with_condition = [
        _term(definition, catalog.schema_group, condition)
        for catalog in likely
        if (condition := _condition(definition, catalog, queries, sandbox))
    ]
    if with_condition:
        return with_condition
    home = likely[0].schema_group if asked else ""
    return [_term(definition, home, None)]


def _condition(
    definition: Definition, catalog: Catalog, queries: Sequence[CheckedQuery], sandbox: Sandbox
) -> Condition | None:
    read = read_condition(definition.meaning, list(_tables(definition, catalog, queries)), definition.term)
    if read is None:
        return None
    try:
        return checked_condition(read.sql, catalog, sandbox, read.table)
    except InvalidInput:
        return None


def _tables(definition: Definition, catalog: Catalog, queries: Sequence[CheckedQuery]) -> Iterator[Table]:
    """Those that the definition names, then those that queries under its heading and of its document read; all others
    only where there is none of these."""
    said = f"{definition.term} {definition.meaning}"
    group = catalog.schema_group
    named = [table for table in catalog.tables if _is_named(table.name, said)]
    here = [one for one in queries if group in one.groups and one.heading == definition.heading]
    read = [name for one in (*here, *queries) if group in one.groups for name in one.reads]
    likely = dict.fromkeys([table.name for table in named] + read)
    yield from (catalog.by_name[name] for name in likely if name in catalog.by_name)
    if not likely:
        yield from catalog.tables


def _is_named(table: str, said: str) -> bool:
    """As it stands, or without its plural's s."""
    name = re.escape(table.removesuffix("s"))
    return re.search(rf"(?<![\w-]){name}s?(?![\w-])", said, re.IGNORECASE) is not None


def _term(definition: Definition, group: str, condition: Condition | None) -> Term:
    return Term(
        id=term_id(definition.kind, group, definition.term, definition.meaning, definition.location),
        kind=definition.kind,
        schema_group=group,
        term=definition.term,
        meaning=definition.meaning,
        condition=condition.sql if condition else "",
        table=condition.table if condition else "",
        location=definition.location,
        source=definition.place,
        labels=list(definition.labels),
    )
