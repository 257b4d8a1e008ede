"""Suites: a file of JSON lines over groups that were imported, or a public set by its name, which brings its groups."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from agents.data.importing import import_catalog
from core_engine.evaluation.bringing import Group, Suite
from core_engine.evaluation.defog import defog
from core_engine.evaluation.nl2kql import nl2kql
from core_engine.evaluation.suite import read_suite
from core_engine.state import State
from shared.errors import NotFound, did_you_mean

PUBLIC = {"nl2kql": nl2kql, "defog": defog}
_MAKING = ("bringing", "defog", "invented_rows", "nl2kql", "public_sets", "wishes", "witnesses")


def open_suite(suite: str) -> Suite:
    """A public set by its name, or a file. Raises NotFound for either, InvalidInput for a bad file."""
    if suite in PUBLIC:
        return PUBLIC[suite]()
    if not Path(suite).is_file():
        raise NotFound(f"no suite at {suite}", suggestion=did_you_mean(suite, PUBLIC))
    return Suite(Path(suite).name, read_suite(Path(suite)))


async def prepare(suite: Suite, state: State) -> None:
    """Import the groups that the suite brings, where they are not there, or are of another version of set or code."""
    there = {catalog.schema_group: catalog for catalog in await state.catalogs.all()}
    for group in suite.groups:
        folder = state.settings.data_dir / "suites" / group.name
        made = folder / "made"
        stamp = await asyncio.to_thread(_stamp, group)
        known = there.get(group.name)
        if known and state.sandbox.has_rows(known) and made.is_file() and made.read_text() == stamp:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(group.write, folder)
        report = await import_catalog(
            folder / "catalog.yaml", catalogs=state.catalogs, sandbox=state.sandbox, group=group.name
        )
        sys.stderr.write(report.render() + "\n")
        made.write_text(stamp)


def _stamp(group: Group) -> str:
    """Hash of the public files that the group is made from, and of the code that makes it."""
    code = [Path(__file__).parent / f"{name}.py" for name in _MAKING]
    parts = [path.read_bytes() for path in (*group.sources, *code)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
