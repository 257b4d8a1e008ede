"""A skill's input as its type."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from shared.errors import InvalidInput
from shared.models import Model

M = TypeVar("M", bound=Model)


def parsed(model: type[M], request: dict[str, Any]) -> M:
    """Raises InvalidInput naming the first field that is wrong."""
    try:
        return model.model_validate(request)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "input"
        raise InvalidInput(f"{place}: {first['msg']}") from error
