"""SPL as a platform: what proof, sandbox and prompts ask of it."""

from __future__ import annotations

import duckdb
import pytest

from agents.data.platform import NotExecutable, load_platform
from agents.data.spl import Spl, check_spl
from agents.data.spl.catalogue import COMMANDS, DENIED
from agents.data.spl.functions import EVAL_FUNCTIONS
from agents.data.spl.transpile import EXECUTABLE
from agents.data.spl.transpile.functions import FUNCTIONS
from tests.agents.data.spl.small import CATALOG


def test_the_registry_loads_it() -> None:
    platform = load_platform("spl")
    assert (platform.name, platform.language) == ("spl", "SPL (Splunk)")


def test_a_search_that_does_not_parse_is_not_judged_further() -> None:
    platform = Spl()
    assert platform.parse("index=web |", CATALOG).status == "failed"
    assert platform.bind("index=web |", CATALOG).status == "skipped"
    assert platform.safety("index=web |", CATALOG).status == "skipped"
    assert platform.tables_of("index=web |", CATALOG) == []


@pytest.mark.parametrize(
    ("spl", "names"),
    [
        ("index=web | stats count", ["web"]),
        ("index=w* OR index=auth | lookup users.csv user", ["web", "auth", "users"]),
        ("| inputlookup hosts | append [search index=auth]", ["auth", "hosts"]),
        ("index=web [| inputlookup users | fields user]", ["web", "users"]),
        ("| tstats count where index=auth by host", ["auth"]),
        ("| makeresults", []),
    ],
)
def test_the_tables_of_a_search_are_those_it_reads(spl: str, names: list[str]) -> None:
    assert [table.name for table in Spl().tables_of(spl, CATALOG)] == names


@pytest.mark.parametrize(
    ("type_name", "duckdb_type"),
    [("string", "VARCHAR"), ("number", "DOUBLE"), ("long", "BIGINT"), ("time", "TIMESTAMP"), ("boolean", "BOOLEAN"),
     ("multivalue", "VARCHAR[]"), ("VARCHAR(20)", "VARCHAR"), ("anything", "VARCHAR")],
)  # fmt: skip
def test_every_catalog_type_has_a_duckdb_type(type_name: str, duckdb_type: str) -> None:
    assert Spl().duckdb_type(type_name) == duckdb_type


@pytest.mark.parametrize(
    "spl",
    [
        "index=web | iplocation host",
        "index=web | predict status",
        'index=web | rex "(?<a>x(?=y))"',
        "index=web | spath",
        "index=web | transaction user maxspan=1h",
        "index=web | eval x=sha512(user)",
        "index=web | dedup 2 user consecutive=t",
        "index=web [search index=auth | stats count as query]",
    ],
)
def test_what_the_translation_lacks_is_reported_as_not_executable(spl: str) -> None:
    platform = Spl()
    assert platform.bind(spl, CATALOG).status == "passed"
    with pytest.raises(NotExecutable):
        platform.to_duckdb(spl, CATALOG)


def test_now_is_the_catalogs_clock_and_without_one_duckdbs() -> None:
    platform = Spl()
    assert "TIMESTAMP '2024-05-01 13:00:00'" in platform.to_duckdb("index=web earliest=-1h", CATALOG)
    real = CATALOG.model_copy(update={"clock": None})
    sql = platform.to_duckdb("| makeresults", real)
    row = duckdb.connect().execute(f"SELECT abs(epoch(_time) - epoch(now())) < 60 FROM ({sql})").fetchone()
    assert row == (True,)


def test_a_quote_in_a_value_or_a_name_stays_text() -> None:
    platform = Spl()
    sql = platform.to_duckdb("""index=web user="x' OR 1=1 --" | eval "a\\"b"=1 | table "a\\"b" """, CATALOG)
    assert [statement.type for statement in duckdb.extract_statements(sql)] == [duckdb.StatementType.SELECT]
    assert "'x'' or 1=1 --'" in sql


def test_checks_can_be_had_without_a_platform() -> None:
    parse, bind, safety = check_spl("anything=1 | stats count by host | where hots=1 | outputlookup x")
    assert (parse.status, bind.status, safety.status) == ("passed", "failed", "failed")
    assert bind.problems[0].suggestion == "host"


def test_what_is_translated_is_in_the_catalogue() -> None:
    assert COMMANDS.keys() >= EXECUTABLE
    assert not EXECUTABLE & DENIED.keys()
    assert FUNCTIONS.keys() <= EVAL_FUNCTIONS.keys()


def test_the_dialect_notes_are_short_enough_for_a_small_model() -> None:
    assert len(Spl.dialect_notes.split()) < 220
