"""What a glossary says how to compute, computed so: `1 - errors / requests` of `availability`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from agents.data.linking import Linked
from agents.data.meanings import ARITHMETIC, formula_of
from agents.data.words import pieces

_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {exp.Max: exp.Min, exp.Min: exp.Max}


def hold_formulas(query: exp.Query, linked: Linked) -> Iterator[str]:
    """Compute what the query shows by the name of a term that the question says as the term's meaning does, where it
    computes something else of the same columns. Changes the query; the order stays, also where the sense turns."""
    terms = [(one, formula_of(one.text, linked.catalog)) for one in linked.mentions if one.kind == "term"]
    for select in list(query.find_all(exp.Select)):
        for shown in [one for one in select.expressions if isinstance(one, exp.Alias)]:
            for term, formula in terms:
                if formula is not None and set(pieces(term.phrase)) <= set(pieces(shown.alias)):
                    yield from _held(select, shown, formula, term.phrase)


def _held(select: exp.Select, shown: exp.Alias, formula: exp.Expr, phrase: str) -> Iterator[str]:
    around = shown.this if isinstance(shown.this, exp.AggFunc) else None
    computed = (around.this if around else shown.this).unnest()
    if (
        not isinstance(computed, ARITHMETIC)
        or computed.find(exp.AggFunc, exp.Window)
        or _names(computed) != _names(formula)
        or _plain(computed) == _plain(formula)
    ):
        return
    before, owners = (
        shown.this.sql(dialect="duckdb"),
        {one.name: one.args.get("table") for one in computed.find_all(exp.Column)},
    )
    right = formula.copy()
    for column in right.find_all(exp.Column):
        column.set("table", owners[column.name])
    is_turned = _is_rest_of(formula, computed)
    if around is not None and is_turned and type(around) in _TURNED:
        around.replace(_TURNED[type(around)](this=right))
    else:
        computed.replace(right)
    if is_turned:
        place = str(select.expressions.index(shown) + 1)
        for ordered in select.find_all(exp.Ordered):
            key = ordered.this
            by_name = isinstance(key, exp.Column) and key.name == shown.alias and not key.table
            if by_name or (isinstance(key, exp.Literal) and key.this == place):
                ordered.set("desc", None if ordered.args.get("desc") else True)
    yield f"computed {shown.alias} as `{formula.sql(dialect='duckdb')}`, which '{phrase}' means, not as `{before}`"


def _is_rest_of(formula: exp.Expr, computed: exp.Expr) -> bool:
    """`1 - x` of x."""
    whole = formula.unnest()
    return (
        isinstance(whole, exp.Sub)
        and isinstance(whole.this, exp.Literal)
        and _plain(whole.expression) == _plain(computed)
    )


def _names(node: exp.Expr) -> set[str]:
    return {one.name for one in node.find_all(exp.Column)}


def _plain(node: exp.Expr) -> exp.Expr:
    """Without tables, brackets, casts and the `1.0 *` that makes a number a fraction."""

    def bare(one: exp.Expr) -> exp.Expr:
        if isinstance(one, exp.Paren | exp.Cast):
            inner: exp.Expr = one.this
            return inner
        if isinstance(one, exp.Column):
            return exp.column(one.name)
        if isinstance(one, exp.Mul):
            sides: list[exp.Expr] = [one.this, one.expression]
            for side, other in (sides, sides[::-1]):
                if isinstance(side, exp.Literal) and not side.is_string and float(side.this) == 1:
                    return other
        return one

    plain = node.copy()
    while (simpler := plain.transform(bare)) != plain:
        plain = simpler
    return plain
