"""A catalog that changes takes with it what was derived from it: bound states, dry runs, plans, indexes, examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agents.data.importing import store_catalog
from agents.data.kql import Kql
from agents.data.kql.fallback import DuckdbKql
from agents.data.linking import Linker
from agents.data.platform import Platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.spl import Spl
from agents.data.sql import Sql
from shared.catalog import Catalog, Catalogs
from shared.catalog import schema as catalog_schema
from shared.database import create_tables, open_database
from shared.llm.client import Models
from shared.settings import Settings


def group(platform: str, column: str, dialect: str = "duckdb") -> Catalog:
    """One table, Hosts, whose only column but the time is called otherwise each time."""
    kind, text, time = ("table", "string", "datetime") if platform == "kql" else ("index", "string", "time")
    if platform == "sql":
        kind, text, time = "table", "VARCHAR", "TIMESTAMP"
    columns = [{"name": column, "type": text}, {"name": "_time", "type": time}]
    table = {"name": "Hosts", "kind": kind, "columns": columns, "description": f"what is known by {column}"}
    examples = [{"question": "which hosts?", "query": query(platform, column)}]
    content = {"schema_group": "estate", "platform": platform, "dialect": dialect, "tables": [table]}
    return Catalog.model_validate({**content, "examples": examples})


def query(platform: str, column: str) -> str:
    return {
        "kql": f"Hosts | project {column}",
        "spl": f"index=Hosts earliest=-1h | table {column}",
        "sql": f"SELECT {column} FROM Hosts",
    }[platform]


@pytest.mark.parametrize(
    ("make", "dialect"),
    [(Kql, "duckdb"), (lambda: Kql(DuckdbKql()), "duckdb"), (Spl, "duckdb"), (Sql, "duckdb"), (Sql, "sqlite")],
    ids=["kql", "kql without .NET", "spl", "sql", "sqlite"],
)
def test_proofs_and_plans_follow_the_catalog(make: Callable[[], Platform], dialect: str, tmp_path: Path) -> None:
    platform, sandbox = make(), Sandbox(Settings(data_dir=tmp_path))
    for column, other in (("owner", "site"), ("site", "owner"), ("owner", "site")):
        catalog = group(platform.name, column, dialect)
        assert prove(platform, query(platform.name, column), catalog, sandbox).verdict == "proven"
        assert prove(platform, query(platform.name, other), catalog, sandbox).verdict == "rejected"
        plan = platform.read_plan(query(platform.name, column), catalog)
        assert column in platform.write_plan(plan, catalog)
    sandbox.close()


async def test_indexes_follow_the_catalog_and_its_rows(models: Models, tmp_path: Path) -> None:
    sandbox = Sandbox(Settings(data_dir=tmp_path))
    linker = Linker(Sql(), models, sandbox)
    first, second = [await linker.index(group("sql", column)) for column in ("owner", "site")]
    same = await linker.index(group("sql", "owner"))
    sandbox.path("estate").parent.mkdir(parents=True)
    sandbox.path("estate").write_bytes(b"")
    with_rows = await linker.index(group("sql", "owner"))
    assert same is first
    assert len({id(one) for one in (first, second, with_rows)}) == 3
    assert second.examples.examples[0].query == "SELECT site FROM Hosts"


async def test_examples_that_the_changed_catalog_refuses_are_gone(tmp_path: Path) -> None:
    engine = open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    await create_tables(engine, catalog_schema)
    catalogs, sandbox = Catalogs(engine), Sandbox(Settings(data_dir=tmp_path))
    stored = await store_catalog(group("sql", "owner"), catalogs=catalogs, sandbox=sandbox)
    old = await catalogs.get("estate")
    changed = old.model_copy(update={"tables": group("sql", "site").tables})
    changed = Catalog.model_validate(changed.model_dump(by_alias=True))
    report = await store_catalog(changed, catalogs=catalogs, sandbox=sandbox)
    new = await catalogs.get("estate")
    assert (stored.examples, report.examples, [one.question for one in report.refused]) == (1, 0, ["which hosts?"])
    assert new.version == report.version != old.version
    assert (new.examples, list(new.tables[0].by_name)) == ([], ["site", "_time"])
    await engine.dispose()
    sandbox.close()
