"""`python -m core_engine.evaluation.fitting`: whether gold queries keep their rows when they are made to fit.

Gold queries fit their questions already, so every change of their rows is harm. On the seed's questions, and on the dev
halves of Defog and NL2KQL where LEXIQUERY_PUBLIC_DATA has them; KQL and SPL as SQL, where SQL can say them. No model is
involved; rows are kept in DATA_DIR/measuring.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from agents.data.accounting import account
from agents.data.comparing import same_rows
from agents.data.derive import Brief
from agents.data.entities import read_entities
from agents.data.fitting import fit
from agents.data.fitting.values import Values
from agents.data.keys import inferred_relationships
from agents.data.linking import Linked
from agents.data.phrases import Phrases
from agents.data.plan.model import Unsayable
from agents.data.plan.to_sql import to_sql
from agents.data.platform import load_platform
from agents.data.proof import run_proven
from agents.data.repair import Mended
from agents.data.samples import sample_values
from agents.data.sandbox import Sandbox
from agents.data.through_sql import ThroughSql
from agents.data.times import read_times
from core_engine.evaluation.named import open_suite, prepare
from core_engine.evaluation.public_sets import seed_sandbox
from core_engine.evaluation.suite import Item, read_suite
from core_engine.state import open_state
from data.seed.generate import HERE
from shared.catalog import Catalog, read_catalog
from shared.errors import LexiQueryError, NotFound
from shared.models import Model, Rows
from shared.settings import Settings

_ROWS = 1000  # of a result that are compared


class Harm(Model):
    """Of one gold query: the notes of what was changed, and the two queries."""

    id: str
    notes: list[str]
    gold: str
    fitted: str


class Harmless(Model):
    """queries: gold queries that run; changed: those whose text was; harmed: those whose rows were, too."""

    queries: int
    changed: int
    harmed: list[Harm]


class Group:
    """One group's rows, values and relationships, with which queries are fitted as for an answer: those of KQL and SPL
    as SQL.

    examples: whether the group's solved questions were shown, all but the very question.
    """

    def __init__(self, catalog: Catalog, sandbox: Sandbox, *, examples: bool) -> None:
        self._catalog = catalog
        self._sandbox = sandbox
        self._platform = load_platform(catalog.platform)
        self._through = ThroughSql(self._platform) if self._platform.name != "sql" else None
        self._phrases = Phrases(catalog, sample_values(catalog, sandbox))
        self._relationships = [*catalog.relationships, *inferred_relationships(catalog, sandbox)]
        self._examples = catalog.examples if examples else []

    def fitted(self, question: str, query: str) -> Mended:
        """The query made to fit the question, as a data agent does it; the same where SQL can't say it. Blocks."""
        through, linked = self._through, self._linked(question, self._catalog)
        if through is None:
            return self._fit(question, query, linked, whole_rows=False)
        brief = Brief(question, linked, [], [])
        try:
            in_sql = self._linked(question, through.catalog(self._catalog))
            written = to_sql(self._platform.read_plan(query, self._catalog), in_sql.catalog, familiar=True)
            fitted = self._fit(question, written, in_sql, whole_rows=True)
            return Mended(through.query(fitted.query, brief), fitted.notes)
        except Unsayable:
            return Mended(query)

    def _linked(self, question: str, catalog: Catalog) -> Linked:
        return Linked(
            catalog=catalog,
            links=[],
            mentions=self._phrases.mentions(question),
            times=read_times(question, catalog.clock or datetime.now(UTC)),
            entities=read_entities(question),
            relationships=self._relationships,
        )

    def _fit(self, question: str, query: str, linked: Linked, *, whole_rows: bool) -> Mended:
        platform = load_platform("sql")
        tables = platform.tables_of(query, linked.catalog)
        return fit(
            query,
            question,
            linked,
            account(question, query, tables, linked),
            tables,
            examples=[one for one in self._examples if one.question != question],
            values=Values(platform, linked.catalog, self._sandbox),
            whole_rows=whole_rows,
        )

    def rows(self, query: str) -> Rows | None:
        """The whole result; None where it does not run, or is too long to compare."""
        try:
            rows = run_proven(self._platform, query, self._catalog, self._sandbox, _ROWS)
        except LexiQueryError:
            return None
        return None if rows.truncated else rows


def measure(items: Sequence[Item], groups: Mapping[str, Group]) -> Harmless:
    """Every accepted query of items about the groups. Blocks."""
    queries, changed, harmed = 0, 0, []
    for item in items:
        group = groups[item.schema_group]
        for gold in item.accepted:
            rows = group.rows(gold)
            if rows is None:
                continue
            queries += 1
            fitted = group.fitted(item.question, gold)
            changed += bool(fitted.notes)
            after = group.rows(fitted.query) if fitted.notes else rows
            if after is None or not same_rows(rows, after, order_matters=item.order_matters):
                harmed.append(Harm(id=item.id, notes=fitted.notes, gold=gold, fitted=fitted.query))
    return Harmless(queries=queries, changed=changed, harmed=harmed)


def measure_seed(settings: Settings) -> Harmless:
    """The seed's questions, with the examples of their groups."""
    sandbox = seed_sandbox(settings.data_dir / "measuring")
    items = read_suite(HERE / "questions.jsonl")
    catalogs = [read_catalog(HERE / name / "catalog.yaml") for name in {item.schema_group for item in items}]
    found = measure(items, {one.schema_group: Group(one, sandbox, examples=True) for one in catalogs})
    sandbox.close()
    return found


async def measure_public(name: str, settings: Settings) -> Harmless:
    """A public suite, with its examples where it comes with any. Raises NotFound where the data is not there."""
    suite = open_suite(name)
    async with open_state(settings.model_copy(update={"data_dir": settings.data_dir / "measuring"})) as state:
        await prepare(suite, state)
        catalogs = [await state.catalogs.get(one.name) for one in suite.groups]
        groups = {one.schema_group: Group(one, state.sandbox, examples=suite.examples) for one in catalogs}
        return await asyncio.to_thread(measure, suite.items, groups)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core_engine.evaluation.fitting", description=__doc__)
    parser.add_argument("--show", action="store_true", help="print the queries whose rows change")
    arguments = parser.parse_args()
    settings = Settings.model_validate({})  # from the environment
    _tell("seed", measure_seed(settings), show=arguments.show)
    for name in ("defog", "nl2kql"):
        try:
            _tell(name, asyncio.run(measure_public(name, settings)), show=arguments.show)
        except NotFound as error:
            sys.stderr.write(f"{name}: {error}\n")


def _tell(name: str, found: Harmless, *, show: bool) -> None:
    share = len(found.harmed) / found.queries
    sys.stdout.write(f"{name}: {found.queries} gold queries, {found.changed} changed; ")
    sys.stdout.write(f"the rows of {len(found.harmed)} ({share:.1%}) change\n")
    for one in found.harmed if show else ():
        notes = "".join(f"\n  {note}" for note in one.notes)
        sys.stdout.write(f"\n{one.id}{notes}\n{one.gold}\n->\n{one.fitted}\n")


if __name__ == "__main__":
    main()
