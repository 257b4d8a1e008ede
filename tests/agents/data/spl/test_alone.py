"""SPL proven without a schema group, as `lexiquery prove --platform spl` does."""

from __future__ import annotations

import pytest

from agents.data.spl import Macro
from agents.data.spl.alone import prove_spl
from agents.data.spl.conf import read_macros
from core_engine.proving import prove_alone
from shared.errors import InvalidInput
from shared.models import Proof
from tests.agents.data.spl.small import CATALOG

CONF = r"""
# of the web team
[server_errors]
definition = status>=500 \
             NOT user="svc = x"
iseval = 0

[by(2)]
args = what, n
definition = stats count by $what$ | sort $n$ -count
"""


def summary(proof: Proof) -> dict[str, str]:
    return {check.name: check.status for check in proof.checks}


def test_a_search_is_plausible_and_has_run_on_what_it_names() -> None:
    proof = prove_spl("index=web status>=500 | timechart span=1h sum(bytes) by host | addtotals")
    assert proof.verdict == "plausible"
    assert summary(proof) == {"parse": "passed", "bind": "skipped", "safety": "passed", "dry_run": "passed"}
    assert "no schema group" in proof.checks[1].detail


@pytest.mark.parametrize(
    ("spl", "code", "suggestion"),
    [
        ("index=web | stats cuont by host", "unknown_function", "count"),
        ("index=web | stats count by host | where hots=1", "unknown_field", "host"),
        ("index=web | stast count", "unknown_command", "stats"),
        ("index=web | stats count by", "empty_clause", None),
        ("index=web | outputlookup hosts", "denied_command", "remove it"),
        ("| makeresults count=999999999", "resource_limit", "at most 100,000"),
        ("", "empty_query", None),
    ],
)
def test_what_needs_no_schema_to_be_wrong_is_rejected(spl: str, code: str, suggestion: str | None) -> None:
    proof = prove_spl(spl)
    assert proof.verdict == "rejected"
    assert (proof.problems[0].code, proof.problems[0].suggestion) == (code, suggestion)


@pytest.mark.parametrize(
    "spl",
    [
        '| tstats count from datamodel=Endpoint.Processes where Processes.process_name="cmd.exe" by Processes.dest',
        "| inputlookup assets where owner=x | lookup people.csv name AS owner OUTPUT mail | stats count by mail",
        "| from datamodel:Authentication.Authentication | stats dc(src) as sources by user | where sources>5",
        "index=a | append [search index=b | fields x] | join host [search index=c | stats count by host]",
        "index=web | lookup web host OUTPUT site",
    ],
)
def test_every_kind_of_source_is_supposed(spl: str) -> None:
    assert prove_spl(spl).verdict == "plausible"


def test_an_unknown_macro_may_hide_anything_so_nothing_is_run() -> None:
    proof = prove_spl("`sysmon` EventCode=1 | stats count by host")
    assert (proof.verdict, proof.checks[-1].status) == ("plausible", "skipped")
    assert "unknown macro 'sysmon'" in proof.checks[-1].detail
    known = prove_spl("`sysmon` EventCode=1 | stats count by host", macros={"sysmon": Macro("index=win")})
    assert known.checks[-1].status == "passed"


def test_with_a_catalog_it_is_proven_by_its_names_and_macros() -> None:
    assert prove_spl("index=web `server_errors` | stats count by host", CATALOG).verdict == "proven"
    assert prove_spl("index=web `mine` | stats count", CATALOG, {"mine": Macro("status=200")}).verdict == "proven"
    assert prove_spl("index=web statuss=500", CATALOG).problems[0].suggestion == "status"


def test_a_macros_conf_is_read_with_its_arguments_and_continued_lines() -> None:
    macros = read_macros(CONF)
    assert macros["by(2)"] == Macro("stats count by $what$ | sort $n$ -count", ("what", "n"))
    assert macros["server_errors"].definition.split() == ["status>=500", "NOT", 'user="svc', "=", 'x"']
    assert prove_spl("index=web `server_errors` | `by(host, 5)`", macros=macros).checks[-1].status == "passed"
    with pytest.raises(InvalidInput, match="not a macros"):
        read_macros("definition = without a stanza")


async def test_other_languages_say_that_they_need_a_group() -> None:
    assert (await prove_alone("spl", "index=web | `m`", "[m]\ndefinition = head 5")).verdict == "plausible"
    with pytest.raises(InvalidInput, match="--group"):
        await prove_alone("kql", "T | take 5")
