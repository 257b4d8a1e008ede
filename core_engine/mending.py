"""What a request that can't be used would have to say instead: the nearest thing that its route takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import isclass
from typing import Any, get_args

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from shared.errors import InvalidInput, did_you_mean

_AS_JSON = "send a JSON object, with the header Content-Type: application/json"
_NO_OBJECT = ("missing", "model_attributes_type", "model_type", "dict_type")
_QUOTED = re.compile(r"'([^']*)'")


def suggestion_for(problem: Mapping[str, Any], route: object) -> str | None:
    """problem: one of pydantic's errors, with its place from `body`, `query` or `path` on; None where its message says
    it all."""
    kind, place = problem["type"], problem["loc"]
    if kind == "json_invalid" or (place == ("body",) and kind in _NO_OBJECT):
        return _AS_JSON
    if kind in ("literal_error", "enum"):
        return did_you_mean(str(problem["input"]), _QUOTED.findall(problem["ctx"]["expected"]))
    if kind in ("extra_forbidden", "missing") and isinstance(route, APIRoute):
        known = _fields(route, place)
        return did_you_mean(str(place[-1]), known) if kind == "extra_forbidden" else f"it takes {', '.join(known)}"
    return None


async def known_parameters_only(request: Request) -> None:
    """What every route of a router depends on: raises InvalidInput for a query parameter that the route does not take,
    which it would ignore. Of other than an APIRoute every parameter may be meant."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _fields(route, ("query", ""))
    for name in request.query_params:
        if name not in known:
            takes = did_you_mean(name, known) or (f"it takes {', '.join(known)}" if known else "it takes none")
            raise InvalidInput(f"unknown query parameter '{name}'", suggestion=takes)


def _fields(route: APIRoute, place: tuple[int | str, ...]) -> list[str]:
    """The names that may stand beside that of a place."""
    body = [route.body_field] if route.body_field else []
    found: dict[str, Any] = {}
    for one in body if place[0] == "body" else _queried(route.dependant):
        model = _model(one.field_info.annotation)
        found |= _of(model) if model else {one.alias: one.field_info.annotation}
    for part in place[1:-1]:
        if isinstance(part, str):
            model = _model(found.get(part))
            found = _of(model) if model else {}
    return list(found)


def _queried(dependant: Dependant) -> list[Any]:
    """The query parameters of a route, and of what it depends on."""
    return [*dependant.query_params, *(one for below in dependant.dependencies for one in _queried(below))]


def _of(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model that a value is, or holds."""
    arms: Iterable[Any] = [annotation, *get_args(annotation)]
    return next((arm for arm in arms if isclass(arm) and issubclass(arm, BaseModel)), None)
