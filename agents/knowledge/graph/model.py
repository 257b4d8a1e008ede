"""Nodes and links of the graph, and the names that catalogs know."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from shared.catalog import Catalog, Column, Table

NodeKind = Literal["table", "column", "service", "alert", "error_code", "step", "procedure", "term"]
LinkKind = Literal["mentions", "precedes", "joins", "same_as"]

_SERVICE_COLUMN = re.compile(r"(?:^|_)services?(?:_?name)?$", re.IGNORECASE)
_CODE_COLUMN = re.compile(r"error_?code$", re.IGNORECASE)
_ALERT_COLUMN = re.compile(r"alert_?name$|^alert$", re.IGNORECASE)
_SAME_SHARE = 0.8
_SAME_FEWEST = 3


@dataclass(frozen=True)
class Node:
    """schema_group: of tables and columns (named `table.column`), else empty; a procedure's name is its location, a
    step's `LOCATION#STEP`; title: as people read it."""

    kind: NodeKind
    name: str
    schema_group: str = ""
    title: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        text = "\0".join((self.kind, self.schema_group, self.name.lower()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Link:
    """location: of the document that says so, `catalog:GROUP` where the schema does; weight: 3 where it is what the
    document is about (its title, a query's value), 1 for a word in passing."""

    from_: Node
    to: Node
    kind: LinkKind
    location: str
    source: str
    step: str | None = None
    weight: int = 1


@dataclass(frozen=True)
class Names:
    """What catalogs call things, in lower case: services, error codes and alerts; tables and their columns by group."""

    services: frozenset[str]
    codes: frozenset[str]
    alerts: frozenset[str]
    tables: tuple[tuple[str, Table], ...]

    @classmethod
    def of(cls, catalogs: Iterable[Catalog]) -> Names:
        tables = [(catalog.schema_group, table) for catalog in catalogs for table in catalog.tables]
        return cls(
            services=_values(tables, _SERVICE_COLUMN) | _values_of_table(tables, "services"),
            codes=_values(tables, _CODE_COLUMN),
            alerts=_values(tables, _ALERT_COLUMN),
            tables=tuple(tables),
        )


def _values(tables: Iterable[tuple[str, Table]], named: re.Pattern[str]) -> frozenset[str]:
    columns = (column for _, table in tables for column in table.columns if named.search(column.name))
    return frozenset(value.lower() for column in columns for value in column.values)


def _values_of_table(tables: Iterable[tuple[str, Table]], name: str) -> frozenset[str]:
    columns = (table.by_name.get("name") for _, table in tables if table.name.lower() == name)
    return frozenset(value.lower() for column in columns if column for value in column.values)


def schema_links(catalogs: Iterable[Catalog]) -> list[Link]:
    """Joins of the relationships, and columns of different groups that hold the same values."""
    known = list(catalogs)
    links: list[Link] = []
    for catalog in known:
        place = f"catalog:{catalog.schema_group}"
        for one in catalog.relationships:
            ends = [Node("column", end, catalog.schema_group, end) for end in (one.from_, one.to)]
            links.append(Link(ends[0], ends[1], "joins", place, catalog.schema_group))
            tables = [Node("table", end.rpartition(".")[0], catalog.schema_group) for end in (one.from_, one.to)]
            links.append(Link(tables[0], tables[1], "joins", place, catalog.schema_group))
    return [*links, *_same(known)]


def _same(catalogs: list[Catalog]) -> list[Link]:
    listed = [
        (catalog.schema_group, table.name, column)
        for catalog in catalogs
        for table in catalog.tables
        for column in table.columns
        if len(column.values) >= _SAME_FEWEST
    ]
    links = []
    for number, (group, table, column) in enumerate(listed):
        for other_group, other_table, other in listed[number + 1 :]:
            if group != other_group and _hold_the_same(column, other):
                ends = (
                    Node("column", f"{table}.{column.name}", group),
                    Node("column", f"{other_table}.{other.name}", other_group),
                )
                links.append(Link(*ends, "same_as", f"catalog:{group}", group))
    return links


def _hold_the_same(one: Column, other: Column) -> bool:
    own, others = {value.lower() for value in one.values}, {value.lower() for value in other.values}
    return len(own & others) >= _SAME_SHARE * max(len(own), len(others))
