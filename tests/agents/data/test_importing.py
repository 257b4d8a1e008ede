"""Importing: rows into DuckDB atomically, examples proven, and what is wrong with a file said exactly."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from agents.data.importers.reading import Asked, read_path
from agents.data.importing import import_catalog, store_catalog
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog, Catalogs, read_catalog
from shared.catalog import schema as catalog_schema
from shared.database import create_tables, open_database
from shared.errors import InvalidInput, NotFound, StorageFailed
from shared.settings import Settings
from tests.agents.data.conftest import SIGNINS, small_catalog
from tests.agents.data.public import public

DDL = """
CREATE TABLE teams (id serial PRIMARY KEY, name varchar(40) NOT NULL); -- who is on call
CREATE TABLE people (
    id int, team_id int REFERENCES teams (id), joined date, -- first day
    FOREIGN KEY (team_id) REFERENCES teams (id)
);
INSERT INTO public.teams (id, name) VALUES (1, 'core'), (2, 'o''data');
INSERT INTO people VALUES (1, 2, CURRENT_DATE - INTERVAL '3 days');
"""


class Import:
    """One data directory with its catalogs and sandbox."""

    def __init__(self, folder: Path, catalogs: Catalogs) -> None:
        self.folder = folder
        self.catalogs = catalogs
        self.settings = Settings(data_dir=folder / "state")
        self.sandbox = Sandbox(self.settings)

    def write(self, **changes: Any) -> Path:
        """The small KQL group's catalog file, changed."""
        content = {**small_catalog("kql").model_dump(mode="json", by_alias=True), **changes}
        path = self.folder / "catalog.yaml"
        path.write_text(yaml.safe_dump(content))
        (self.folder / "signins.csv").write_text(SIGNINS)
        (self.folder / "hosts.csv").write_text("IPAddress,HostName\n10.0.0.1,\n")
        return path

    async def run(self, path: Path, **options: Any) -> Any:
        return await import_catalog(path, catalogs=self.catalogs, sandbox=self.sandbox, **options)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Import]:
    engine = open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    await create_tables(engine, catalog_schema)
    place = Import(tmp_path, Catalogs(engine))
    yield place
    place.sandbox.close()
    await engine.dispose()


async def test_a_catalog_is_stored_with_its_rows(place: Import) -> None:
    report = await place.run(place.write())
    catalog = await place.catalogs.get("small_kql")
    assert report.rows == {"SigninLogs": 4, "Hosts": 1}
    assert report.version == catalog.version
    assert place.sandbox.execute('SELECT * FROM "Hosts"', catalog, limit=9).rows == [["10.0.0.1", ""]]


async def test_group_and_platform_can_be_said_otherwise(place: Import) -> None:
    text = [{"name": "HostName", "type": "text"}]
    path = place.write(tables=[{"name": "Hosts", "columns": text}])
    report = await place.run(path, group="other", platform="sql")
    assert (report.schema_group, report.platform, report.rows) == ("other", "sql", {})


async def test_broken_examples_are_refused_with_their_proof(place: Import) -> None:
    good = {"question": "how many?", "query": "SigninLogs | count"}
    bad = {"question": "who?", "query": "SigninLogs | distinct UserName"}
    report = await place.run(place.write(examples=[good, bad]))
    assert (report.examples, [refused.question for refused in report.refused]) == (1, ["who?"])
    assert report.refused[0].proof.problems[0].suggestion == "UserPrincipalName"
    assert "did you mean 'UserPrincipalName'" in report.render()
    assert [example.query for example in (await place.catalogs.get("small_kql")).examples] == ["SigninLogs | count"]


async def test_compressed_csv_and_parquet_are_read(place: Import) -> None:
    path = place.write()
    (place.folder / "hosts.csv.gz").write_bytes(gzip.compress(b"IPAddress,HostName\n1.1.1.1,a\n2.2.2.2,b\n"))
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 'c' AS HostName, 7 AS IPAddress) TO '{place.folder / 'hosts.parquet'}'")
    for rows, count in (("hosts.csv.gz", 2), ("hosts.parquet", 1)):
        content = yaml.safe_load(path.read_text())
        content["tables"][1]["rows"] = rows
        path.write_text(yaml.safe_dump(content))
        assert (await place.run(path)).rows["Hosts"] == count


async def test_a_ddl_file_becomes_a_group_with_relationships_and_rows(place: Import) -> None:
    path = place.folder / "shop.sql"
    path.write_text(DDL)
    report = await place.run(path, group="shop")
    catalog = await place.catalogs.get("shop")
    assert report.rows == {"teams": 2, "people": 1}
    assert {(one.from_, one.to) for one in catalog.relationships} == {("people.team_id", "teams.id")}
    names = place.sandbox.execute("SELECT name FROM teams ORDER BY id", catalog, limit=9).rows
    assert names == [["core"], ["o'data"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dialect": "postgre"}, "unknown SQL dialect 'postgre'; known: duckdb, sqlite, postgres"),
        ({"platform": "kgl"}, "unknown platform 'kgl'; did you mean 'kql'"),
        ({"tables": [{"name": "T", "columns": [{"name": "a", "type": "strng"}]}]}, "T.a: unknown KQL type 'strng'"),
        ({"tables": [{"name": "T", "columns": [{"name": "a"}, {"name": "A"}]}]}, "'a' and 'A' collide"),
        ({"tables": [{"name": "T", "columns": [{"name": "a"}]}] * 2}, "two tables are named 'T'"),
        (
            {"relationships": [{"from": "SigninLogs.IPAddres", "to": "Hosts.IPAddress"}]},
            "'SigninLogs.IPAddres', which does not exist; did you mean 'SigninLogs.IPAddress'",
        ),
        ({"tables": [{"name": "T", "rows": "no.csv", "columns": [{"name": "a"}]}]}, "no file .*no.csv .* table 'T'"),
        ({"tables": [{"name": "T", "rows": "x.xlsx", "columns": [{"name": "a"}]}]}, "can't read rows from .*x.xlsx"),
        (
            {"tables": [{"name": "T", "rows": "hosts.csv", "columns": [{"name": "IPAddress"}]}]},
            "hosts.csv has a column 'HostName' that table 'T' lacks",
        ),
        (
            {
                "tables": [
                    {
                        "name": "T",
                        "rows": "hosts.csv",
                        "columns": [{"name": "HostName"}, {"name": "IPAddress", "type": "long"}],
                    }
                ]
            },
            "hosts.csv: table 'T': .*10.0.0.1",
        ),
    ],
)
async def test_what_is_wrong_with_a_catalog_is_said_exactly(
    place: Import, changes: dict[str, Any], message: str
) -> None:
    path = place.write(**changes)
    (place.folder / "x.xlsx").write_bytes(b"x")
    with pytest.raises((InvalidInput, NotFound), match=message):
        await place.run(path)
    assert await place.catalogs.all() == []
    assert list(place.settings.groups_path.glob("*")) == []


async def test_a_failed_import_leaves_the_old_group_as_it_was(place: Import) -> None:
    await place.run(place.write())
    path = place.write()
    (place.folder / "signins.csv").write_text("TimeGenerated\nnot a time\n")
    with pytest.raises(InvalidInput, match="not a time"):
        await place.run(path)
    catalog = await place.catalogs.get("small_kql")
    assert place.sandbox.execute('SELECT count(*) FROM "SigninLogs"', catalog, limit=1).rows == [[4]]


async def test_an_import_replaces_the_rows_for_a_sandbox_in_use(place: Import) -> None:
    await place.run(place.write())
    catalog = await place.catalogs.get("small_kql")
    place.sandbox.execute('SELECT * FROM "Hosts"', catalog, limit=1)
    path = place.write()
    (place.folder / "hosts.csv").write_text("IPAddress,HostName\n9.9.9.9,new\n")
    await place.run(path)
    assert place.sandbox.execute('SELECT "HostName" FROM "Hosts"', catalog, limit=9).rows == [["new"]]


async def test_an_unwritable_data_directory_is_a_storage_failure(place: Import) -> None:
    place.settings.data_dir.write_text("a file where the folder should be")
    with pytest.raises(StorageFailed, match=r"small_kql\.duckdb"):
        await place.run(place.write())


async def test_rows_of_sql_that_read_files_are_refused(place: Import) -> None:
    path = place.folder / "evil.sql"
    path.write_text("CREATE TABLE t (a text); INSERT INTO t SELECT content FROM read_text('/etc/passwd');")
    with pytest.raises(InvalidInput, match="anything but VALUES"):
        await place.run(path, group="evil")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "x", r"can't read a catalog from .*a\.txt; known: a catalog \(YAML, JSON\), SQL with"),
        ("a.sql", "SELECT 1", "creates no table"),
        ("a.sql", "CREATE TABLE (", "is not postgres SQL"),
    ],
)
def test_a_file_that_is_no_catalog_says_why(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidInput, match=message):
        read_path(tmp_path / name, Asked("g", None, tmp_path))


def test_aliases_that_unfold_without_end_are_not_unfolded(tmp_path: Path) -> None:
    bomb = ["a0: &a0 [x, x]", *(f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]" for level in range(1, 100))]
    (tmp_path / "bomb.yaml").write_text("\n".join([*bomb, "schema_group: b", "platform: sql", "tables: *a99"]))
    with pytest.raises(InvalidInput, match=r"tables\.0"):
        read_catalog(tmp_path / "bomb.yaml")


def test_a_ddl_file_wants_a_group(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(DDL)
    with pytest.raises(InvalidInput, match="names no schema group; say which with --group"):
        read_path(tmp_path / "a.sql", Asked(None, None, tmp_path))


async def test_a_group_name_that_cannot_be_used_is_the_input_s_fault(place: Import) -> None:
    with pytest.raises(InvalidInput, match="the catalog can't be used: schema_group: String should match"):
        await place.run(place.write(), group="my group")


async def test_a_catalog_put_by_itself_keeps_the_rows(place: Import) -> None:
    await place.run(place.write())
    catalog = await place.catalogs.get("small_kql")
    changed = Catalog.model_validate({**catalog.model_dump(by_alias=True), "description": "changed"})
    report = await store_catalog(changed, catalogs=place.catalogs, sandbox=place.sandbox)
    assert (await place.catalogs.get("small_kql")).version == report.version != catalog.version
    assert place.sandbox.has_rows(changed)


async def test_a_hundred_thousand_rows_are_all_loaded(place: Import) -> None:
    path = place.write()
    lines = "".join(f'10.0.{number % 256}.1,"web-{number}"\n' for number in range(120_000))
    (place.folder / "hosts.csv").write_text("IPAddress,HostName\n" + lines)
    assert (await place.run(path)).rows["Hosts"] == 120_000


@pytest.mark.public_data
@pytest.mark.parametrize("database", ["academic", "advising", "atis", "car_dealership", "geography", "yelp"])
async def test_a_public_dump_is_imported_with_its_rows(place: Import, database: str) -> None:
    report = await place.run(public("defog", "databases", f"{database}.sql"), group=database)
    assert report.rows
    assert all(count > 0 for count in report.rows.values())
