"""A table as a client reads it."""

from __future__ import annotations

from shared.catalog import Catalog, Column, Relationship
from shared.errors import NotFound
from shared.models import Model


class DescribedTable(Model):
    """relationships: those that it has a part in."""

    schema_group: str
    platform: str
    name: str
    kind: str
    description: str
    columns: list[Column]
    relationships: list[Relationship]

    def render(self) -> str:
        """For people and models: a line for the table, one for each column and relationship."""
        about = f": {self.description}" if self.description else ""
        lines = [f"{self.name} ({self.kind} of {self.schema_group}, {self.platform}){about}"]
        lines += [f"  {column.render()}" for column in self.columns]
        return "\n".join([*lines, *(f"  {one.from_} = {one.to}" for one in self.relationships)])


def describe(catalog: Catalog, name: str) -> DescribedTable:
    """Raises NotFound with the nearest name."""
    table = catalog.find(name)
    if table is None:
        raise NotFound.named("table", name, catalog.by_name)
    ends = f"{table.name}."
    return DescribedTable(
        schema_group=catalog.schema_group,
        platform=catalog.platform,
        name=table.name,
        kind=table.kind,
        description=table.description,
        columns=table.columns,
        relationships=[one for one in catalog.relationships if one.from_.startswith(ends) or one.to.startswith(ends)],
    )
