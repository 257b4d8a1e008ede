"""A Log Analytics workspace's tables, as a KQL catalog: what the management API lists (`Tables - List`), or what the
query API says of a workspace (`GET /v1/workspaces/{id}/metadata`), which has its functions too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agents.data.importers.read import Read, dicts, group_of, left_out, text_of
from agents.data.kql.tokens import tokens
from agents.data.kql.types import kusto_type
from shared.catalog import Catalog, Column, FunctionParameter, Table, UserFunction
from shared.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z_]\w*")
_GROUP = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def is_log_analytics(content: Any) -> bool:
    """Whether JSON has the shape of either answer."""
    if not isinstance(content, dict):
        return False
    return any(_schema(one) for one in dicts(content.get("value"))) or (
        "schema_group" not in content and any(dicts(one.get("columns")) for one in dicts(content.get("tables")))
    )


def read_log_analytics(content: dict[str, Any], where: str, group: str | None) -> Read:
    """Raises InvalidInput where no table has columns."""
    listed = "value" in content
    found = [_schema(one) or one for one in dicts(content.get("value"))] if listed else dicts(content.get("tables"))
    tables = [table for one in found if (table := _table(one))]
    if not tables:
        raise InvalidInput(f"{where} lists no table with columns")
    declared = dicts(content.get("functions"))
    functions = [function for one in declared if (function := _function(one))]
    known = {function.name for function in functions}
    notes = [
        *left_out("tables without columns are", [text_of(one.get("name")) for one in found if not _table(one)]),
        *left_out(
            "functions are", [text_of(one.get("name")) for one in declared if text_of(one.get("name")) not in known]
        ),
    ]
    if text_of(content.get("nextLink")):
        notes.append("the list of tables goes on at its nextLink, which is not read")
    named = [text_of(one.get("name")) for one in dicts(content.get("workspaces"))]
    own = named[0] if len(named) == 1 and _GROUP.fullmatch(named[0]) else None
    catalog = Catalog(schema_group=group_of(where, group or own), platform="kql", tables=tables, functions=functions)
    return Read(catalog, notes)


def _schema(listed: dict[str, Any]) -> dict[str, Any] | None:
    """What `Tables - List` has below properties.schema, with the table's name."""
    properties = listed.get("properties")
    schema = properties.get("schema") if isinstance(properties, dict) else None
    return {**schema, "name": schema.get("name") or listed.get("name")} if isinstance(schema, dict) else None


def _table(source: dict[str, Any]) -> Table | None:
    """Its own columns, then those that every table has; of one name the first."""
    columns: dict[str, Column] = {}
    for one in (*dicts(source.get("columns")), *dicts(source.get("standardColumns"))):
        if name := text_of(one.get("name")):
            columns.setdefault(name.lower(), Column(name=name, type=_type(one), description=_about(one)))
    name = text_of(source.get("name"))
    return Table(name=name, description=_about(source), columns=list(columns.values())) if name and columns else None


def _about(source: dict[str, Any]) -> str:
    return text_of(source.get("description"))


def _type(source: dict[str, Any]) -> str:
    written = text_of(source.get("type")) or "string"
    try:
        return kusto_type(written)
    except InvalidInput:
        return written


def _function(source: dict[str, Any]) -> UserFunction | None:
    name, body = text_of(source.get("name")), text_of(source.get("body"))
    if not _NAME.fullmatch(name) or not body:
        return None
    parameters = list(_parameters(text_of(source.get("parameters"))))
    description = _about(source) or text_of(source.get("displayName"))
    return UserFunction(name=name, description=description, parameters=parameters, body=body)


def _parameters(text: str) -> Iterator[FunctionParameter]:
    """`T:(*), since:datetime = ago(1d), name:string = 'a, b'`."""
    for part in _parts(text):
        declared, _, default = _split(part, "=")
        name, _, kind = declared.partition(":")
        given = default.strip() or None
        yield FunctionParameter(name=name.strip().strip("[]'\""), type=kind.strip() or "string", default=given)


def _parts(text: str) -> Iterator[str]:
    """Split at the commas that stand in no bracket and no string."""
    while text.strip():
        part, _, text = _split(text, ",")
        yield part


def _split(text: str, mark: str) -> tuple[str, str, str]:
    depth = 0
    for _, token, at in tokens(text):
        depth += (token in _OPENING) - (token in _CLOSING)
        if token == mark and not depth:
            return text[:at], mark, text[at + 1 :]
    return text, "", ""
