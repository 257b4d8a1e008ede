"""Subqueries that look at the rows around them, as joins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from agents.data.plan.expressions import Call, Column, Constant, Expr
from agents.data.plan.model import Aggregate, Filter, Join, Key, Measure, Named, Project
from agents.data.plan.read_sql.calls import has_aggregate
from agents.data.plan.read_sql.expressions import Scalars, all_of, query_in
from agents.data.plan.read_sql.joins import Uses, conjuncts
from agents.data.plan.read_sql.naming import output_name
from agents.data.plan.read_sql.scope import clauses, unique, unsayable

if TYPE_CHECKING:
    from agents.data.plan.read_sql.selects import Selecting


def semi_join(select: Selecting, node: exp.Expr, negated: bool) -> None:
    """EXISTS, and a correlated IN: the SELECT's rows that have, or have not, a row in the subquery."""
    query = query_in(node.this if isinstance(node, exp.Exists) else node.args["query"])
    if not isinstance(query, exp.Select) or clauses(query, "group", "having", "qualify", "offset", "windows"):
        raise unsayable("this subquery", node)
    uses = Uses(query, stars=False)
    where = conjuncts(query.args["where"].this) if query.args.get("where") else []
    right = select.inside(query).reading_from(uses).read(query, where)
    if isinstance(node, exp.In):
        if negated:
            raise unsayable("NOT IN of several columns", node)
        left = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
        if len(left) != len(query.selects):
            raise unsayable("IN with another number of columns", node)
        where += [
            exp.EQ(this=a.copy(), expression=b.unalias().copy()) for a, b in zip(left, query.selects, strict=True)
        ]
    elif any(has_aggregate(item) for item in query.expressions):
        raise unsayable("EXISTS of an aggregate", node)
    select.side = select.reading_from(uses).joined(select.side, right, "anti" if negated else "semi", where)


def joined_value(select: Selecting, query: exp.Select) -> Expr:
    """`(SELECT count(*) FROM b WHERE b.id = a.id)`: the value of each key, joined."""
    if select.calls.groups or select.calls.measures or len(query.expressions) != 1 or clauses(
        query, "group", "having", "qualify", "limit", "offset", "order", "distinct"
    ):  # fmt: skip
        raise unsayable("this correlated subquery", query)
    where = conjuncts(query.args["where"].this) if query.args.get("where") else []
    inner = select.inside(query)
    inner.enter(inner.reading_from(Uses(query)).read(query, where))
    pairs = [pair for one in where if (pair := _equal_to_outer(inner, one))]
    own = [one for one in where if not _equal_to_outer(inner, one)]
    if own:
        inner.side = inner.side.then(Filter(condition=all_of([inner.calls.plain.read(one) for one in own])))
    value = inner.over(query.expressions[0].unalias())
    measures = inner.calls.measures or [Measure(name="\0m0", function="any", args=(value,))]
    wanted = value if inner.calls.measures else Column(name="\0m0")
    name = unique(output_name(query.expressions[0], 1), select.side.columns)
    groups = tuple(Named(name=f"{name}_key{n or ''}", value=key) for n, (key, _) in enumerate(pairs))
    inner.calls.names = {one.name: f"{name}_{n}" for n, one in enumerate(measures)}
    step = Aggregate(groups=groups, measures=tuple(inner.calls.final(one) for one in measures))
    columns = [*(Named(name=one.name, value=Column(name=one.name)) for one in groups)]
    shown = Project(columns=(*columns, Named(name=name, value=inner.calls.final(wanted))))
    keys = tuple(Key(left=outer, right=Column(name=one.name)) for one, (_, outer) in zip(groups, pairs, strict=True))
    select.side = select.side.then(Join(how="left", right=inner.side.plan.then(step, shown), keys=keys))
    select.side.columns[name] = None
    counted = all(one.function in ("count", "count_distinct") for one in measures)
    found = Column(name=name)
    return Call(function="coalesce", args=(found, Constant(type="int", value=0))) if counted else found


def _equal_to_outer(select: Selecting, node: exp.Expr) -> tuple[Expr, Expr] | None:
    """The inner and the outer side of `b.id = a.id`."""
    if not isinstance(node, exp.EQ) or select.outer is None:
        return None
    for one, other in ((node.this, node.expression), (node.expression, node.this)):
        if isinstance(other, exp.Column) and select.scope.find(other) is None:
            return select.calls.plain.read(one), Scalars(select.outer, select).read(other)
    return None
