"""Rows into the Parquet files that the catalogs name, with the catalogs' columns and types."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import yaml

Row = dict[str, Any]
Columns = dict[str, str]

# Parquet's type of a catalog type: dynamic values are JSON text. SQL types are what they say.
_TYPES = {
    "kql": {
        "string": "VARCHAR", "datetime": "TIMESTAMP", "long": "BIGINT", "int": "INTEGER", "real": "DOUBLE",
        "bool": "BOOLEAN", "dynamic": "VARCHAR",
    },
    "spl": {"string": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE"},
}  # fmt: skip
_NULL = "\\N"


def read_columns(catalog: Path) -> dict[str, Columns]:
    """Table → column → DuckDB type, as the catalog file says."""
    content = yaml.load(catalog.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    types = _TYPES.get(content["platform"], {})
    return {
        table["name"]: {column["name"]: types.get(column["type"], column["type"]) for column in table["columns"]}
        for table in content["tables"]
    }


def write_rows(path: Path, columns: Columns, rows: Iterable[Row]) -> int:
    """Write the rows as Parquet, in their order; a column that a row lacks is null. Returns how many.

    Raises ValueError when a row has a column that the catalog has not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.with_suffix(".csv")
    try:
        count = _write_csv(text, columns, rows)
        _to_parquet(text, path, columns)
    finally:
        text.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, columns: Columns, rows: Iterable[Row]) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for row in rows:
            if unknown := row.keys() - columns.keys():
                raise ValueError(f"{path.stem} has no column {sorted(unknown)} in its catalog")
            values = [row.get(name) for name in columns]
            writer.writerow([_NULL if value is None else value for value in values])
            count += 1
    return count


def _to_parquet(text: Path, path: Path, columns: Columns) -> None:
    new = path.with_suffix(".new")
    with duckdb.connect(config={"threads": "1"}) as connection:
        rows = connection.read_csv(
            str(text), header=False, columns=columns, na_values=_NULL, quotechar='"', escapechar='"', delimiter=","
        )
        rows.write_parquet(str(new), compression="zstd")
    new.replace(path)
