"""Which way to a query is tried first, by chat model and platform: through SQL, or in the platform's own language.

Small models write SQL better than KQL or SPL, which a bigger one may not. `lexiquery eval SUITE --learn-routes` asks
the suite both ways and writes `routes.json`; in the data directory it is used. Without it, SQL comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, ValidationError

from shared.errors import InvalidInput
from shared.models import Model

Route: TypeAlias = Literal["sql", "direct"]
ROUTES: tuple[Route, ...] = ("sql", "direct")
FILE = "routes.json"
_AHEAD = 2  # answers that must be right beyond SQL's: one may be chance


class Tally(Model):
    """What one route came to on one platform's items whose answer is known to be right or wrong. prompt_tokens: a
    question; None where the server gave no count."""

    items: int = Field(ge=1)
    right: int
    prompt_tokens: float | None = None


class Routes(Model):
    """first: by platform, the route that is tried first with this model. measured: what that was learned from."""

    model: str
    suite: str
    made: str
    first: dict[str, Route]
    measured: dict[str, dict[Route, Tally]]


def learn(measured: Mapping[str, Mapping[Route, Tally]], *, model: str, suite: str, made: str) -> Routes:
    """The better route of each platform that was measured both ways; SQL where they are about as good."""
    both = {name: dict(one) for name, one in measured.items() if set(one) == set(ROUTES)}
    first: dict[str, Route] = {
        name: "direct" if one["direct"].right >= one["sql"].right + _AHEAD else "sql" for name, one in both.items()
    }
    return Routes(model=model, suite=suite, made=made, first=first, measured=both)


def first_route(platform: str, data_dir: Path, model: str) -> Route:
    """As the data directory's file has it for that model. Raises InvalidInput that names a file that is none."""
    path = data_dir / FILE
    if not path.is_file():
        return "sql"
    try:
        routes = Routes.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{path} is no list of routes: {error}", suggestion="remove it, or run lexiquery eval --learn-routes again"
        ) from error
    return routes.first.get(platform, "sql") if routes.model == model else "sql"
