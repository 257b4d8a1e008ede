"""What a SELECT reads; the conditions that all must hold of its rows, and how one is taken out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from sqlglot import exp
from sqlglot.errors import SqlglotError

from agents.data.repair import Mended

CountRows: TypeAlias = Callable[[exp.Query], int | None]  # how many rows a query gives; None where it can't be run
_LISTING = re.compile(r"[\s,;'\"*%()]*(?:(?:and|or)[\s'\"*%()]*)*")


def conditions(select: exp.Select) -> list[exp.Expr]:
    """The parts of WHERE that are joined by AND."""
    where = select.args.get("where")
    return parts(where.this) if where else []


def drop(select: exp.Select, condition: exp.Expr) -> None:
    """Take one of the select's conditions out."""
    kept = [one for one in conditions(select) if one is not condition]
    select.set("where", exp.Where(this=exp.and_(*kept, copy=False)) if kept else None)


def close_either(select: exp.Select, question: str) -> Iterator[str]:
    """`a = 1 OR a = 2 AND b = 3` means `(a = 1 OR a = 2) AND b = 3` where the question lists 1 and 2 side by side, and
    so does `b = 3 AND a = 1 OR a = 2`; of one value, it may be of either column. SQL binds AND closer, those who list
    things don't. Changes the select."""
    where = select.args.get("where")
    either = where.this if where else None
    if where is None or not isinstance(either, exp.Or):
        return
    if any(isinstance(one.unnest(), exp.And) for one in either.find_all(exp.Paren)):
        return  # what belongs together is said
    first, *middle, last = (list(one.flatten()) if isinstance(one, exp.And) else [one] for one in either.flatten())
    if any(len(one) > 1 for one in middle) or len(first) + len(last) < 3:
        return
    alike = [first[-1], *(one for (one,) in middle), last[0]]
    rest = [*first[:-1], *last[1:]]
    columns, values = {_compared(one) for one in alike}, [value for one in alike for value in literals_of(one)]
    if None in columns or columns & {_compared(one) for one in rest}:
        return
    said = are_listed(values, question) if len(columns) == 1 else len(set(values)) == 1 and _says(question, values[0])
    if not said:
        return
    closed = exp.paren(exp.or_(*(one.copy() for one in alike), copy=False))
    kept = [*first[:-1], closed, *last[1:]]
    where.set("this", exp.and_(*(one.copy() for one in kept), copy=False))
    yield f"read `{where.this.sql(dialect='duckdb')}`: what else must hold is of every one"


def are_listed(values: Sequence[str], question: str) -> bool:
    """Whether the question says the values with nothing but commas, `or` and `and` between them."""
    text = question.lower()
    places = sorted((text.find(value.lower()), len(value)) for value in values)
    if len(places) < 2 or places[0][0] < 0:
        return False
    between = (text[at + length : after] for (at, length), (after, _) in pairwise(places))
    return all(_LISTING.fullmatch(one) for one in between)


def _says(question: str, value: str) -> bool:
    return bool(value) and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", question) is not None


def _compared(condition: exp.Expr) -> str | None:
    """The one column that a comparison with a constant is of."""
    columns = {one.sql() for one in condition.find_all(exp.Column)}
    return columns.pop() if len(columns) == 1 and condition.find(exp.Literal) else None


def literals_of(condition: exp.Expr) -> set[str]:
    """Its constants as text, without wildcards; none where it compares no column with a constant."""
    if not condition.find(exp.Column) or condition.find(exp.Query):
        return set()
    return {one.this.strip("%*") for one in condition.find_all(exp.Literal)}


def full_name(table: exp.Table) -> str:
    """With its schema, in lower case."""
    return ".".join(part.name for part in table.parts).lower()


def sources(select: exp.Select) -> list[exp.Expr]:
    """What FROM and the joins name: tables, and subqueries."""
    parts = [select.args.get("from_"), *(select.args.get("joins") or [])]
    return [one.this for one in parts if one is not None]


def named_queries(node: exp.Expr) -> set[str]:
    """What WITH names anywhere in the statement, in lower case: what is read by such a name may be no table."""
    return {one.alias.lower() for one in node.root().find_all(exp.CTE)}


def rows_read(select: exp.Select, keys: Sequence[exp.Column] = ()) -> exp.Select:
    """The rows that it reads and can show something of, before it computes anything of them; of keys, where some are
    given, each combination once."""
    rows = select.copy()
    shown = {column.sql(): column for one in select.expressions for column in one.find_all(exp.Column)}
    for part in ("group", "having", "order", "limit", "offset", "distinct", "qualify"):
        rows.set(part, None)
    rows.set("expressions", [exp.alias_(exp.Literal.number(1), "one")])
    if keys:
        rows.set("expressions", [key.copy() for key in keys])
        rows.distinct(copy=False)
    return rows.where(*(exp.Not(this=exp.Is(this=one.copy(), expression=exp.Null())) for one in shown.values()))


def parts(condition: exp.Expr) -> list[exp.Expr]:
    """The parts of a condition that are joined by AND."""
    bare = condition.unnest()
    return [part for side in bare.flatten() for part in parts(side)] if isinstance(bare, exp.And) else [condition]


def written(query: str, changed: exp.Query, dialect: str, notes: Sequence[str]) -> Mended:
    """The changed query as text; the query as it was where nothing was changed, or the change can't be written."""
    if not notes:
        return Mended(query)
    try:
        return Mended(changed.sql(dialect=dialect, pretty=True), list(notes))
    except SqlglotError:
        return Mended(query)
