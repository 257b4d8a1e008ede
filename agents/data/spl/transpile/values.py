"""SQL expressions with the kind of value they hold, and SPL's conversions between kinds.

SPL's fields are text that counts as a number when it looks like one; DuckDB's columns have types. The kind says which
conversions a comparison or a function needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal as OneOf

from agents.data.platform import NotExecutable

# str: VARCHAR; num: DOUBLE; int: BIGINT; time: TIMESTAMP (a number, its epoch seconds, to SPL); bool: BOOLEAN;
# mv: VARCHAR[] (a multivalue field); null: always NULL.
Kind = OneOf["str", "num", "int", "time", "bool", "mv", "null"]

_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*")
_MOST_DIGITS = 15
_DUCKDB = {
    "str": "VARCHAR",
    "num": "DOUBLE",
    "int": "BIGINT",
    "time": "TIMESTAMP",
    "bool": "BOOLEAN",
    "mv": "VARCHAR[]",
}


@dataclass(frozen=True, slots=True)
class Sql:
    """text is self-contained: safe inside any larger expression. literal: its text, if it is a literal string.

    wordy: it is text that is no number; terms: the operands of a `+` that adds or joins, as its fields turn out.
    """

    text: str
    kind: Kind
    literal: str | None = None
    wordy: bool = False
    terms: tuple[Sql, ...] = ()


NULL = Sql("NULL", "null")


def quote(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def string(text: str) -> str:
    """A DuckDB string literal. DuckDB takes backslashes as they are."""
    return "'" + text.replace("'", "''") + "'"


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def whole(text: str) -> int:
    """Raises NotExecutable for what is no whole number, or a huge one."""
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise NotExecutable(f"'{text[:30]}' is not a whole number of at most {_MOST_DIGITS} digits")
    return int(text)


def duckdb_type(kind: Kind) -> str:
    return _DUCKDB.get(kind, "VARCHAR")


def kind_of_type(type_name: str) -> Kind:
    """The kind that a DuckDB type's values have."""
    upper = type_name.upper()
    if upper.endswith("[]"):
        return "mv"
    if upper.startswith(("TIMESTAMP", "DATE")):
        return "time"
    if upper in ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT"):
        return "int"
    if upper.startswith(("DOUBLE", "FLOAT", "REAL", "DECIMAL", "NUMERIC")):
        return "num"
    return "bool" if upper == "BOOLEAN" else "str"


def number_text(text: str) -> str:
    """A DOUBLE as SPL shows it: `3`, not `3.0`. The text is written once: conversions nest."""
    return f"regexp_replace(CAST({text} AS VARCHAR), '\\.0$', '')"


def as_str(value: Sql) -> str:
    if value.kind == "str":
        return value.text
    if value.kind == "num":
        return number_text(value.text)
    if value.kind == "time":
        return number_text(f"epoch({value.text})")
    if value.kind == "mv":
        return f"array_to_string({value.text}, chr(10))"
    return f"CAST({value.text} AS VARCHAR)"


def as_num(value: Sql) -> str:
    """A number, or NULL where the text is none."""
    if value.kind in ("num", "int"):
        return value.text
    if value.kind == "time":
        return f"epoch({value.text})"
    if value.kind == "bool":
        return f"CAST({value.text} AS INTEGER)"
    if value.kind == "mv":
        return f"TRY_CAST(({value.text})[1] AS DOUBLE)"
    if value.literal is not None and is_number(value.literal):
        return value.literal.strip()
    return f"TRY_CAST({value.text} AS DOUBLE)"


def as_int(value: Sql) -> str:
    return value.text if value.kind == "int" else f"CAST(trunc({as_num(value)}) AS BIGINT)"


def as_time(value: Sql) -> str:
    """A TIMESTAMP from epoch seconds."""
    return value.text if value.kind == "time" else f"make_timestamp(CAST({as_num(value)} * 1000000 AS BIGINT))"


def as_bool(value: Sql) -> str:
    if value.kind in ("bool", "null"):
        return value.text
    return f"(lower({as_str(value)}) IN ('true', '1', 't'))"


def as_mv(value: Sql) -> str:
    """A list; NULL stays NULL."""
    if value.kind == "mv":
        return value.text
    return f"(CASE WHEN {value.text} IS NULL THEN NULL ELSE [{as_str(value)}] END)"


def convert(value: Sql, kind: Kind) -> str:
    """The value as another kind."""
    if value.kind == "null":
        return f"CAST(NULL AS {duckdb_type(kind)})"
    return {
        "str": as_str, "num": as_num, "int": as_int, "time": as_time, "bool": as_bool, "mv": as_mv, "null": as_str,
    }[kind](value)  # fmt: skip


def common_kind(values: list[Sql]) -> Kind:
    """The kind that holds all of them: their own, a number for numbers, else text."""
    kinds = {value.kind for value in values} - {"null"}
    if len(kinds) == 1:
        return next(iter(kinds))
    if "mv" in kinds:
        return "mv"
    if kinds and kinds <= {"int", "num", "time"}:
        return "num"
    return "str"
