"""Relationships that a catalog does not declare and its rows show: a column that refers to another table's key.

A key is a column without repetitions; a column of another table refers to it where the names say so
(`order.customer_id` and `customer.id`, `writes.aid` and `author.aid`, `flight.from_airport` and `airport.airport_code`)
and nearly all of its values are values of the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from agents.data.names import name_tokens
from agents.data.platform import Platform, load_platform
from agents.data.sandbox import Sandbox
from agents.data.session import first_rows, quoted
from agents.data.words import stem
from shared.catalog import Catalog, Column, Relationship, Table
from shared.errors import LexiQueryError

_ROWS = 100_000  # of a table that are looked at
_TABLES = 60  # of a group; more are not looked through
_PAIRS = 300
_INCLUDED = 0.9  # share of the different values that must be values of the key
_KEY_WORDS = frozenset(("id", "key", "code", "no", "number", "nr", "uid", "uuid"))
_KEY_TYPES = ("VARCHAR", "TEXT", "BIGINT", "INTEGER", "SMALLINT", "INT", "UUID")


@dataclass(frozen=True)
class _Place:
    table: Table
    column: Column

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def words(self) -> list[str]:
        return [stem(word) for word in name_tokens(self.column.name)]

    @property
    def may_refer(self) -> bool:
        """Whether the name says one thing: `from_airport`, `user_id`; not `num_semesters`, an amount."""
        last = name_tokens(self.column.name)[-1:]
        return last == self.words[-1:] or last[0] in _KEY_WORDS

    @property
    def subject(self) -> set[str]:
        return {stem(word) for word in name_tokens(self.table.name)}


def inferred_relationships(catalog: Catalog, sandbox: Sandbox) -> list[Relationship]:
    """Between tables that no declared relationship connects. Blocks while the group's rows are looked at.

    Nothing for a group without rows, and for other platforms than SQL: logs repeat what other databases keep as keys.
    """
    if catalog.platform != "sql" or len(catalog.tables) > _TABLES or not sandbox.has_rows(catalog):
        return []
    with suppress(LexiQueryError):
        pairs = list(_pairs(catalog, _keys(catalog, sandbox)))[:_PAIRS]
        return _chosen(_included(pairs, catalog, sandbox))
    return []


def _keys(catalog: Catalog, sandbox: Sandbox) -> list[_Place]:
    """Columns without repetitions and nulls whose name may be a key's: no time, no amount, and none that is declared to
    refer to another table, whose few rows may well differ."""
    platform = load_platform(catalog.platform)
    referring = {one.from_ for one in catalog.relationships if one.kind == "many_to_one"}
    places = [
        _Place(table, column)
        for table in catalog.tables
        for column in table.columns
        if f"{table.name}.{column.name}" not in referring and _may_be_key(column, table, platform)
    ]
    parts = [
        f"SELECT {number}, count(*), count(DISTINCT {quoted(one.column.name)}) FROM {first_rows(one.table, _ROWS)}"  # noqa: S608 - quoted names
        for number, one in enumerate(places)
    ]
    counted = sandbox.execute(" UNION ALL ".join(parts), catalog, limit=len(parts)).rows if parts else []
    return [places[number] for number, rows, different in sorted(counted) if rows and rows == different]


def _may_be_key(column: Column, table: Table, platform: Platform) -> bool:
    if not platform.duckdb_type(column.type).startswith(_KEY_TYPES):
        return False
    return column is table.columns[0] or is_key_name(column.name)


def is_key_name(name: str) -> bool:
    """`machine_id`, `OrderNo`, `airport_code`, `tenantid`."""
    return any(word in _KEY_WORDS or word.endswith("id") for word in (*name_tokens(name), name.lower()))


def _pairs(catalog: Catalog, keys: Sequence[_Place]) -> Iterator[tuple[_Place, _Place]]:
    """(referring, key) by name and type, of tables that nothing declared connects; the likeliest first."""
    platform = load_platform(catalog.platform)
    own = {key.name for key in keys if key.column is key.table.columns[0]}
    ends = ((one.from_.rpartition(".")[0], one.to.rpartition(".")[0]) for one in catalog.relationships)
    declared = set(map(frozenset, ends))
    found = [
        (_Place(other, column), key)
        for key in keys
        for other in catalog.tables
        if other is not key.table and frozenset((other.name, key.table.name)) not in declared
        for column in other.columns
        if platform.duckdb_type(column.type) == platform.duckdb_type(key.column.type)
    ]
    yield from sorted(
        (pair for pair in found if _refers(*pair, own=pair[0].name in own)), key=lambda pair: -_owned(pair[1])
    )


def _refers(place: _Place, key: _Place, *, own: bool) -> bool:
    """Whether the names say so. own: the column is its own table's key."""
    same = place.column.name.lower() == key.column.name.lower()
    bare = key.column.name.lower() in _KEY_WORDS
    about = key.subject & set(place.words) and (bare or set(key.words) & set(place.words))
    of_table = bool(about) and place.may_refer and not own
    longer = len(key.words) > 1 and _in_order(key.words, place.words)
    return (same and not bare) or of_table or longer


def _owned(key: _Place) -> float:
    """How much a key is its table's own: first of its columns, and called after it."""
    words = set(key.words) | {key.column.name.lower()}
    named = any(word in other or other.startswith(word[0]) for word in words for other in key.subject)
    return (key.column is key.table.columns[0]) + 0.5 * named


def _in_order(few: list[str], many: list[str]) -> bool:
    rest = iter(many)
    return all(word in rest for word in few)


def _included(
    pairs: Sequence[tuple[_Place, _Place]], catalog: Catalog, sandbox: Sandbox
) -> list[tuple[_Place, _Place]]:
    """The pairs where nearly all values of the one are values of the key."""
    parts = []
    for number, (place, key) in enumerate(pairs):
        own, wanted = quoted(place.column.name), quoted(key.column.name)
        parts.append(
            f"SELECT {number}, count(*), count(*) FILTER (v IN (SELECT {wanted} FROM {first_rows(key.table, _ROWS)})) "  # noqa: S608 - quoted names
            f"FROM (SELECT DISTINCT {own} AS v FROM {first_rows(place.table, _ROWS)} WHERE {own} IS NOT NULL)"
        )
    counted = sandbox.execute(" UNION ALL ".join(parts), catalog, limit=len(parts)).rows if parts else []
    return [pairs[number] for number, values, known in sorted(counted) if values and known >= values * _INCLUDED]


def _chosen(pairs: Sequence[tuple[_Place, _Place]]) -> list[Relationship]:
    """One key a column; of two keys that refer to each other, one of the two."""
    found: dict[str, str] = {}
    for place, key in pairs:
        if place.name not in found and found.get(key.name) != place.name:
            found[place.name] = key.name
    made = ({"from": one, "to": other, "kind": "many_to_one"} for one, other in found.items())
    return list(map(Relationship.model_validate, made))
