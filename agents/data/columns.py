"""Columns that a question names: `FolderPath`, `folder path`, `device ids`."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass

from agents.data.times import Place
from shared.catalog import Catalog

_TOKEN = re.compile(r"[A-Za-z0-9_]+")
_LONGEST = 4  # words of a name
_SHORTEST = 4  # letters
# Columns of these names are in most tables, and these words in most questions.
_ANYWHERE = frozenset(
    ["time", "type", "user", "name", "event", "process", "computer", "port", "state", "status", "message", "source"]
)
_ENOUGH = 2  # columns that only one table has make its `rarity` 1


@dataclass(frozen=True)
class ColumnMention:
    """Words of a text that are a column's name, and every (table, column) of that name."""

    words: str
    place: Place
    columns: tuple[tuple[str, str], ...]


class ColumnNames:
    """An index of a catalog's columns by their names, written in any way."""

    def __init__(self, catalog: Catalog) -> None:
        self._tables = len(catalog.tables)
        self._columns: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for table in catalog.tables:
            for column in table.columns:
                self._columns[_squeezed(column.name)].append((table.name, column.name))

    def mentions(self, text: str) -> list[ColumnMention]:
        """In order; a longer name hides the shorter ones in it."""
        tokens = list(_TOKEN.finditer(text))
        found: list[ColumnMention] = []
        taken: set[int] = set()
        for length in range(min(_LONGEST, len(tokens)), 0, -1):
            for first in range(len(tokens) - length + 1):
                places = range(first, first + length)
                if taken.isdisjoint(places) and (columns := self._named([tokens[at][0] for at in places])):
                    place = (tokens[first].start(), tokens[first + length - 1].end())
                    found.append(ColumnMention(text[slice(*place)], place, tuple(columns)))
                    taken.update(places)
        return sorted(found, key=lambda mention: mention.place)

    def rarity(self, mentions: list[ColumnMention]) -> dict[str, float]:
        """How much the named columns tell each table that has them from the others, 0 to 1."""
        total: dict[str, float] = defaultdict(float)
        most = _ENOUGH * math.log(1 + self._tables)
        for columns in {mention.columns for mention in mentions}:
            tables = {table for table, _ in columns}
            for table in tables:
                total[table] += math.log(1 + self._tables / len(tables))
        return {table: min(1.0, value / most) for table, value in total.items()}

    def _named(self, words: list[str]) -> list[tuple[str, str]]:
        name = _squeezed("".join(words))
        for form in (name, name.removesuffix("s")):
            common = len(words) == 1 and form in _ANYWHERE
            if len(form) >= _SHORTEST and not common and form in self._columns:
                return self._columns[form]
        return []


def _squeezed(name: str) -> str:
    """Letters and digits alone, `data centre` as `datacenter`."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).replace("centre", "center").replace("colour", "color")
