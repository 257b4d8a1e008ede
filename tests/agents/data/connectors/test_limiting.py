"""A KQL query with `take` at its end is the same query with fewer rows."""

from __future__ import annotations

import pytest

from agents.data.kql import Kql
from agents.data.kql.limiting import at_most
from tests.agents.data.public import hunting_files, kql_gold


@pytest.mark.parametrize(
    ("query", "limited"),
    [
        ("T", "T\n| take 5"),
        ("T | take 3;\n", "T | take 3\n| take 5"),
        ("T // | render", "T\n| take 5"),
        ("T | sort by a | render timechart with (title='a | b'); // drawn", "T | sort by a\n| take 5"),
        ("let n = 1; T | where a == n", "let n = 1; T | where a == n\n| take 5"),
        ("let R = T | render piechart; R | count", "let R = T | render piechart; R | count\n| take 5"),
        ("print a = '| render x'", "print a = '| render x'\n| take 5"),
        ("T | fork (count) (take 2)", "T | fork (count) (take 2)"),
    ],
)
def test_take_is_put_where_it_may_be(query: str, limited: str) -> None:
    assert at_most(query, 5) == limited


@pytest.mark.public_data
def test_real_queries_bind_as_before_and_keep_their_columns(kql: Kql) -> None:
    for catalog, query in kql_gold():
        if kql.bind(query, catalog).status == "passed":
            assert kql.bind(at_most(query, 101), catalog).status == "passed"
            assert kql.columns_of(at_most(query, 101), catalog) == kql.columns_of(query, catalog)


@pytest.mark.public_data
def test_real_queries_parse_as_before(kql: Kql) -> None:
    for text in hunting_files():
        for query in kql.split(text):
            assert kql.prover.parses(at_most(query, 101)) or not kql.prover.parses(query), query
