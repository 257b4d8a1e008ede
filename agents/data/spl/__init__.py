"""SPL, Splunk's search language: its own grammar, binder, safety and translation, and the platform made of them."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from agents.data.plan.model import QueryPlan
from agents.data.platform import Ask, NotExecutable, Platform, Stage
from agents.data.spl.ast import Pipeline
from agents.data.spl.check import Parsed, check_spl, known_macros
from agents.data.spl.idioms import idioms
from agents.data.spl.source import Macro
from agents.data.spl.sources import tables_read
from agents.data.spl.stages import stages
from agents.data.spl.transpile import to_duckdb
from agents.data.spl.transpile.types import column_type
from shared.catalog import Catalog, Table
from shared.models import Check, Proof

__all__ = ["Macro", "Parsed", "Spl", "check_spl"]

_KEPT = 64


@lru_cache(maxsize=_KEPT)
def _read(query: str, macros: tuple[tuple[str, Macro], ...]) -> Parsed:
    """The checks of one proof read the same text."""
    return Parsed(query, dict(macros))


def _parsed(query: str, catalog: Catalog) -> Parsed:
    return _read(query, tuple(known_macros(catalog).items()))


def _pipeline(query: str, catalog: Catalog) -> Pipeline:
    pipeline = _parsed(query, catalog).pipeline
    if pipeline is None:
        raise NotExecutable("the search does not parse")
    return pipeline


class Spl(Platform):
    name: ClassVar[str] = "spl"
    bind_is_final = True
    language: ClassVar[str] = "SPL (Splunk)"
    description: ClassVar[str] = "Searches Splunk indexes and lookups with SPL"
    dialect_notes: ClassVar[str] = """\
Start with index=NAME and filters, then pipe: index=web status>=500 earliest=-24h | stats count by host
A search that starts with a command needs a pipe: | inputlookup hosts
search: AND is implied, OR and NOT in capitals, * is a wildcard, values ignore case: user=adm* NOT host IN (a, b)
where and eval: text in "double quotes", odd field names in 'single quotes', case counts, . joins text, like(x, "a%")
stats, chart and timechart keep only their results and by fields: compute or filter other fields before them
Conditional counts: stats count(eval(status>=500)) as errors, dc(user) as users by host
Time: _time is the event's time; earliest=-7d@d latest=@d; bin _time span=1h; timechart span=1h count by host
Sort descending with - : | sort - count | head 10. Top values: | top limit=5 uri
There is no SELECT, FROM, HAVING, LIMIT or GROUP BY."""

    def parse(self, query: str, catalog: Catalog) -> Check:
        return _parsed(query, catalog).parse()

    def bind(self, query: str, catalog: Catalog) -> Check:
        return _parsed(query, catalog).bind(catalog)

    def safety(self, query: str, catalog: Catalog) -> Check:
        return _parsed(query, catalog).safety(catalog)

    def to_duckdb(self, query: str, catalog: Catalog) -> str:
        return to_duckdb(_pipeline(query, catalog), catalog)

    def to_duckdb_over_rows(self, query: str, catalog: Catalog, ask: Ask) -> str:
        return to_duckdb(_pipeline(query, catalog), catalog, ask)

    def stages(self, query: str, catalog: Catalog) -> list[Stage]:
        parsed = _parsed(query, catalog)
        return stages(parsed.source.text, parsed.pipeline) if parsed.pipeline else []

    def idioms(self, query: str, proof: Proof, catalog: Catalog) -> tuple[str, list[str]]:
        return idioms(query, proof, _parsed(query, catalog), catalog)

    def duckdb_type(self, type_name: str) -> str:
        return column_type(type_name)

    def tables_of(self, query: str, catalog: Catalog) -> list[Table]:
        pipeline = _parsed(query, catalog).pipeline
        return tables_read(pipeline, catalog) if pipeline else []

    def read_plan(self, query: str, catalog: Catalog) -> QueryPlan:
        from agents.data.plan.read_spl import read_spl

        return read_spl(query, catalog)

    def write_plan(self, plan: QueryPlan, catalog: Catalog) -> str:
        from agents.data.plan.to_spl import to_spl

        return to_spl(plan, catalog)
