"""Which literal is compared with which column, and whether anything says it."""

from __future__ import annotations

import pytest

from agents.data.literals import comparisons, same_value, unexplained
from shared.catalog import Column, Table

HOSTS = Table(
    name="hosts",
    columns=[
        Column(name="status", values=["Running", "Stopped"]),
        Column(name="host", type="string"),
        Column(name="code", type="long", description="0 is fine, 4625 a failed logon"),
        Column(name="seen", type="datetime"),
    ],
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("T | where status == 'Running'", [("status", "==", "Running", False)]),
        ('T | where status =~ "running" and code != 3', [
            ("status", "=~", "running", False), ("code", "!=", "3", False)]),
        ("T | where host in ('a', 'b')", [("host", "in", "a", False), ("host", "in", "b", False)]),
        ("T | where host !in~ (\"a\")", [("host", "!in~", "a", False)]),
        ("T | where host has 'web'", [("host", "has", "web", True)]),
        ("SELECT 1 FROM t WHERE host LIKE '%web%'", [("host", "like", "%web%", True)]),
        ("SELECT 1 FROM t WHERE host NOT IN ('it''s')", [("host", "not in", "it''s", False)]),
        ('index=os status=Running host="web-3" | head 5', [
            ("index", "=", "os", False), ("status", "=", "Running", False), ("host", "=", "web-3", False)]),
        ("search host=web*", [("host", "=", "web*", True)]),
        ("| eval x=count(y)", []),
        ("T | where a == b", []),
    ],
)  # fmt: skip
def test_literals_are_found_with_their_columns(query: str, found: list[tuple[str, str, str, bool]]) -> None:
    assert [(one.column, one.operator, one.literal, one.partial) for one in comparisons(query)] == found


def test_a_place_is_the_literal_without_its_quotes() -> None:
    query = "T | where status == 'Running'"
    (one,) = comparisons(query)
    assert query[one.start : one.end] == "Running"


@pytest.mark.parametrize(
    "query",
    [
        "status = 'Stopped'",  # a known value
        "host = 'web-3'",  # in the question
        "code = 4625",  # in the column's description
        "code = 1",
        "seen > '2026-03-01'",
        "host LIKE '%batch%'",  # in a runbook
    ],
)
def test_a_literal_that_something_says_is_explained(query: str) -> None:
    assert unexplained(query, [HOSTS], ["Which jobs run on Web-3?", "restart the batch host"]) == []


def test_a_literal_that_nothing_says_is_not() -> None:
    (one,) = unexplained("host = 'mail-7' AND other = 'x'", [HOSTS], ["Which jobs run on web-3?"])
    assert one.literal == "mail-7"


@pytest.mark.parametrize(
    ("one", "other", "same"), [("failed", "Failed", True), ("web 3", "web-3", True), ("3", "4", False)]
)
def test_spellings_of_one_value_are_the_same(one: str, other: str, same: bool) -> None:
    assert same_value(one, other) is same
