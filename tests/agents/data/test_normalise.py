"""Queries that differ in form alone have one normal form; others do not."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import pytest

from agents.data.platform import load_platform
from tests.agents.data.conftest import small_catalog

SAME = {
    "kql": ("SigninLogs|where ResultType=='0'|take 5", 'SigninLogs\n| where ResultType == "0"\n| limit 5 // five'),
    "sql": ("select HostName from Hosts where IPAddress='1'", "SELECT h.HostName\nFROM Hosts AS h\nWHERE (h.IPAddress = '1')"),
}  # fmt: skip


@pytest.mark.parametrize("platform", SAME)
def test_form_makes_no_difference(platform: str) -> None:
    language, catalog = load_platform(platform), small_catalog(platform)
    one, other = (language.normalise(query, catalog) for query in SAME[platform])
    assert one == other
    assert language.parse(one, catalog).status == "passed"
    assert language.normalise(one, catalog) == one


@pytest.mark.parametrize("platform", SAME)
def test_what_a_query_does_makes_one(platform: str) -> None:
    language, catalog = load_platform(platform), small_catalog(platform)
    query = SAME[platform][0]
    assert language.normalise(query, catalog) != language.normalise(query.replace("'", "'x", 1), catalog)


@pytest.mark.parametrize("platform", [*SAME, "spl"])
def test_what_is_no_query_is_its_text(platform: str) -> None:
    catalog = small_catalog("kql" if platform == "spl" else platform)
    assert load_platform(platform).normalise("what?\n\n  is | ( this", catalog) == "what? is | ( this"
