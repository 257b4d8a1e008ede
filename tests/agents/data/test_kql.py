"""KQL: names in scope, what must not run, results on rows, and the prover without .NET."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agents.data.kql import Kql
from agents.data.kql.fallback import DuckdbKql
from agents.data.proof import prove, run_proven
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog
from shared.errors import InvalidInput
from tests.agents.data.queries import KQL_BAD, KQL_GOOD, lines

WRONG_NAMES = [
    ("SigninLog | take 1", "unknown_table", "SigninLogs", (1, 1)),
    ("Signins | take 1", "unknown_table", "SigninLogs", (1, 1)),
    ("SigninLogs | where UserName == 'x'", "unknown_column", "UserPrincipalName", (1, 20)),
    ("SigninLogs\n| project IpAddres", "unknown_column", "IPAddress", (2, 11)),
    ("SigninLogs | join Hosts on IPAddress | project Hostname", "unknown_column", "HostName", (1, 48)),
    (
        "SigninLogs | summarize Failures = count() by IPAddress | where Failure > 1",
        "unknown_column",
        "Failures",
        (1, 64),
    ),
    ("SigninLogs | extend x = tostrng(ResultType)", "unknown_function", "tostring", (1, 25)),
    ("SigninLogs | summarize dcont(IPAddress)", "unknown_function", "dcount", (1, 24)),
    ("SigninLogs | evaluate bagunpack(Details)", "unknown_function", "bag_unpack", (1, 23)),
    ("let failed = SigninLogs; faild | count", "unknown_table", "failed", (1, 26)),
    ("print '💥' // ü\n| extend y = print_1", "unknown_column", "print_0", (2, 14)),
]


@pytest.mark.parametrize(("query", "code", "suggestion", "place"), WRONG_NAMES)
def test_a_wrong_name_is_found_where_it_stands_with_the_right_one(
    kql: Kql, kql_group: Catalog, query: str, code: str, suggestion: str, place: tuple[int, int]
) -> None:
    problem = kql.bind(query, kql_group).problems[0]
    assert (problem.code, problem.suggestion, (problem.line, problem.column)) == (code, suggestion, place)


def test_a_column_that_was_projected_away_is_not_suggested(kql: Kql, kql_group: Catalog) -> None:
    problem = kql.bind("SigninLogs | project Risk | where DurationMs > 1", kql_group).problems[0]
    assert (problem.message, problem.suggestion) == ("unknown column 'DurationMs'", None)


def test_types_are_bound_too(kql: Kql, kql_group: Catalog) -> None:
    problem = kql.bind("SigninLogs | where TimeGenerated > 'yesterday'", kql_group).problems[0]
    assert problem.code == "KS106"
    assert "datetime and string" in problem.message


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SigninLogs | where TimeGenerated > ago(4d) | count", [[2]]),
        ("SigninLogs | summarize n = count() by UserPrincipalName | top 1 by n", [["bo@contoso.com", 2]]),
        ("SigninLogs | where tostring(Details.city) == 'Oslo' | project IPAddress | order by IPAddress asc",
         [["10.0.0.1"], ["10.0.0.3"]]),
        ("SigninLogs | where isempty(tostring(Details)) | project UserPrincipalName", [["bo@contoso.com"]]),
        ("SigninLogs | join kind=inner Hosts on IPAddress | summarize n = count() by HostName | order by n asc",
         [["web-1", 1], ["web-2", 2]]),
        ("SigninLogs | summarize n = count() by bin(TimeGenerated, 1d) | order by TimeGenerated asc | take 1",
         [["2026-03-10T00:00:00Z", 2]]),
        ("SigninLogs | where Session > 10m | project Session", [["01:00:00"]]),
        ("SigninLogs | summarize m = max(Risk), t = sum(DurationMs)", [[0.9, 540]]),
        ("print now()", [["2026-03-15T00:00:00Z"]]),
        ("print ago(1d), startofday(now() - 1h)", [["2026-03-14T00:00:00Z", "2026-03-14T00:00:00Z"]]),
        ("SigninLogs | where Succeeded | project Details | take 1", [[{"city": "Oslo", "tags": ["vpn"]}]]),
        ("datatable(g:guid)[guid(6b2d8b1e-0f4e-4a57-9f1c-0c5d8f3c2a11)]", [["6b2d8b1e-0f4e-4a57-9f1c-0c5d8f3c2a11"]]),
    ],
)  # fmt: skip
def test_results_are_those_of_the_rows(
    kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str, rows: list[list[object]]
) -> None:
    assert run_proven(kql, query, kql_group, sandbox, 10).rows == rows


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SigninLogs | join Hosts on IPAddress", ["SigninLogs", "Hosts"]),
        ("let x = Hosts; x | take 1", ["Hosts"]),
        ("union Sign* | take 1", ["SigninLogs"]),
        ("union * | take 1", ["SigninLogs", "Hosts"]),
        ("search 'x'", ["SigninLogs", "Hosts"]),
        ("table('Hosts') | take 1", ["Hosts"]),
        ("print 'SigninLogs'", []),
    ],
)
def test_the_tables_a_query_reads_are_known(kql: Kql, kql_group: Catalog, query: str, names: list[str]) -> None:
    assert [table.name for table in kql.tables_of(query, kql_group)] == names


@pytest.mark.parametrize(
    ("type_name", "duckdb"),
    [
        ("long", "BIGINT"),
        ("System.DateTime", "TIMESTAMP"),
        ("System.SByte", "BOOLEAN"),
        ("dynamic", "JSON"),
        ("timespan", "INTERVAL"),
        ("guid", "UUID"),
        ("Real", "DOUBLE"),
        ("decimal", "DECIMAL(38,9)"),
    ],
)
def test_every_kusto_type_has_its_duckdb_type(kql: Kql, type_name: str, duckdb: str) -> None:
    assert kql.duckdb_type(type_name) == duckdb


def test_an_unknown_type_gets_the_nearest(kql: Kql) -> None:
    with pytest.raises(InvalidInput, match="unknown KQL type 'strng'; did you mean 'string'"):
        kql.duckdb_type("strng")


def test_many_threads_prove_at_once(kql: Kql, kql_group: Catalog, sandbox: Sandbox) -> None:
    verdicts: list[str] = []

    def work(number: int) -> None:
        good = prove(kql, f"SigninLogs | where DurationMs > {number} | count", kql_group, sandbox)
        bad = prove(kql, f"SigninLogs | where Durations > {number}", kql_group, sandbox)
        verdicts.extend((good.verdict, bad.verdict))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdicts) == ["proven"] * 24 + ["rejected"] * 24


@pytest.fixture(scope="module")
def without_dotnet() -> Kql:
    return Kql(DuckdbKql())


def test_without_dotnet_queries_are_proven_and_the_proof_names_the_prover(
    without_dotnet: Kql, kql_group: Catalog, sandbox: Sandbox
) -> None:
    proofs = [prove(without_dotnet, query, kql_group, sandbox) for query in lines(KQL_GOOD)]
    assert {proof.verdict for proof in proofs} == {"proven"}
    assert all(proof.checks[0].prover.startswith("duckdb-kql") for proof in proofs)


@pytest.mark.parametrize("query", lines(KQL_BAD))
def test_without_dotnet_nothing_unsafe_passes_either(
    without_dotnet: Kql, kql_group: Catalog, sandbox: Sandbox, query: str
) -> None:
    assert prove(without_dotnet, query, kql_group, sandbox).verdict == "rejected"


@pytest.mark.parametrize(
    ("query", "code", "suggestion"),
    [
        ("SigninLog | take 1", "unknown_table", "SigninLogs"),
        ("SigninLogs | where UserName == 'x'", "unknown_column", "UserPrincipalName"),
        ("SigninLogs | join kind=inner Hosts on IPAddress | project Hostnam", "unknown_column", "HostName"),
    ],
)
def test_without_dotnet_names_are_bound_by_duckdb(
    without_dotnet: Kql, kql_group: Catalog, query: str, code: str, suggestion: str
) -> None:
    problem = without_dotnet.bind(query, kql_group).problems[0]
    assert (problem.code, problem.suggestion) == (code, suggestion)


def test_a_machine_without_dotnet_falls_back_by_itself(tmp_path: Path) -> None:
    script = "from agents.data.kql import Kql; print(type(Kql().prover).__name__)"
    environment = {**os.environ, "DOTNET_ROOT": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "DuckdbKql"


@pytest.mark.parametrize(
    "step",
    [
        "let a{n} = union a{m}, a{m}; ",
        "let a{n} = union ['a{m}'], a{m}; ",
        "let a{n} = toscalar(a{m})-toscalar(a{m}); ",
    ],
)
def test_lets_that_double_each_other_are_too_complex(kql: Kql, kql_group: Catalog, sandbox: Sandbox, step: str) -> None:
    query = "let a0 = Hosts; " + "".join(step.format(n=n, m=n - 1) for n in range(1, 40)) + "a39 | count"
    assert [problem.code for problem in prove(kql, query, kql_group, sandbox).problems] == ["too_complex"]


def test_lets_that_are_used_often_are_fine(kql: Kql, kql_group: Catalog, sandbox: Sandbox) -> None:
    query = "let h = Hosts; let two = union h, h; union " + ", ".join(["two"] * 20) + " | count"
    assert run_proven(kql, query, kql_group, sandbox, 1).rows == [[80]]


@pytest.mark.parametrize(
    "query",
    [
        "print strrep('a', 100000000)",
        "print strrep('a', 10000*10000)",
        "print strrep(toupper(strrep('a', 5000)), 5000)",
        "print strrep('a', tolong((20000)), '-')",
    ],
)
def test_text_that_grows_without_bound_is_refused(kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str) -> None:
    assert prove(kql, query, kql_group, sandbox).problems[0].code == "too_large"


def test_text_may_be_repeated_within_reason(kql: Kql, kql_group: Catalog, sandbox: Sandbox) -> None:
    query = "print strrep('ab', 2), strrep(substring('abcdef', 0, 200000), 2), x = 20000"
    assert run_proven(kql, query, kql_group, sandbox, 1).rows == [["abab", "abcdefabcdef", 20000]]


def test_a_file_of_several_queries_is_split_with_their_comments(kql: Kql) -> None:
    text = "// one\n\nlet x = 1;\n\nHosts | take x\n\n// two\nSigninLogs\n\n| count\n\n| broken (\n"
    assert kql.split(text) == [
        "// one\n\nlet x = 1;\n\nHosts | take x",
        "// two\nSigninLogs\n\n| count",
        "| broken (\n",
    ]
