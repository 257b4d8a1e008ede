"""What a glossary says how to compute, computed so: `1 - errors / requests` of `availability`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from agents.data.linking import Linked
from agents.data.meanings import formula_of
from agents.data.words import pieces

_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {exp.Max: exp.Min, exp.Min: exp.Max}
_BESIDE = frozenset(
    pieces("worst best average avg mean lowest highest smallest largest min max minimum maximum daily total")
)
# Said of the number itself, and not of what is good or bad.
_OF_THE_NUMBER = re.compile(r"\b(?:low|high|small|larg|least|most|minim|maxim)\w*", re.IGNORECASE)


def hold_formulas(query: exp.Query, question: str, linked: Linked) -> Iterator[str]:
    """Show what a term of the question means, `1 - x`, where the query shows the rest, `x`, by the term's name. Changes
    the query: what came first by that name comes first still, unless the question asks for the lowest or highest."""
    if not isinstance(query, exp.Select) or any(query.args.get(part) for part in ("having", "qualify", "distinct")):
        return
    for term in (one for one in linked.mentions if one.kind == "term"):
        formula = formula_of(term.text, linked.catalog)
        whole = formula.unnest() if formula is not None else None
        if formula is None or not isinstance(whole, exp.Sub) or not isinstance(whole.this, exp.Literal):
            continue
        words = set(pieces(term.phrase))
        for shown in [one for one in query.expressions if isinstance(one, exp.Alias)]:
            if words <= set(pieces(shown.alias)) <= words | _BESIDE and _show(query, shown, whole):
                if not _OF_THE_NUMBER.search(question):
                    _turn_order(query, shown)
                yield f"computed {shown.alias} as `{formula.sql(dialect='duckdb')}`, which '{term.phrase}' means"


def _show(query: exp.Select, shown: exp.Alias, formula: exp.Sub) -> bool:
    """Whether it showed the rest of the formula, which is set right."""
    around = shown.this if isinstance(shown.this, exp.AggFunc) else None
    computed = (around.this if around else shown.this).unnest()
    if _plain(computed) != _plain(formula.expression):
        return False
    right = exp.Sub(this=formula.this.copy(), expression=exp.paren(computed.copy()))
    if around is not None and type(around) in _TURNED:
        around.replace(_TURNED[type(around)](this=right))
    else:
        computed.replace(right)
    return True


def _turn_order(query: exp.Select, shown: exp.Alias) -> None:
    place = str(query.expressions.index(shown) + 1)
    order = query.args.get("order")
    for ordered in order.expressions if order else []:
        key = ordered.this
        by_name = isinstance(key, exp.Column) and key.name == shown.alias and not key.table
        if by_name or (isinstance(key, exp.Literal) and key.this == place):
            ordered.set("desc", None if ordered.args.get("desc") else True)


def _plain(node: exp.Expr) -> exp.Expr:
    """Without tables, brackets, casts, guards against a division by zero, and the `1.0 *` that makes a number a
    fraction."""

    def bare(one: exp.Expr) -> exp.Expr:
        inner: exp.Expr = one.this
        if isinstance(one, exp.Paren | exp.Cast | exp.Nullif):
            return inner
        if isinstance(one, exp.Column):
            return exp.column(one.name)
        if isinstance(one, exp.Mul):
            for side, other in ((inner, one.expression), (one.expression, inner)):
                if isinstance(side, exp.Literal) and not side.is_string and float(side.this) == 1:
                    return other
        return one

    plain = node.copy()
    while (simpler := plain.transform(bare)) != plain:
        plain = simpler
    return plain
