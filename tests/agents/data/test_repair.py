"""Snap: what code mends of a rejected query by its proof's own words."""

from __future__ import annotations

import pytest

from agents.data.platform import load_platform
from agents.data.repair import snap, snap_values, swap_table, told_where
from shared.models import Check, Problem, Proof
from tests.agents.data.deriving import small_catalog

CATALOG = small_catalog()


def rejected(*problems: Problem) -> Proof:
    return Proof.of([Check(name="bind", status="failed", prover="test", problems=list(problems))])


def unknown(
    kind: str, name: str, suggestion: str | None, line: int | None = None, column: int | None = None
) -> Problem:
    return Problem(
        code=f"unknown_{kind}", message=f"unknown {kind} '{name}'", suggestion=suggestion, line=line, column=column
    )


def test_an_unknown_name_is_replaced_where_it_stands() -> None:
    mended = snap("T\n| where Usr == 'Usr'", rejected(unknown("column", "Usr", "User", 2, 9)), [])
    assert mended.query == "T\n| where User == 'Usr'"
    assert mended.notes == ["used column 'User' for 'Usr', which does not exist here"]


def test_without_a_place_the_first_one_outside_of_strings_is_replaced() -> None:
    mended = snap("T | where x == 'Usr' and Usr == 1", rejected(unknown("column", "Usr", "User")), [])
    assert mended.query == "T | where x == 'Usr' and User == 1"


def test_several_names_are_replaced_at_once() -> None:
    proof = rejected(unknown("column", "Usr", "User", 1, 14), unknown("column", "Ct", "Country", 1, 19))
    assert snap("T | distinct  Usr, Ct", proof, []).query == "T | distinct  Usr, Ct".replace("Usr", "User").replace(
        "Ct", "Country"
    )


def test_a_suggestion_in_words_is_understood() -> None:
    assert (
        snap("Signins", rejected(unknown("table", "Signins", "did you mean 'SigninLogs'?")), []).query == "SigninLogs"
    )


def test_an_unknown_table_without_a_suggestion_becomes_the_best_linked_one() -> None:
    mended = snap("Logins | count", rejected(unknown("table", "Logins", None)), CATALOG.tables)
    assert mended.query == "SigninLogs | count"


@pytest.mark.parametrize(
    "problem",
    [
        unknown("column", "Usr", None),
        unknown("column", "Usr", "known: a, b"),
        Problem(code="syntax", message="expected ')'", suggestion="close it"),
    ],
)
def test_what_has_no_nearest_name_is_left_to_the_model(problem: Problem) -> None:
    assert snap("T | where Usr == 1", rejected(problem), []).notes == []


def test_a_value_is_spelt_as_the_catalog_spells_it() -> None:
    kql = load_platform("kql")
    mended = snap_values("SigninLogs | where ResultType == 'FAILURE'", kql, CATALOG)
    assert mended.query == "SigninLogs | where ResultType == 'Failure'"
    assert mended.notes == ["used 'Failure' for 'FAILURE', as ResultType spells it"]


@pytest.mark.parametrize("literal", ["== 'Failure'", "contains 'fail'", "== 'Unknown'"])
def test_a_value_that_is_right_partial_or_another_is_left_alone(literal: str) -> None:
    query = f"SigninLogs | where ResultType {literal}"
    assert snap_values(query, load_platform("kql"), CATALOG).query == query


def test_a_column_that_only_another_linked_table_has_leads_to_that_table() -> None:
    signins, heartbeat = CATALOG.tables
    proof = rejected(unknown("column", "Computer", None))
    query = "SigninLogs | where TimeGenerated > ago(1d) | distinct Computer"
    mended = swap_table(query, proof, [signins], [signins, heartbeat])
    assert mended.query == "Heartbeat | where TimeGenerated > ago(1d) | distinct Computer"
    assert mended.notes == ["used table 'Heartbeat', which has 'Computer', for 'SigninLogs'"]


def test_a_table_that_lacks_another_used_column_does_not_take_over() -> None:
    signins, heartbeat = CATALOG.tables
    query = "SigninLogs | where Country == 'NL' | distinct Computer"
    assert swap_table(query, rejected(unknown("column", "Computer", None)), [signins], [heartbeat]).query == query


def test_the_model_is_told_which_table_has_a_column_that_is_unknown_at_its_place() -> None:
    (problem,) = told_where([unknown("column", "Computer", None)], CATALOG.tables)
    assert problem.message == "unknown column 'Computer' at this place; it is a column of Heartbeat"
