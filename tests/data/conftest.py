"""The seed data as its users have it: rows generated, groups loaded, queries proven and run by the product's code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agents.data.platform import load_platform
from agents.data.proof import prove, run_proven
from agents.data.rows import load_rows
from agents.data.sandbox import Sandbox
from data.seed.generate import GROUPS, HERE
from shared.catalog import Catalog, read_catalog
from shared.models import Proof, Rows
from shared.settings import Settings

PLATFORMS = {read_catalog(HERE / group / "catalog.yaml").platform: group for group in GROUPS}


class Query(NamedTuple):
    """id: how a test names it."""

    id: str
    platform: str
    text: str


class Seed:
    """The loaded groups."""

    def __init__(self, folder: Path, data_dir: Path) -> None:
        self.sandbox = Sandbox(Settings(data_dir=data_dir))
        self.catalogs = {group: read_catalog(folder / group / "catalog.yaml") for group in GROUPS}
        self.counts = {
            group: load_rows(catalog, folder / group, self.sandbox.path(group))
            for group, catalog in self.catalogs.items()
        }

    def catalog(self, platform: str) -> Catalog:
        return self.catalogs[PLATFORMS[platform]]

    def prove(self, query: Query) -> Proof:
        return prove(load_platform(query.platform), query.text, self.catalog(query.platform), self.sandbox)

    def run(self, query: Query) -> Rows:
        platform, catalog = load_platform(query.platform), self.catalog(query.platform)
        return run_proven(platform, query.text, catalog, self.sandbox, 1000, 0)

    def sql(self, platform: str, sql: str) -> list[list[Any]]:
        """Rows of DuckDB SQL on the platform's tables, past the platform's own language."""
        return self.sandbox.execute(sql, self.catalog(platform), limit=1000).rows


@pytest.fixture(scope="session")
def seed(seed_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Seed:
    return Seed(seed_folder, tmp_path_factory.mktemp("seed"))


def questions() -> list[dict[str, Any]]:
    """Each with its gold query and, in `accepted`, that and the others that are as right."""
    items = [json.loads(line) for line in (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    accepted = [item["gold"] if isinstance(item["gold"], list) else [item["gold"]] for item in items]
    return [item | {"gold": own[0], "accepted": own} for item, own in zip(items, accepted, strict=True)]


def golds() -> list[Query]:
    return [
        Query(f"{item['id']}{'+' * number}", item["platform"], gold)
        for item in questions()
        for number, gold in enumerate(item["accepted"])
    ]


def examples() -> list[Query]:
    catalogs = [read_catalog(HERE / group / "catalog.yaml") for group in GROUPS]
    return [
        Query(f"{catalog.platform}: {example.question}", catalog.platform, example.query)
        for catalog in catalogs
        for example in catalog.examples
    ]


def runbook_queries() -> list[Query]:
    """Every fenced block of a platform's language."""
    fence = re.compile(rf"```({'|'.join(PLATFORMS)})\n(.*?)```", re.DOTALL)
    return [
        Query(f"{path.stem} {number}", match[1], match[2])
        for path in sorted((HERE / "runbooks").glob("*.md"))
        for number, match in enumerate(fence.finditer(path.read_text(encoding="utf-8")), start=1)
    ]
