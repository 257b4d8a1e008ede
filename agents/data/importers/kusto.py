"""A Kusto database's schema as JSON (`.show database schema as json`), as a KQL catalog.

The JSON itself, or an answer of the query API (v1, v2, or a client's rows) that holds it as the text of a cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from agents.data.importers.read import Read, dicts, group_of, left_out, text_of
from agents.data.kql.rewriting.edits import text_literal
from agents.data.kql.types import kusto_type
from shared.catalog import Catalog, Column, FunctionParameter, Table, UserFunction
from shared.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z_]\w*")
_DEEPEST = 8


def database_schema(content: Any, depth: int = 0) -> dict[str, Any] | None:
    """The object with `Databases`, wherever it is in an API's answer; None where there is none."""
    if isinstance(content, dict) and isinstance(content.get("Databases"), dict):
        return content
    if isinstance(content, str) and content.lstrip().startswith("{") and '"Databases"' in content:
        try:
            return database_schema(json.loads(content), depth + 1)
        except json.JSONDecodeError:
            return None
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    found = (database_schema(item, depth + 1) for item in inner) if depth < _DEEPEST else iter(())
    return next((schema for schema in found if schema), None)


def read_kusto(content: Any, where: str, group: str | None) -> Read:
    """Tables, materialized views, and functions with their bodies. A schema of several databases is read by the one
    that `group` names. Raises InvalidInput."""
    schema = database_schema(content)
    if schema is None:
        raise InvalidInput(f"{where} holds no schema of a Kusto database")
    name, database = _database(schema["Databases"], where, group)
    sources = [*dicts(database.get("Tables")), *dicts(database.get("MaterializedViews"))]
    tables = [table for source in sources if (table := _table(source))]
    if not tables:
        raise InvalidInput(f"{where}: the database '{name}' has no table")
    declared = dicts(database.get("Functions"))
    functions = [function for one in declared if (function := _function(one))]
    known = {function.name for function in functions}
    notes = [
        *left_out("external tables are", [text_of(one.get("Name")) for one in dicts(database.get("ExternalTables"))]),
        *left_out("tables without columns are", [text_of(one.get("Name")) for one in sources if not _table(one)]),
        *left_out(
            "functions are", [text_of(one.get("Name")) for one in declared if text_of(one.get("Name")) not in known]
        ),
    ]
    catalog = Catalog(
        schema_group=group_of(where, group or (name if _NAME.fullmatch(name) else None)),
        platform="kql",
        tables=tables,
        functions=functions,
    )
    return Read(catalog, notes)


def _database(databases: dict[str, Any], where: str, group: str | None) -> tuple[str, dict[str, Any]]:
    names = [name for name, one in databases.items() if isinstance(one, dict)]
    wanted = [name for name in names if name.lower() == (group or "").lower()] or names
    if len(wanted) != 1:
        listed = ", ".join(sorted(names)) or "none"
        raise InvalidInput(
            f"{where} holds {len(names)} databases, and a schema group is one: {listed}",
            suggestion="name it with --group",
        )
    return wanted[0], databases[wanted[0]]


def _table(source: dict[str, Any]) -> Table | None:
    columns = list(_columns(source.get("OrderedColumns")))
    name = text_of(source.get("Name"))
    return Table(name=name, description=text_of(source.get("DocString")), columns=columns) if name and columns else None


def _columns(found: Any) -> Iterator[Column]:
    for one in dicts(found):
        if name := text_of(one.get("Name")):
            yield Column(name=name, type=_type(one), description=text_of(one.get("DocString")))


def _type(one: dict[str, Any]) -> str:
    """Kusto's word for it; one that is not known stays, and the import says where it is."""
    written = text_of(one.get("CslType")) or text_of(one.get("Type")) or "string"
    try:
        return kusto_type(written)
    except InvalidInput:
        return written


def _function(source: dict[str, Any]) -> UserFunction | None:
    name, body = text_of(source.get("Name")), text_of(source.get("Body"))
    returns = list(_columns(source.get("OutputColumns")))
    if not _NAME.fullmatch(name) or not (body or returns):
        return None
    parameters = [_parameter(one) for one in dicts(source.get("InputParameters"))]
    description = text_of(source.get("DocString"))
    return UserFunction(
        name=name, description=description, parameters=parameters, body=body, returns="" if body else returns
    )


def _parameter(source: dict[str, Any]) -> FunctionParameter:
    name = text_of(source.get("Name"))
    if "Columns" in source and not source.get("CslType"):
        columns = ", ".join(f"{column.name}: {column.type}" for column in _columns(source["Columns"]))
        return FunctionParameter(name=name, type=f"({columns or '*'})")
    default = source.get("CslDefaultValue")
    kind = _type(source)
    if isinstance(default, str) and kind == "string" and not default.lstrip("hH@").startswith(("'", '"')):
        default = text_literal(default)
    return FunctionParameter(name=name, type=kind, default=default if isinstance(default, str) else None)
