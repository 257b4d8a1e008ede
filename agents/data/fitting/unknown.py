"""The last resort for a query that shows columns that exist nowhere: the query without them, and saying so.

Conditions and groups stay: a query without them would answer another question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.conditions import written
from agents.data.repair import Mended, listed
from agents.data.sql.parsing import PARSER


def without_unknown(query: str, dialect: str, unknown: Sequence[str]) -> Mended:
    """The query without what it shows and orders by these columns; the same where nothing would be left to show.

    unknown: the names as the binder says them.
    """
    parsed = PARSER.parse(query, dialect).select
    if parsed is None or not unknown:
        return Mended(query)
    changed = parsed.copy()
    names = set(unknown)
    notes = [note for select in list(changed.find_all(exp.Select)) for note in _left_out(select, names)]
    if any(not select.expressions for select in changed.find_all(exp.Select)):
        return Mended(query)
    return written(query, changed, dialect, list(dict.fromkeys(notes)))


def _left_out(select: exp.Select, names: set[str]) -> Iterator[str]:
    shown = [one for one in select.expressions if not _names_in(one) & names]
    if len(shown) < len(select.expressions):
        gone = {name for one in select.expressions for name in _names_in(one) & names}
        select.set("expressions", shown)
        yield f"left out {listed(gone)}: no table here has that"
    if order := select.args.get("order"):
        kept = [one for one in order.expressions if not _names_in(one) & names]
        select.set("order", exp.Order(expressions=kept) if kept else None)


def _names_in(node: exp.Expr) -> set[str]:
    return {one.name for one in node.find_all(exp.Column)}
