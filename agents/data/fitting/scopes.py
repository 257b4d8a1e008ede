"""A SELECT of SQL with the catalog's tables that it reads, by the names that it gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from agents.data.fitting.conditions import sources
from shared.catalog import Table


@dataclass(frozen=True)
class Scope:
    """A SELECT with the tables that it reads by alias; None for what is no table of the catalog.

    derived: aliases of what WITH names; whole: whether it reads tables of the catalog and nothing else.
    """

    select: exp.Select
    sources: Mapping[str, Table | None]
    derived: frozenset[str]
    whole: bool

    def owner(self, column: exp.Column) -> Table | None:
        if column.table:
            return self.sources.get(column.table)
        owners = [table for table in self.sources.values() if table and column_of(table, column.name)]
        return owners[0] if len(owners) == 1 else None

    def columns(self) -> list[exp.Column]:
        return [one for one in self.select.find_all(exp.Column) if one.find_ancestor(exp.Select) is self.select]


def alias_of(table: Table) -> str:
    return table.name.rpartition(".")[2]


def tables_read(select: exp.Select) -> list[exp.Table]:
    return [one for one in sources(select) if isinstance(one, exp.Table)]


def meaning(key: exp.Expr, select: exp.Select) -> exp.Expr:
    """What the name of a shown column stands for; the key itself where it is no such name."""
    shown = {one.alias: one.this for one in select.expressions if isinstance(one, exp.Alias)}
    return shown.get(key.name, key) if isinstance(key, exp.Column) else key


def column_of(table: Table, name: str) -> str | None:
    """The column as the catalog spells it: SQL does not mind the case."""
    return next((one.name for one in table.columns if one.name.lower() == name.lower()), None)


def source_called(select: exp.Select, alias: str) -> exp.Table | None:
    return next((one for one in select.find_all(exp.Table) if one.alias_or_name == alias), None)


def is_in_join(column: exp.Column) -> bool:
    return column.find_ancestor(exp.Join, exp.Select).__class__ is exp.Join


def qualify(scope: Scope) -> None:
    """Say of which table each bare column is, where one is plainly meant, before another table may have it too."""
    for column in scope.columns():
        if column.table:
            continue
        names = [name for name, table in scope.sources.items() if table and column.name in table.by_name]
        if len(names) == 1:
            column.set("table", exp.to_identifier(names[0]))


def may_be_denied(node: exp.Expr) -> bool:
    """Whether something further out may deny it, or takes it apart: `NOT (a LIKE x OR b LIKE x)`, CASE, a subquery."""
    select = node.find_ancestor(exp.Select)
    outer = node.find_ancestor(exp.Not, exp.Case, exp.Filter, exp.SetOperation)
    return outer is not None or select is None or select.parent is not None
