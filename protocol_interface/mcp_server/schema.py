"""JSON schemas of tools, short: a client puts every tool's schema into its model's prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

_KEPT_OF_ARGUMENTS = ("type", "items", "enum", "minimum", "maximum", "description", "default")


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Of a tool's arguments, which are plain values or lists of them, without titles. That an argument that may be
    left out may also be null is not said."""
    schema = model.model_json_schema()
    properties = {name: _argument(one) for name, one in schema.get("properties", {}).items()}
    required = {"required": schema["required"]} if schema.get("required") else {}
    return {"type": "object", "properties": properties, **required, "additionalProperties": False}


def output_schema(model: type[BaseModel], shown: Sequence[str] = ()) -> dict[str, Any]:
    """True but brief: the fields' names and types, nothing of what lies deeper. shown: these fields; those that are
    always there, if not said."""
    schema = model.model_json_schema(mode="serialization")
    defs, required = schema.get("$defs", {}), schema.get("required", [])
    names = shown or required
    properties = {name: _field(schema["properties"][name], defs) for name in names}
    return {"type": "object", "properties": properties, "required": [name for name in names if name in required]}


def _argument(schema: dict[str, Any]) -> dict[str, Any]:
    value = next(arm for arm in schema.get("anyOf", [schema]) if arm.get("type") != "null")
    said = {**value, **schema}
    return {key: said[key] for key in _KEPT_OF_ARGUMENTS if said.get(key) is not None}


def _field(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """`{"type": "string"}`, `{"type": ["object", "null"]}`; nothing for a value of any type."""
    arms = [defs[arm["$ref"].rsplit("/", 1)[-1]] if "$ref" in arm else arm for arm in schema.get("anyOf", [schema])]
    types = list(dict.fromkeys(arm["type"] for arm in arms if "type" in arm))
    enum = {"enum": arms[0]["enum"]} if len(arms) == 1 and "enum" in arms[0] else {}
    return ({"type": types[0] if len(types) == 1 else types} if types else {}) | enum
