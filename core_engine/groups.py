"""Schema groups changed while LexiQuery runs: whole, in parts, and by what users correct."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from pydantic import ValidationError

from agents.data.connectors.connections import Connections
from agents.data.importing import ImportReport, store_catalog
from agents.data.sandbox import Sandbox
from core_engine.proving import prove_query
from shared.catalog import Catalog, Catalogs, Directive, Example, GlossaryTerm
from shared.errors import InvalidInput, first_problem
from shared.models import Proof, QueryRequest

Part = Literal["tables", "glossary", "examples", "relationships"]


class Groups:
    """Every change is checked as an import is; examples that can't be proven are refused, with their proofs."""

    def __init__(self, catalogs: Catalogs, sandbox: Sandbox, connections: Connections) -> None:
        self._catalogs = catalogs
        self._sandbox = sandbox
        self._connections = connections
        self._changing = asyncio.Lock()  # of two changes at once to two parts of a group, both stay

    async def summaries(self) -> list[dict[str, Any]]:
        """The groups by name, each with its platform and number of tables."""
        return [
            {"schema_group": one.schema_group, "platform": one.platform, "tables": len(one.tables)}
            for one in await self._catalogs.all()
        ]

    async def get(self, group: str) -> dict[str, Any]:
        """The group as its catalog file. Raises NotFound."""
        return _as_file(await self._catalogs.get(group))

    async def put(self, group: str, catalog: Catalog) -> ImportReport:
        """Add the group or replace its catalog; its rows stay where they are. Raises InvalidInput."""
        if catalog.schema_group != group:
            raise InvalidInput(f"the catalog names group '{catalog.schema_group}', the address '{group}'")
        async with self._changing:
            return await self._store(catalog)

    async def put_part(self, group: str, part: Part, items: list[dict[str, Any]]) -> ImportReport:
        """Replace one part of the group's catalog. Raises NotFound, InvalidInput."""
        async with self._changing:
            return await self._store(_changed(await self.get(group), part, items))

    async def remove(self, group: str) -> None:
        """Remove the group with its rows and its connection. Raises NotFound."""
        async with self._changing:
            await self._catalogs.remove(group)
            await self._connections.remove(group)
            await asyncio.to_thread(self._sandbox.path(group).unlink, missing_ok=True)

    async def remove_part(self, group: str, part: Part) -> ImportReport:
        """Raises NotFound, and InvalidInput for the tables, without which there is no group."""
        if part == "tables":
            raise InvalidInput(
                f"schema group '{group}' can't be without tables", suggestion=f"DELETE /api/v1/catalog/{group}"
            )
        return await self.put_part(group, part, [])

    async def learn(self, request: QueryRequest, question: str) -> Proof:
        """Prove a query that a user gave for a question; a proven one becomes an example of the group.

        Raises NotFound, InvalidInput.
        """
        async with self._changing:
            proof = await prove_query(request, self._catalogs, self._sandbox)
            if proof.verdict == "proven":
                catalog = await self._catalogs.get(request.schema_group)
                example = Example(question=question, query=request.query, source="feedback")
                others = [one for one in catalog.examples if one.question != question]
                changed = [one.model_dump(mode="json") for one in (*others, example)]
                await self._catalogs.put(_changed(_as_file(catalog), "examples", changed))
        return proof

    async def put_runbooks(
        self, group: str, examples: list[Example], glossary: list[GlossaryTerm], directives: list[Directive]
    ) -> None:
        """Give the group what was proven and accepted of the runbooks, instead of what it had of them. All of it was
        checked before."""
        async with self._changing:
            catalog = await self._catalogs.get(group)
            changed = catalog.with_runbooks(examples, glossary, directives)
            if changed.version != catalog.version:
                await self._catalogs.put(changed)

    async def _store(self, catalog: Catalog) -> ImportReport:
        return await store_catalog(catalog, catalogs=self._catalogs, sandbox=self._sandbox)


def _as_file(catalog: Catalog) -> dict[str, Any]:
    return catalog.model_dump(mode="json", by_alias=True)


def _changed(catalog: dict[str, Any], part: Part, items: list[dict[str, Any]]) -> Catalog:
    try:
        return Catalog.model_validate({**catalog, part: items})
    except ValidationError as error:
        raise InvalidInput(first_problem(error)) from error
