"""The SQL being built: a chain of common table expressions, one a step, and what is known of the last one's rows."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from agents.data.platform import Ask, NotExecutable
from agents.data.spl.ast import Pipeline, Subsearch
from agents.data.spl.transpile.times import Span, clock
from agents.data.spl.transpile.values import Kind, Sql, quote
from shared.catalog import Catalog

# The hidden column that keeps rows in SPL's order once the fields that gave it are gone.
ORDER = "#"
_LONGEST = 1_000_000


@dataclass(frozen=True)
class Relation:
    """name: of its CTE; columns: visible fields in order; order: SQL that orders the rows, if anything does.

    pinned: it has the hidden column; open: on other rows it could have more columns (a chart's): one that is not here
    is null; low, high: the time range asked for; span: of `_time`, after bin.
    """

    name: str
    columns: dict[str, Kind]
    order: str | None = None
    pinned: bool = False
    open: bool = False
    low: str | None = None
    high: str | None = None
    span: Span | None = None

    def get(self, name: str) -> Sql | None:
        """The field as SQL; None if it does not exist."""
        if name in self.columns:
            return Sql(quote(name), self.columns[name])
        return Sql("CAST(NULL AS DOUBLE)", "num") if self.open else None


Run = Callable[[Pipeline, Relation | None], Relation]


def _unset(pipeline: Pipeline, relation: Relation | None) -> Relation:
    raise AssertionError("a translation is run by to_duckdb")


class Translation:
    """ctes: (name, SQL) in order. now: a TIMESTAMP; run: translates a pipeline, over rows or from its own start; ask:
    None where there are no rows to ask."""

    def __init__(self, catalog: Catalog, ask: Ask | None = None) -> None:
        self.catalog, self.ask = catalog, ask
        self.now = clock(catalog)
        self.ctes: list[tuple[str, str]] = []
        self.run: Run = _unset
        self._length = 0

    def subsearch(self, node: Subsearch) -> Relation:
        return self.run(node.pipeline, None)

    def asked(self, select: str) -> list[str]:
        """The first column of a SELECT over the steps so far. Raises NotExecutable where there are no rows to ask."""
        if self.ask is None:
            raise NotExecutable("the columns depend on the rows")
        return self.ask(self.with_steps(select))

    def add(self, sql: str) -> str:
        """Append a step; its name."""
        self._length += len(sql)
        if self._length > _LONGEST:
            raise NotExecutable(f"the search's translation has more than {_LONGEST:,} characters")
        name = f"s{len(self.ctes)}"
        self.ctes.append((name, sql))
        return name

    def step(self, relation: Relation, sql: str, columns: dict[str, Kind] | None = None) -> Relation:
        """The relation after a step that keeps the rows' order column, if any."""
        kept = relation.columns if columns is None else columns
        _no_twins(kept)
        return replace(relation, name=self.add(sql), columns=kept)

    def with_columns(self, relation: Relation, changes: dict[str, Sql]) -> Relation:
        """Set fields: existing ones in place, new ones at the end."""
        if any(f'"{name}"' in (relation.order or "") for name in changes):
            relation = self.pin(relation)
        old = [f"{sql.text} AS {quote(name)}" for name, sql in changes.items() if name in relation.columns]
        new = [f"{sql.text} AS {quote(name)}" for name, sql in changes.items() if name not in relation.columns]
        star = f"* REPLACE ({', '.join(old)})" if old else "*"
        columns = {**relation.columns, **{name: known(sql.kind) for name, sql in changes.items()}}
        return self.step(relation, f"SELECT {', '.join([star, *new])} FROM {relation.name}", columns)

    def pin(self, relation: Relation) -> Relation:
        """Number the rows in their order, so that the order survives whatever happens to the fields."""
        if relation.pinned:
            return relation
        window = f"ORDER BY {relation.order}" if relation.order else ""
        sql = f"SELECT *, row_number() OVER ({window}) AS {quote(ORDER)} FROM {relation.name}"
        return replace(relation, name=self.add(sql), pinned=True, order=quote(ORDER))

    def project(self, relation: Relation, columns: Iterable[str]) -> Relation:
        """Only these fields, in this order."""
        names = list(dict.fromkeys(columns))
        lost = [name for name in relation.columns if name not in names]
        if any(f'"{name}"' in (relation.order or "") for name in lost):
            relation = self.pin(relation)
        kept = {name: relation.columns.get(name, "num") for name in names}
        hidden = [quote(ORDER)] if relation.pinned else []
        items = ", ".join([*map(quote, names), *hidden]) or "NULL AS nothing"
        return self.step(relation, f"SELECT {items} FROM {relation.name}", kept)

    def fresh(self, sql: str, columns: dict[str, Kind], order: str | None = None, *, open: bool = False) -> Relation:
        """A relation of new rows, such as stats makes."""
        _no_twins(columns)
        return Relation(self.add(sql), columns, order, open=open)

    def finish(self, relation: Relation) -> str:
        """One SELECT: the visible fields, in the rows' order."""
        items = ", ".join(map(quote, relation.columns)) or "NULL AS nothing"
        order = f" ORDER BY {relation.order}" if relation.order else ""
        return self.with_steps(f"SELECT {items} FROM {relation.name}{order}")

    def with_steps(self, select: str) -> str:
        """The statement with all steps so far before it."""
        steps = ",\n".join(f"{name} AS ({sql})" for name, sql in self.ctes)
        return f"WITH {steps}\n{select}"


def known(kind: Kind) -> Kind:
    return "str" if kind == "null" else kind


def _no_twins(columns: dict[str, Kind]) -> None:
    """DuckDB's names ignore case, SPL's don't."""
    seen: dict[str, str] = {}
    for name in columns:
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise NotExecutable(f"fields '{other}' and '{name}' differ only in case")
