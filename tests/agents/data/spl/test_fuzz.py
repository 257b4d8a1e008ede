"""No text makes the checks crash or hang: random text, and real searches cut and mixed."""

from __future__ import annotations

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.spl import Macro, Parsed, Spl
from shared.settings import Settings
from tests.agents.data.spl.small import CATALOG
from tests.agents.data.spl.test_commands import CASES as COMMANDS
from tests.agents.data.spl.test_results import CASES as RESULTS
from tests.agents.data.spl.test_values import CASES as VALUES

CASES = [*RESULTS, *COMMANDS, *VALUES]

_WORDS = r"""
index=web | stats eval where search by count ( ) [ ] " ' ` ``` , = != < > * - + . AND OR NOT IN as span=1h head 5
user status sum( if( case( rex "(?<a>.)" field= table rename timechart lookup hosts OUTPUT join append transaction
\ \" $x$ { } {} <<FIELD>> earliest=-1d@d now() null 1e999 99999999999999999999 :: ! ~ # ; \x00
"""
_TOKENS = st.sampled_from([*_WORDS.split(), "\x00", "\n", "\u00e9", "\u202e"])
_MACROS = {"m": Macro("stats count"), "f": Macro("$a$ | `m`", ("a",)), "loop": Macro("`loop`")}
_SANDBOX = Sandbox(Settings())
_FEW = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _check_everything(spl: str) -> None:
    parsed = Parsed(spl, _MACROS)
    for check in (parsed.parse(), parsed.bind(CATALOG), parsed.bind(None), parsed.safety(CATALOG)):
        assert all(problem.line and problem.column for problem in check.problems)
    Spl().tables_of(spl, CATALOG)


@_FEW
@given(st.text(max_size=80))
def test_any_text_gets_checks(spl: str) -> None:
    _check_everything(spl)


@_FEW
@given(st.lists(_TOKENS, max_size=25).map(" ".join))
def test_any_mixture_of_words_gets_checks(spl: str) -> None:
    _check_everything(spl)


@_FEW
@given(st.sampled_from(CASES), st.integers(0, 120), st.integers(0, 12), _TOKENS)
def test_a_search_with_a_piece_replaced_gets_a_proof_or_one_statement(
    case: tuple[str, object], at: int, length: int, token: str
) -> None:
    spl = case[0][:at] + token + case[0][at + length :]
    _check_everything(spl)
    proof = prove(Spl(), spl, CATALOG, _SANDBOX)
    assert [check.name for check in proof.checks] in (["parse"], ["parse", "bind", "safety", "cost", "dry_run"])
    if proof.verdict == "proven":
        sql = Spl().to_duckdb_over_rows(spl, CATALOG, lambda select: [])
        assert [found.type for found in duckdb.extract_statements(sql)] == [duckdb.StatementType.SELECT]


@_FEW
@given(st.lists(st.sampled_from([case[0] for case in CASES]), min_size=2, max_size=4), st.data())
def test_pipelines_put_together_from_others_get_a_proof(searches: list[str], data: st.DataObject) -> None:
    first, *others = searches
    later = [data.draw(st.sampled_from(other.split("|")[1:] or [" head 5"])) for other in others]
    spl = "|".join([first, *later])
    proof = prove(Spl(), spl, CATALOG, _SANDBOX)
    assert all(check.problems for check in proof.checks if check.status == "failed")
    dry_run = proof.checks[-1]
    assert not dry_run.problems or dry_run.status == "failed"
