"""Column types of any supported dialect, and the DuckDB type that holds each."""

from __future__ import annotations

import re
from functools import lru_cache

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError

from shared.errors import InvalidInput, did_you_mean

# Types that DuckDB has under another name, or holds as text.
_HELD_AS = {
    "SERIAL": "INTEGER",
    "BIGSERIAL": "BIGINT",
    "SMALLSERIAL": "SMALLINT",
    "MONEY": "DECIMAL(19, 4)",
    "SMALLMONEY": "DECIMAL(10, 4)",
    "VARIANT": "JSON",
    "OBJECT": "JSON",
    "SUPER": "JSON",
    "YEAR": "INTEGER",
    "ROWVERSION": "BLOB",
    "INET": "VARCHAR",
    "IPADDRESS": "VARCHAR",
    "XML": "VARCHAR",
    "ENUM": "VARCHAR",
    "SET": "VARCHAR",
    "HSTORE": "VARCHAR",
    "GEOGRAPHY": "VARCHAR",
    "GEOMETRY": "VARCHAR",
    "NAME": "VARCHAR",
}
_COMMON = ("BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP", "INTERVAL", "JSON", "UUID")
# What a type is written with: names, numbers, brackets, and the values of an ENUM. Longer ones are no column's.
_WRITTEN = re.compile(r"""[A-Za-z_"](?:[\w\s.,:<>()\[\]"]|'[^';()]*')*""")
_LONGEST = 500
_CONSTRAINT = re.compile(r"\b(?:default|primary|references|check|unique|not|null|generated|collate)\b", re.IGNORECASE)
_PAIRS = {"(": ")", "[": "]", "<": ">"}


@lru_cache(maxsize=4096)
def duckdb_type(type_name: str, dialects: tuple[str, ...]) -> str:
    """`serial` → `INTEGER`, `datetime2` → `TIMESTAMP`. Raises InvalidInput with the nearest type."""
    for dialect in dialects if _is_type(type_name) else ():
        try:
            parsed = exp.DataType.build(type_name, dialect=dialect)
        except SqlglotError:
            continue
        kind = parsed.this.value if isinstance(parsed.this, exp.DataType.Type) else ""
        held = _HELD_AS.get(kind) or parsed.sql(dialect="duckdb")
        if _exists(held):
            return held
    raise InvalidInput(f"unknown SQL type '{type_name}'", suggestion=did_you_mean(type_name, _COMMON))


def _is_type(text: str) -> bool:
    """Whether it is written like one type, with nothing after it: parsers read `INT); DROP` as INT."""
    if len(text) > _LONGEST or not _WRITTEN.fullmatch(text.strip()):
        return False
    closing: list[str] = []
    for character in re.sub(r"'[^']*'", "", text):
        if character in _PAIRS:
            closing.append(_PAIRS[character])
        elif (character in _PAIRS.values() and (not closing or closing.pop() != character)) or (
            character == "," and not closing
        ):
            return False
    return not closing and not _CONSTRAINT.search(text)


def _exists(type_name: str) -> bool:
    """Whether DuckDB can make a column of it."""
    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute(f"CREATE TABLE t (c {type_name})")
        except duckdb.Error:
            return False
    return True
