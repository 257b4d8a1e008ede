"""Loading the seed data: rows, catalogs, runbooks, known errors. What is there in this version is left alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from agents.data.importing import import_catalog
from agents.knowledge.known_errors.index import KnownErrorIndex
from agents.knowledge.procedures import Procedures
from core_engine.indexing import index_groups
from core_engine.knowledge_commands import runbooks_of
from core_engine.state import State, open_state, own_data_dir
from data.seed.generate import GROUPS, HERE, generate
from shared import __version__
from shared.catalog import Catalog, read_catalog
from shared.documents import IngestReport
from shared.errors import LexiQueryError
from shared.llm.client import Models
from shared.llm.runtime import open_models
from shared.models import Model
from shared.settings import Settings


class SeedReport(Model):
    """groups: schema group → what was done with it."""

    groups: dict[str, str]
    procedures: IngestReport
    known_errors: IngestReport

    def render(self) -> str:
        groups = [f"{name}: {done}" for name, done in self.groups.items()]
        knowledge = f"runbooks: {self.procedures.render()}; known errors: {self.known_errors.render()}"
        return "; ".join([*groups, knowledge])


async def load_seed(settings: Settings) -> SeedReport:
    """Raises AlreadyRunning while a server or another command uses the data directory."""
    folder = settings.data_dir / "seed"
    async with own_data_dir(settings), open_state(settings) as state:
        await asyncio.to_thread(generate, folder)
        groups = {group: await _load_group(folder / group / "catalog.yaml", state) for group in GROUPS}
        async with open_models(settings, state.ledger, state.engine) as models:
            runbooks = await runbooks_of(state)
            procedures = Procedures(state.engine, models, settings)
            known_errors = KnownErrorIndex(state.engine, models, settings)
            try:
                added = await procedures.add([HERE / "runbooks"], use_git=False)
                report = SeedReport(
                    groups=groups,
                    procedures=added,
                    known_errors=await known_errors.add(HERE / "known_errors.yaml"),
                )
                await runbooks.learn()
                await _index([await state.catalogs.get(group) for group in GROUPS], state, models)
                return report
            finally:
                await procedures.close()
                await known_errors.close()


async def _index(catalogs: Sequence[Catalog], state: State, models: Models) -> None:
    """Embed the groups, unless this version of LexiQuery did it for these catalogs and this embedding model."""
    settings = state.settings
    done = {catalog.schema_group: catalog.version for catalog in catalogs}
    now = json.dumps({"lexiquery": __version__, "embedding_model": settings.embedding_model_name, "groups": done})
    note = settings.data_dir / "seed" / "indexed.json"
    if note.is_file() and note.read_text(encoding="utf-8") == now:
        return
    await index_groups(catalogs, state, models)
    note.write_text(now, encoding="utf-8")


async def _load_group(path: Path, state: State) -> str:
    catalog = await asyncio.to_thread(read_catalog, path)
    there = {one.schema_group: one.as_imported.version for one in await state.catalogs.all()}
    if there.get(catalog.schema_group) == catalog.version and state.sandbox.has_rows(catalog):
        return "up to date"
    report = await import_catalog(path, catalogs=state.catalogs, sandbox=state.sandbox)
    if report.refused:
        raise LexiQueryError(f"the seed catalog {path} holds examples that can't be proven: {report.render()}")
    return report.render()
