"""How much a query does, as the confidence knows it."""

from __future__ import annotations

import pytest

from agents.data.complexity import complexity


@pytest.mark.parametrize(
    ("query", "joined", "nested", "divides"),
    [
        ("SELECT count(*) FROM tickets", 0, 0, 0),
        ("SELECT a.x FROM a JOIN b ON a.id = b.id JOIN c ON c.id = b.id", 2, 0, 0),
        ("WITH x AS (SELECT 1) SELECT * FROM x WHERE y IN (SELECT y FROM z)", 0, 2, 0),
        ("SELECT 100.0 * sum(failed) / count(*) FROM runs", 0, 0, 1),
        ("SigninLogs | where Url has 'https://a/b' | count", 0, 0, 0),
        ("A | join kind=inner (B | where x == 1) on Id | extend Share = Failed / Total", 1, 0, 1),
        ("index=web uri=/cart/checkout | lookup owners service OUTPUT team | stats count by team", 1, 0, 0),
        ("index=app [search index=web status=502 | fields trace_id] | stats count", 0, 1, 0),
        ("SELECT x FROM t WHERE note = 'a join of select / b'", 0, 0, 0),
    ],
)
def test_joins_inner_queries_and_divisions_are_counted(query: str, joined: int, nested: int, divides: int) -> None:
    found = complexity(query)
    assert (round(found["joined"] * 3), round(found["nested"] * 3), found["divides"]) == (joined, nested, divides)


def test_every_number_is_a_share() -> None:
    many = " UNION ".join(["SELECT a / b FROM t JOIN u ON t.id = u.id"] * 40)
    assert complexity(many) == {"joined": 1.0, "nested": 1.0, "length": 1.0, "divides": 1.0}
