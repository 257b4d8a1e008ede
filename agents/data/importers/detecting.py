"""What a file is, told by what is in it: its name alone decides only where its content can't."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agents.data.importers.data_models import models_in
from agents.data.importers.field_summary import is_field_summary, rows_of_csv, rows_of_json
from agents.data.importers.kusto import database_schema
from agents.data.importers.log_analytics import is_log_analytics
from agents.data.importers.row_files import is_row_file
from shared.catalog import Catalog
from shared.errors import InvalidInput

Kind = Literal["catalog", "sql", "kusto", "log_analytics", "field_summary", "conf", "data_model", "rows"]

KINDS = (
    "a catalog (YAML, JSON)",
    "SQL with CREATE TABLE",
    "Kusto's `.show database schema as json`",
    "the tables or metadata of Log Analytics (JSON)",
    "Splunk's fieldsummary (JSON, CSV), conf files and data models (JSON)",
    "rows (CSV, JSON-lines, Parquet)",
    "a folder of the last four",
)
SUFFIXES = (".yaml", ".yml", ".json", ".sql", ".conf")
"""Of files that are not told to be rows by their name."""
_LARGEST = 64 * 2**20  # bytes; JSON beyond that is rows
_FIRST = 64 * 2**10  # bytes of a CSV or JSON-lines file that are looked at


@dataclass(frozen=True)
class Found:
    """content: what was read to tell, where that is all of it: JSON, or the rows of a field summary."""

    path: Path
    kind: Kind
    content: Any = None


def detect(path: Path) -> Found | None:
    """None for what can't be imported. Raises InvalidInput for JSON that is none of the known shapes."""
    suffix = path.suffix.lower()
    if suffix in (".sql", ".conf"):
        return Found(path, "sql" if suffix == ".sql" else "conf")
    if suffix in (".yaml", ".yml", ".json"):
        return _document(path)
    if not is_row_file(path):
        return None
    if path.name.lower().removesuffix(".gz").endswith(".parquet"):
        return Found(path, "rows")
    return _text(path)


def _document(path: Path) -> Found:
    if path.suffix.lower() == ".json" and path.stat().st_size > _LARGEST:
        return Found(path, "rows")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return Found(path, "catalog")  # whose reader says what is wrong
    if not text.lstrip().startswith(("{", "[")):
        return Found(path, "catalog")
    try:
        return _json(path, json.loads(text))
    except RecursionError as error:
        raise InvalidInput(f"{path} is JSON that is nested too deeply") from error
    except json.JSONDecodeError:
        lines = _lines(text)
        return _rows(path, lines) if lines and path.suffix.lower() == ".json" else Found(path, "catalog")


def _json(path: Path, content: Any) -> Found:
    if database_schema(content):
        return Found(path, "kusto", content)
    if is_field_summary(rows := rows_of_json(content)):
        return Found(path, "field_summary", rows)
    if models_in(content):
        return Found(path, "data_model", content)
    if is_log_analytics(content):
        return Found(path, "log_analytics", content)
    if isinstance(content, dict) and content.keys() & Catalog.model_fields.keys():
        return Found(path, "catalog")
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return Found(path, "rows")
    raise InvalidInput(f"{path} is JSON of no kind that is known", suggestion=f"known: {', '.join(KINDS)}")


def _text(path: Path) -> Found:
    try:
        return _csv_or_lines(path)
    except (EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} can't be read: {error}") from error


def _csv_or_lines(path: Path) -> Found:
    """A field summary is short, and its first line tells it."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        start = file.read(_FIRST).decode("utf-8-sig", errors="replace")
    if not start.lstrip().startswith("{"):
        if not is_field_summary(rows_of_csv(start)):
            return Found(path, "rows")
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            return Found(path, "field_summary", rows_of_csv(str(file.read())))
    if not is_field_summary(rows_of_json(_lines(start.partition("\n")[0]))):
        return Found(path, "rows")
    with opened(path, "rt", encoding="utf-8-sig") as file:
        return _rows(path, _lines(str(file.read())))


def _rows(path: Path, lines: list[Any]) -> Found:
    rows = rows_of_json(lines)
    return Found(path, "field_summary", rows) if is_field_summary(rows) else Found(path, "rows")


def _lines(text: str) -> list[Any]:
    """The JSON of each line; nothing where one is not JSON."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (json.JSONDecodeError, RecursionError):
        return []
