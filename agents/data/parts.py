"""Parts of the derivation that an evaluation can leave out, to see what each brings (setting `without`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.catalog import Catalog, Catalogs
from shared.errors import InvalidInput, did_you_mean


class Part(StrEnum):
    """What a part does; without it the derivation goes on as if it had never been written."""

    EXAMPLES = "examples"  # solved questions, for linking, for the prompt and as answers
    LINKING = "linking"  # without it the five tables nearest by BM25 are offered
    VALUES = "values"  # known values and glossary terms that the question mentions
    ROUTE_SQL = "route_sql"  # KQL and SPL through SQL and a plan
    ROUTES = "routes"  # the route that was learned for the model; without it SQL comes first
    SNAP = "snap"  # mending a rejected query by code
    MODEL_REPAIR = "model_repair"  # mending it by the model
    OUTLINE = "outline"  # a form filled in by the model where its queries can't be proven
    ACCOUNT = "account"  # question against query
    KNOWLEDGE = "knowledge"  # all that comes from runbooks: passages, hints, their queries as examples, accepted terms


def read_parts(names: Iterable[str]) -> frozenset[Part]:
    """Raises InvalidInput for what is no part, naming the nearest."""
    known = [str(part) for part in Part]
    found = list(names)
    for name in found:
        if name not in known:
            raise InvalidInput(f"'{name}' is no part of the derivation", suggestion=did_you_mean(name, known))
    return frozenset(Part(name) for name in found)


class Reduced(Catalogs):
    """The catalogs as if no question had been solved, or no runbook been read."""

    def __init__(self, engine: AsyncEngine, parts: Collection[Part]) -> None:
        super().__init__(engine)
        self._parts = parts
        self._bare: dict[str, Catalog] = {}

    async def all(self, platform: str | None = None) -> list[Catalog]:
        return [self._without(catalog) for catalog in await super().all(platform)]

    async def get(self, group: str, platforms: Collection[str] = ()) -> Catalog:
        return self._without(await super().get(group, platforms))

    def _without(self, catalog: Catalog) -> Catalog:
        if catalog.version not in self._bare:
            bare = catalog.as_imported if Part.KNOWLEDGE in self._parts else catalog
            none: dict[str, Any] = {"examples": []} if Part.EXAMPLES in self._parts else {}
            self._bare[catalog.version] = Catalog.model_validate(bare.model_dump(by_alias=True) | none)
        return self._bare[catalog.version]


def catalogs_without(without: Iterable[str], catalogs: Catalogs, engine: AsyncEngine) -> Catalogs:
    """What a data agent sees of the catalogs. Raises InvalidInput for what is no part."""
    parts = read_parts(without) & {Part.EXAMPLES, Part.KNOWLEDGE}
    return Reduced(engine, parts) if parts else catalogs
