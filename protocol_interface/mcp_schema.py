"""JSON schemas of tools, short: a client puts every tool's schema into its model's prompt."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_KEPT = ("type", "enum", "const", "minimum", "maximum")
_TEXTS = ("description", "default")


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The whole schema of a tool's arguments, without titles; refs are put in place."""
    schema = model.model_json_schema()
    short = _short(schema, schema.get("$defs", {}), depth=4, kept=_KEPT + _TEXTS, optional=True)
    return {**short, "additionalProperties": False, "required": schema.get("required", [])}


def output_schema(model: type[BaseModel], depth: int = 2) -> dict[str, Any]:
    """True but brief: `depth` objects deep, no descriptions, below the top only the fields that are always there.

    What lies deeper is only `object`.
    """
    schema = model.model_json_schema(mode="serialization")
    short = _short(schema, schema.get("$defs", {}), depth=depth, kept=_KEPT, optional=True)
    return {**short, "required": schema.get("required", [])}


def _short(
    schema: dict[str, Any], defs: dict[str, Any], depth: int, kept: tuple[str, ...], optional: bool = False
) -> dict[str, Any]:
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[-1]]
    texts = {key: schema[key] for key in _TEXTS if key in schema and key in kept}
    if "anyOf" in schema:
        return {**_union([_short(arm, defs, depth, kept) for arm in schema["anyOf"]]), **texts}
    short = {key: schema[key] for key in kept if key in schema}
    if depth and "properties" in schema:
        names = schema["properties"] if optional else schema.get("required", [])
        if names:
            short["properties"] = {name: _short(schema["properties"][name], defs, depth - 1, kept) for name in names}
    if isinstance(schema.get("items"), dict):
        items = _short(schema["items"], defs, depth, kept)
        if items != {"type": "object"}:  # which says nothing that a client could use
            short["items"] = items
    return short


def _union(arms: list[dict[str, Any]]) -> dict[str, Any]:
    """`X | None` as X whose type may also be null."""
    rest = [arm for arm in arms if arm != {"type": "null"}]
    if len(rest) == 1 and len(arms) == 2 and isinstance(rest[0].get("type"), str) and "enum" not in rest[0]:
        return {**rest[0], "type": [rest[0]["type"], "null"]}
    return {"anyOf": arms}
