"""`python -m core_engine.evaluation.knowledge`: what the runbooks bring to linking, without a model that writes.

On the data directory's seed (`lexiquery seed`): for each question of the suites whether the first linked table of its
group is one that the gold reads, and whether its group scores best of the three; with the catalogs as they were
imported and with what was proven and accepted of the runbooks; without passages, with them, and with the graph's
tables.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from agents.data.linking import Linked, Linker
from agents.data.platform import load_platform, platform_names
from agents.knowledge.procedures import Procedures
from agents.knowledge.telling import Telling
from core_engine.evaluation.suite import Item, read_suite
from core_engine.results import opened_state
from core_engine.state import State
from data.seed.generate import HERE
from shared.catalog import Catalog
from shared.llm.client import Models
from shared.llm.runtime import open_models
from shared.models import Hits, SearchRequest

SUITES = ("questions", "knowledge_questions", "spl_questions")
_HITS = 5


class _Measuring:
    """Links the questions of a suite in every way."""

    def __init__(self, state: State, models: Models, procedures: Procedures) -> None:
        self._state = state
        self._procedures = procedures
        self._telling = Telling(state.engine)
        self._linkers = {name: Linker(load_platform(name), models, state.sandbox) for name in platform_names()}

    async def shares(self, items: Sequence[Item]) -> dict[tuple[str, str], tuple[float, float]]:
        """(first table right, right group) by catalogs and by what was told."""
        known = {one.schema_group: one for one in await self._state.catalogs.all()}
        catalogs = {"as imported": {group: one.as_imported for group, one in known.items()}, "with runbooks": known}
        first: Counter[tuple[str, str]] = Counter()
        group: Counter[tuple[str, str]] = Counter()
        for item in items:
            wanted, told = _gold_tables(item, known), await self._told(item)
            for form, groups in catalogs.items():
                for what, hits in told.items():
                    linked = {name: await self._link(item, one, hits) for name, one in groups.items()}
                    first[form, what] += linked[item.schema_group].links[0].table.name in wanted
                    group[form, what] += max(linked, key=lambda name: linked[name].score) == item.schema_group
        return {key: (first[key] / len(items), group[key] / len(items)) for key in first}

    async def _told(self, item: Item) -> dict[str, Hits]:
        request = SearchRequest(question=item.question, limit=_HITS)
        hits = await self._telling.told(request, await self._procedures.search(item.question, _HITS))
        return {"nothing": Hits(hits=[]), "passages": Hits(hits=hits.hits), "passages and graph": hits}

    async def _link(self, item: Item, catalog: Catalog, told: Hits) -> Linked:
        linker = self._linkers[catalog.platform]
        return await linker.link(item.question, catalog, told.hits, told.hints, hold_out=True)


def _gold_tables(item: Item, catalogs: Mapping[str, Catalog]) -> set[str]:
    tables = load_platform(item.platform).tables_of(item.accepted[0], catalogs[item.schema_group])
    return {table.name for table in tables}


async def measure() -> str:
    """A line a suite, form of the catalogs and what was told. Raises NotFound without the seed, ModelUnavailable."""
    lines = ["suite | questions | catalogs | told | first table right | right group"]
    async with opened_state() as state, open_models(state.settings, state.ledger, state.engine) as models:
        procedures = Procedures(state.engine, models, state.settings)
        measuring = _Measuring(state, models, procedures)
        for name in SUITES:
            items = read_suite(HERE / f"{name}.jsonl")
            for (form, what), (first, group) in (await measuring.shares(items)).items():
                lines.append(f"{name} | {len(items)} | {form} | {what} | {first:.3f} | {group:.3f}")
        await procedures.close()
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(measure()) + "\n")
