"""What a catalog declares for KQL: stored functions, watchlists, and the parameters of workbooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.data.importing import checked
from agents.data.kql import Kql
from agents.data.kql.declared import inlined
from agents.data.kql.fallback import DuckdbKql
from agents.data.kql.kusto import Kusto
from agents.data.kql.safety import not_judged
from agents.data.proof import prove, run_proven
from agents.data.rows import load_rows
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from shared.catalog import Catalog, Catalogs
from shared.catalog import schema as catalog_schema
from shared.database import create_tables, open_database
from shared.errors import InvalidInput
from shared.models import Proof
from shared.settings import Settings
from tests.agents.data.conftest import HOSTS, SIGNINS, small_catalog

FUNCTIONS: list[dict[str, Any]] = [
    {
        "name": "Failed",
        "parameters": [{"name": "since", "type": "datetime"}, {"name": "code", "default": '"50126"'}],
        "body": "SigninLogs | where TimeGenerated > since and ResultType == code",
    },
    {"name": "Double", "parameters": [{"name": "x", "type": "long"}], "body": "{ x * 2 } "},
    {"name": "Slow", "body": "Failed(ago(5d))\n| extend Twice = Double(DurationMs) // of two others"},
    {"name": "Tagged", "parameters": [{"name": "T", "type": "(*)"}, {"name": "tag"}], "body": "T | extend Tag = tag"},
    {"name": "Broken", "body": "let old = ago(9d);\nSigninLog | where TimeGenerated > old"},
    {"name": "Reaching", "body": "cluster('other').database('db').Logs"},
    {"name": "Reach", "parameters": [{"name": "x", "type": "long"}], "body": "toscalar(Reaching | count) + x"},
    {"name": "Scored", "parameters": [{"name": "days"}], "returns": [{"name": "Score", "type": "long"}]},
]
PARAMETERS = [
    {"name": "TimeRange", "type": "timerange", "default": "7d"},
    {"name": "Period", "type": "timerange", "default": "2026-03-10T00:00:00Z/2026-03-11T00:00:00Z"},
    {"name": "Who", "default": "bo@contoso.com"},
    {"name": "Top", "type": "int", "default": "5"},
]
WATCHLIST = {
    "name": "vips",
    "kind": "watchlist",
    "rows": "vips.csv",
    "columns": [{"name": "Upn"}, {"name": "Tier", "type": "long"}],
}


def group(**changes: Any) -> Catalog:
    content = small_catalog("kql").model_dump(by_alias=True)
    tables = [*content["tables"], WATCHLIST]
    declared = {"functions": FUNCTIONS, "parameters": PARAMETERS, "tables": tables}
    return Catalog.model_validate({**content, "schema_group": "declared", **declared, **changes})


CATALOG = group()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    base: Path = tmp_path_factory.mktemp("declared")
    for name, text in {"signins": SIGNINS, "hosts": HOSTS, "vips": "Upn,Tier\nbo@contoso.com,2\n"}.items():
        (base / f"{name}.csv").write_text(text)
    sandbox = Sandbox(Settings(data_dir=base))
    load_rows(CATALOG, base, sandbox.path("declared"))
    yield sandbox
    sandbox.close()


def proof_of(query: str, sandbox: Sandbox, kql: Kql) -> Proof:
    return prove(kql, query, CATALOG, sandbox)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("Failed(ago(10d)) | count", [[2]]),
        ("Failed(code='0', since=ago(10d)) | count", [[2]]),
        ("Slow() | project Twice | sort by Twice", [[680], [None]]),
        ("Slow | count", [[2]]),
        ("['Slow']() | count", [[2]]),
        ("SigninLogs | invoke Tagged('x') | summarize count() by Tag", [["x", 4]]),
        ("let since = ago(10d); Failed(since) | count", [[2]]),
        ("let Slow = Hosts; Slow | count", [[2]]),
        ("_GetWatchlist('vips') | where Tier > 1 | project Upn", [["bo@contoso.com"]]),
        ("let vips = _GetWatchlist('vips'); vips | join kind=inner vips on Upn | count", [[1]]),
        ("let name = 'vips'; _GetWatchlist(name) | count", [[1]]),
        ("SigninLogs | where UserPrincipalName in ((_GetWatchlist('vips') | project Upn)) | count", [[2]]),
        ("SigninLogs | where TimeGenerated {TimeRange} | count", [[4]]),
        ("SigninLogs | where TimeGenerated {Period:value} | count", [[2]]),
        ("SigninLogs | where TimeGenerated between ({Period:start} .. {Period:end}) | count", [[2]]),
        ("SigninLogs | summarize n = count() by bin(TimeGenerated, {Period:grain}) | count", [[4]]),
        ("SigninLogs | where UserPrincipalName == '{Who}' | take {Top} | count", [[2]]),
        ("print label = '{TimeRange:label}, {Nobody} asked'", [["7d, {Nobody} asked"]]),
        ("union Sig* | where TimeGenerated {TimeRange} | count", [[4]]),
    ],
)
def test_what_is_declared_is_proven_and_run(query: str, rows: list[list[Any]], sandbox: Sandbox, kql: Kql) -> None:
    proof = proof_of(query, sandbox, kql)
    assert (proof.verdict, proof.problems) == ("proven", [])
    assert run_proven(kql, query, CATALOG, sandbox, limit=9).rows == rows


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("Faild(ago(1d))", ("unknown_function", "unknown function 'Faild'", 1, 1, "Failed")),
        ("Failed(ago(1d)) | where Reslt == 1", ("unknown_column", "unknown column 'Reslt'", 1, 25, "ResultType")),
        ("Scored('7') | project Scor", ("unknown_column", "unknown column 'Scor'", 1, 23, "Score")),
        ("Failed()", ("KS119", "The function 'Failed' expects 2 arguments.", 1, 1, None)),
        (
            "Hosts\n| join (Broken) on $left.HostName == $right.IPAddress",
            ("unknown_table", "in the function 'Broken': unknown table 'SigninLog' (did you mean 'SigninLogs'?)", 2, 9),
        ),
        ("_GetWatchlist('vip') | take 1", ("unknown_watchlist", "unknown watchlist 'vip'", 1, 15, "vips")),
        ("_GetWatchlist('vips') | where Teir > 1", ("unknown_column", "unknown column 'Teir'", 1, 31, "Tier")),
        ("vips | take 1", ("unknown_table", "unknown table 'vips'", 1, 1, "_GetWatchlist('vips')")),
        (
            "SigninLogs | where TimeGenerated {TimeRnge}",
            ("unknown_parameter", "parameter 'TimeRnge' is not declared in the catalog", 1, 34),
        ),
        (
            "SigninLogs | where DurationMs in ({Limits})",
            ("unknown_parameter", "parameter 'Limits' is not declared in the catalog", 1, 35),
        ),
        (
            "SigninLogs | where UserPrincipalName == '{Whom}'",
            ("unknown_parameter", "parameter 'Whom' is not declared in the catalog", 1, 42, "did you mean {Who}?"),
        ),
        (
            "SigninLogs | where TimeGenerated > {TimeRange:strt}",
            ("unknown_parameter", "parameter 'TimeRange' has no format 'strt'", 1, 36),
        ),
        (
            "SigninLogs | where TimeGenerated {TimeRange}\n| where X == '{Who}' and Usr == ''",
            ("unknown_column", "unknown column 'X'", 2, 9),
        ),
    ],
)
def test_what_is_wrong_with_it_is_said_where_it_is_written(
    query: str, problem: tuple[Any, ...], sandbox: Sandbox, kql: Kql
) -> None:
    first = proof_of(query, sandbox, kql).problems[0]
    assert (first.code, first.message, first.line, first.column, first.suggestion)[: len(problem)] == problem


def test_places_after_a_parameter_are_those_of_the_written_query(sandbox: Sandbox, kql: Kql) -> None:
    query = "SigninLogs | where TimeGenerated {TimeRange} and UserPrincipalName == '{Who}' and Riskk > 1"
    (problem,) = proof_of(query, sandbox, kql).problems
    assert problem.column == query.index("Riskk") + 1


@pytest.mark.parametrize(
    "query",
    [
        "Reaching()",
        "Reaching | take 1",
        "['Reaching']() | take 1",
        "SigninLogs | join Reaching on $left.IPAddress == $right.IPAddress",
        "let r = Reaching; r | take 1",
        "let r = Reaching(); let Reaching = 3; r",
        "let f = () { let Reaching = 1; print Reaching }; Reaching()",
        "print Reach(1)",
        "print Reach\n// of one\n(1)",
        "let x = 3; print x-Reach(1)",
        "SigninLogs | invoke Reaching()",
    ],
)
def test_what_a_function_does_counts_as_the_query_s_own(query: str, sandbox: Sandbox, kql: Kql) -> None:
    safety = next(check for check in proof_of(query, sandbox, kql).checks if check.name == "safety")
    assert "cross_reference" in {problem.code for problem in safety.problems}
    without = next(check for check in prove(Kql(DuckdbKql()), query, CATALOG, sandbox).checks if check.name == "safety")
    assert without.status == "failed"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("Scored('7') | project Score", "the catalog has no body of the function 'Scored'"),
        ("let SigninLogs = Hosts; Failed(ago(1d)) | count", "the query gives 'SigninLogs' another meaning"),
    ],
)
def test_what_can_t_be_run_is_skipped_with_the_reason(query: str, reason: str, sandbox: Sandbox, kql: Kql) -> None:
    proof = proof_of(query, sandbox, kql)
    assert proof.verdict == "plausible"
    assert reason in proof.checks[-1].detail


def test_functions_and_watchlists_say_which_tables_they_read(kql: Kql) -> None:
    query = "Slow() | join kind=inner (_GetWatchlist('vips')) on $left.UserPrincipalName == $right.Upn"
    assert [table.name for table in kql.tables_of(query, CATALOG)] == ["SigninLogs", "vips"]


def test_the_service_gets_the_query_that_was_proven(kql: Kql) -> None:
    query = "SigninLogs | where TimeGenerated > {TimeRange:start} and UserPrincipalName == '{Who}'"
    sent = "SigninLogs | where TimeGenerated > ago(7d) and UserPrincipalName == 'bo@contoso.com'"
    assert kql.as_sent(query, CATALOG) == sent


def test_a_plan_reads_a_watchlist_by_its_function(kql: Kql) -> None:
    query = "_GetWatchlist('vips')\n| where Tier > 1"
    assert kql.write_plan(kql.read_plan(query, CATALOG), CATALOG) == query


def test_sql_over_a_watchlist_becomes_a_call_of_it(kql: Kql) -> None:
    content = small_catalog("sql").model_dump(by_alias=True)
    watchlist = {"name": "vips", "columns": [{"name": "Upn", "type": "VARCHAR"}, {"name": "Tier", "type": "BIGINT"}]}
    as_sql = Catalog.model_validate({**content, "tables": [*content["tables"], watchlist]})
    plan = Sql().read_plan("SELECT s.IPAddress FROM SigninLogs s JOIN vips v ON s.UserPrincipalName = v.Upn", as_sql)
    written = kql.write_plan(plan, CATALOG)
    assert "join kind=inner _GetWatchlist('vips') on $left.UserPrincipalName == $right.Upn" in written


def test_functions_that_double_are_refused_before_they_are_written_out(sandbox: Sandbox, kql: Kql) -> None:
    bomb = [{"name": "F0", "body": "SigninLogs"}]
    bomb += [{"name": f"F{n}", "body": f"union F{n - 1}, F{n - 1}"} for n in range(1, 20)]
    proof = prove(kql, "F19() | count", group(functions=bomb), sandbox)
    assert [problem.code for problem in proof.problems] == ["too_complex"]


def test_what_is_too_large_is_placed_in_the_written_query(sandbox: Sandbox, kql: Kql) -> None:
    query = "Failed(ago(1d))\n| take {Top}\n| extend x = repeat(1, 99999999999)"
    first = proof_of(query, sandbox, kql).problems[0]
    assert (first.line, first.column) == (3, query.splitlines()[2].index("(") + 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"functions": [{"name": "F", "body": "G()"}, {"name": "G", "body": "F()"}]}, "function 'F' calls itself"),
        ({"functions": [FUNCTIONS[1], FUNCTIONS[1]]}, "two functions are named 'Double'"),
        (
            {"functions": [{"name": "F", "body": "1", "parameters": [{"name": "a", "type": "strng"}]}]},
            "function 'F', a: unknown KQL type 'strng'",
        ),
        (
            {"parameters": [{"name": "T", "type": "timerange", "default": "soon"}]},
            "parameter 'T': 'soon' is no time range; expected 24h, 7d or START/END",
        ),
        (
            {"parameters": [{"name": "N", "type": "long", "default": "'x'"}]},
            "parameter 'N': its default 'x' is of type string, not of type long",
        ),
        ({"parameters": [{"name": "N", "type": "long", "default": "1) | x"}]}, "default 1\\) | x is no KQL"),
        ({"parameters": [{"name": "N", "type": "lang", "default": "1"}]}, "unknown KQL type 'lang'"),
    ],
)
def test_declarations_that_can_t_be_used_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        checked(group(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"functions": [{"name": "F", "body": "1"}]}, "SQL has no use for `functions`"),
        ({"parameters": [{"name": "P", "default": "1"}]}, "SQL has no use for `parameters`"),
    ],
)
def test_only_kql_has_functions_and_parameters(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        checked(Catalog.model_validate({**small_catalog("sql").model_dump(by_alias=True), **changes}))


def test_a_function_says_its_body_or_what_it_returns() -> None:
    with pytest.raises(ValueError, match="function 'F' says neither its body nor what it returns"):
        group(functions=[{"name": "F"}])


def test_a_function_that_does_not_bind_is_noted_when_it_is_imported(kql: Kql) -> None:
    (note,) = kql.declaration_notes(CATALOG)
    assert note.startswith("queries that call 'Broken' will be refused: in the function 'Broken': unknown table")


def test_declarations_are_part_of_the_content_hash_and_their_absence_is_not() -> None:
    plain = {"schema_group": "g", "platform": "kql", "tables": [{"name": "T", "columns": [{"name": "a"}]}]}
    assert Catalog.model_validate(plain).version == "6a9db6e3021e842a"  # as of groups stored before there were any
    versions = {Catalog.model_validate({**plain, **one}).version for one in ({}, {"functions": FUNCTIONS[1:2]})}
    assert len(versions | {Catalog.model_validate({**plain, "parameters": PARAMETERS}).version}) == 3


def test_a_changed_function_is_a_changed_state(sandbox: Sandbox, kql: Kql) -> None:
    query = "Pick() | project HostName"
    first, second = ({"functions": [{"name": "Pick", "body": body}]} for body in ("SigninLogs", "Hosts"))
    assert prove(kql, query, group(**first), sandbox).verdict == "rejected"
    assert prove(kql, query, group(**second), sandbox).verdict == "proven"


def test_what_is_declared_is_shown_with_the_tables() -> None:
    shown = CATALOG.render().splitlines()
    assert "vips (watchlist)" in shown
    assert shown[-1] == "parameters: TimeRange, Period, Who, Top"


async def test_what_is_declared_is_stored_as_it_is(tmp_path: Path) -> None:
    engine = open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    await create_tables(engine, catalog_schema)
    await Catalogs(engine).put(CATALOG)
    stored = await Catalogs(engine).get("declared")
    assert (stored, stored.version) == (CATALOG, CATALOG.version)
    await engine.dispose()


def test_a_function_that_nobody_looked_into_is_not_safe(kql: Kql) -> None:
    assert isinstance(kql.prover, Kusto)
    query = "Hosts | join (Reaching()) on HostName"  # as if its call had not been seen
    (problem,) = not_judged(kql.prover.analyze(query, CATALOG), query, CATALOG)
    assert (problem.code, problem.column) == ("not_judged", 15)
    assert not_judged(kql.prover.analyze(inlined(query, CATALOG).text, CATALOG), query, CATALOG) == []
