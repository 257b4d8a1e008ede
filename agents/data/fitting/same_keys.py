"""Which columns of a group's tables hold the same keys, and so what they are joined by."""

from __future__ import annotations

from itertools import product

from agents.data.keys import is_key_name
from agents.data.linking import Linked
from agents.data.words import pieces
from shared.catalog import Table


class Keys:
    """Which columns hold the same keys: those that relationships connect, also by way of a third."""

    def __init__(self, linked: Linked) -> None:
        self._same: dict[str, str] = {}
        for one in linked.relationships:
            self._same[self._root(one.from_)] = self._root(one.to)

    def same(self, one: str, other: str) -> bool:
        """Both as `table.column`."""
        return self._root(one) == self._root(other)

    def knows(self, table: Table, column: str) -> bool:
        """Whether a relationship names the column, or it is the first of its table, as keys are.

        Of `receiver_id`, which refers to what a type says, nothing is known.
        """
        return column in self._keyed(table) or column == table.columns[0].name

    def pairs(self, one: Table, other: Table) -> list[tuple[str, str]]:
        """Columns of the two tables by which they can be joined; where no relationship tells, keys of the same name,
        called after one of the two (`machine_id` of machines)."""
        mine, its = self._keyed(one), self._keyed(other)
        related = [(a, b) for a, b in product(mine, its) if self.same(f"{one.name}.{a}", f"{other.name}.{b}")]
        return related or [
            (name, name) for name in one.by_name if name in other.by_name and _is_key_of(name, one, other)
        ]

    def _keyed(self, table: Table) -> list[str]:
        return [column.name for column in table.columns if self._root(f"{table.name}.{column.name}") in self._roots]

    @property
    def _roots(self) -> set[str]:
        return set(self._same.values())

    def _root(self, name: str) -> str:
        while (above := self._same.get(name, name)) != name:
            name = above
        return name


def _is_key_of(name: str, one: Table, other: Table) -> bool:
    return is_key_name(name) and bool(set(pieces(name)) & set(pieces(f"{one.name} {other.name}")))
