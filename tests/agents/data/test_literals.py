"""Which literal is compared with which column, and whether a text says it."""

from __future__ import annotations

import pytest

from agents.data.literals import comparisons, mostly_said, same_value


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
        ("T | where host has_any (dynamic(['a', \"b\"]))", [
            ("host", "has_any", "a", True), ("host", "has_any", "b", True)]),
        ("T | where code in (dynamic([1, 2]))", [("code", "in", "1", False), ("code", "in", "2", False)]),
        ("T | where code >= 500", [("code", ">=", "500", False)]),
        ("T | where seen > ago(1d)", []),
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
    ("literal", "said"),
    [
        ("rclone.exe", "devices that ran rclone"),
        ("westeurope", "servers in west Europe"),
        ("DeleteBucket", "the deletion of a bucket"),
        ("Administrator", "all cloud admins"),
    ],
)
def test_a_literal_is_said_by_most_of_its_words(literal: str, said: str) -> None:
    assert mostly_said(literal, said)
    assert not mostly_said(literal, "failed sign-ins of eve")


@pytest.mark.parametrize(
    ("one", "other", "same"), [("failed", "Failed", True), ("web 3", "web-3", True), ("3", "4", False)]
)
def test_spellings_of_one_value_are_the_same(one: str, other: str, same: bool) -> None:
    assert same_value(one, other) is same


@pytest.mark.timeout(20)
def test_a_list_that_is_never_closed_is_read_in_no_time() -> None:
    values = ", ".join(f"'IOC{number}'" for number in range(500))
    assert comparisons(f"T | where Name in (dynamic([{values}, '") == []
