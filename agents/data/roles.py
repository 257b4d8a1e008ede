"""What an unknown name was meant for, where neither spelling nor meaning finds one: a table's time, its key, its rows.

A model that has seen `placed_at` in an example writes it for any table's time; it asks a customer's name of a table
that knows customers by number alone; it reads a table `incidents` where incidents are tickets of that kind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from agents.data.words import pieces
from shared.catalog import Catalog, Column, Table

_TIME = re.compile(r"(?:^|_)(?:time|date|day|at|on|timestamp|when|ts)$|(?:time|date|timegenerated|timestamp)$", re.I)
_NAME = re.compile(r"(?:^|_)(?:name|title|label)$|(?<=[a-z])Name$")
_TIME_TYPES = ("timestamp", "datetime", "date", "time")
_READS = r"(?:from|join)\s+(\w+)\s+(?:as\s+)?{alias}\b"


def column_for(wrong: str, owner: Table, catalog: Catalog, question: str) -> str | None:
    """The column that does for the table what the unknown one was for; None if that isn't plain.

    A key stands for a name where it is of what the name or the question speaks of: `customer_id` of customers.
    """
    if _TIME.search(wrong) or _is_time_elsewhere(wrong, catalog):
        return _time_of(owner, catalog)
    key = _key(owner, catalog) if _NAME.search(wrong) else None
    named = set(pieces(f"{wrong} {question}")) - {"id"}
    return key if key and named & set(pieces(f"{key} {owner.name}")) else None


def rows_called(wrong: str, tables: Sequence[Table]) -> tuple[Table, Column, str] | None:
    """The one table, column and known value that an unknown table is the plural of: `incidents` is
    (tickets, kind, incident)."""
    singular = wrong.lower().removesuffix("s")
    found = [
        (table, column, value)
        for table in tables
        for column in table.columns
        for value in column.values
        if value.lower().replace(" ", "_") in (singular, wrong.lower())
    ]
    return found[0] if len(found) == 1 else None


def owner_of(wrong: str, query: str, read: Sequence[Table]) -> Table | None:
    """The table whose column it would be: the one that its qualifier stands for, or the only one."""
    if qualified := re.search(rf"(\w+)\s*\.\s*{re.escape(wrong)}\b", query):
        alias = qualified[1]
        named = re.search(_READS.format(alias=re.escape(alias)), query, re.IGNORECASE)
        wanted = (named[1] if named else alias).lower()
        return next((table for table in read if table.name.lower() == wanted), None)
    return read[0] if len(read) == 1 else None


def _time_of(table: Table, catalog: Catalog) -> str | None:
    """Its only time; of several the one that most tables of the group have too, the time of an event."""
    times = [column.name for column in table.columns if _is_time(column)]
    if len(times) < 2:
        return times[0] if times else None
    shared = Counter({name: sum(name in other.by_name for other in catalog.tables) for name in times})
    (first, most), (_, next_most) = shared.most_common(2)
    return first if most > next_most else None


def _is_time(column: Column) -> bool:
    return column.type.lower().startswith(_TIME_TYPES)


def _is_time_elsewhere(name: str, catalog: Catalog) -> bool:
    columns = (table.by_name.get(name) for table in catalog.tables)
    found = [column for column in columns if column]
    return bool(found) and all(map(_is_time, found))


def _key(table: Table, catalog: Catalog) -> str | None:
    """The column that relationships lead to, if one does."""
    ends = {one.to for one in catalog.relationships}
    keys = [column.name for column in table.columns if f"{table.name}.{column.name}" in ends]
    return keys[0] if len(keys) == 1 else None
