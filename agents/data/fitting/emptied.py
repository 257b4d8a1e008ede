"""Conditions that the question does not say, and that leave no row."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlglot import exp

from agents.data.fitting.conditions import CountRows, conditions, drop, literals_of, rows_read

_COMPARING = (exp.EQ, exp.Like, exp.ILike, exp.In)


def drop_emptying(query: exp.Query, unsaid: Collection[str], count: CountRows) -> Iterator[str]:
    """Leave out the one condition on unsaid values without which there are rows, where there are none with it, or all
    such conditions. Changes the query."""
    if not isinstance(query, exp.Select):
        return
    doubtful = [
        one
        for one in conditions(query)
        if isinstance(one.unnest(), _COMPARING) and (values := literals_of(one)) and values <= {*unsaid}
    ]
    if not doubtful or count(rows_read(query)) != 0:
        return
    each = [[one] for one in doubtful if _has_rows(query, [one], count)]
    gone = each[0] if len(each) == 1 else doubtful if not each and _has_rows(query, doubtful, count) else []
    for one in gone:
        drop(query, one)
        yield f"left out `{one.sql(dialect='duckdb')}`, which the question does not say, and which leaves no row"


def _has_rows(query: exp.Select, without: list[exp.Expr], count: CountRows) -> bool:
    rows = rows_read(query)
    gone = {one.sql() for one in without}
    kept = [one for one in conditions(rows) if one.sql() not in gone]
    rows.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
    return bool(count(rows))
