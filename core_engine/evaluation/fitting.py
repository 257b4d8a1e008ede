"""`python -m core_engine.evaluation.fitting`: whether gold SQL keeps its rows when it is made to fit its question.

Gold queries fit already, so every change of their rows is harm. On the seed's questions, and on Defog's dev halves
where LEXIQUERY_PUBLIC_DATA has them. No model is involved; rows are kept in DATA_DIR/measuring.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from agents.data.accounting import account
from agents.data.comparing import same_rows
from agents.data.entities import read_entities
from agents.data.fitting import fit
from agents.data.fitting.values import Values
from agents.data.keys import inferred_relationships
from agents.data.linking import Linked
from agents.data.phrases import Phrases
from agents.data.platform import load_platform
from agents.data.proof import run_proven
from agents.data.repair import Mended
from agents.data.samples import sample_values
from agents.data.sandbox import Sandbox
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
    """One group's rows, values and relationships, with which queries are fitted as for an answer.

    examples: whether the group's solved questions were shown, all but the very question.
    """

    def __init__(self, catalog: Catalog, sandbox: Sandbox, *, examples: bool) -> None:
        self._catalog = catalog
        self._sandbox = sandbox
        self._platform = load_platform(catalog.platform)
        self._phrases = Phrases(catalog, sample_values(catalog, sandbox))
        self._relationships = [*catalog.relationships, *inferred_relationships(catalog, sandbox)]
        self._examples = catalog.examples if examples else []

    def fitted(self, question: str, query: str) -> Mended:
        """The query made to fit the question, as a data agent does it. Blocks."""
        linked = Linked(
            catalog=self._catalog,
            links=[],
            mentions=self._phrases.mentions(question),
            times=read_times(question, self._catalog.clock or datetime.now(UTC)),
            entities=read_entities(question),
            relationships=self._relationships,
        )
        tables = self._platform.tables_of(query, self._catalog)
        return fit(
            query,
            question,
            linked,
            account(question, query, tables, linked),
            tables,
            examples=[one for one in self._examples if one.question != question],
            values=Values(self._platform, self._catalog, self._sandbox),
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
    """The seed's SQL questions, with the examples of its group."""
    sandbox = seed_sandbox(settings.data_dir / "measuring")
    items = [item for item in read_suite(HERE / "questions.jsonl") if item.platform == "sql"]
    catalogs = [read_catalog(HERE / name / "catalog.yaml") for name in {item.schema_group for item in items}]
    found = measure(items, {one.schema_group: Group(one, sandbox, examples=True) for one in catalogs})
    sandbox.close()
    return found


async def measure_defog(settings: Settings) -> Harmless:
    """Defog's dev halves, which come without examples. Raises NotFound where the public data is not there."""
    suite = open_suite("defog")
    async with open_state(settings.model_copy(update={"data_dir": settings.data_dir / "measuring"})) as state:
        await prepare(suite, state)
        catalogs = [await state.catalogs.get(one.name) for one in suite.groups]
        groups = {one.schema_group: Group(one, state.sandbox, examples=False) for one in catalogs}
        return await asyncio.to_thread(measure, suite.items, groups)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core_engine.evaluation.fitting", description=__doc__)
    parser.add_argument("--show", action="store_true", help="print the queries whose rows change")
    arguments = parser.parse_args()
    settings = Settings.model_validate({})  # from the environment
    _tell("seed", measure_seed(settings), show=arguments.show)
    try:
        _tell("defog", asyncio.run(measure_defog(settings)), show=arguments.show)
    except NotFound as error:
        sys.stderr.write(f"defog: {error}\n")


def _tell(name: str, found: Harmless, *, show: bool) -> None:
    share = len(found.harmed) / found.queries
    sys.stdout.write(f"{name}: {found.queries} gold queries, {found.changed} changed; ")
    sys.stdout.write(f"the rows of {len(found.harmed)} ({share:.1%}) change\n")
    for one in found.harmed if show else ():
        notes = "".join(f"\n  {note}" for note in one.notes)
        sys.stdout.write(f"\n{one.id}{notes}\n{one.gold}\n->\n{one.fitted}\n")


if __name__ == "__main__":
    main()
