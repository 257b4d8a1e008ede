"""LIMIT, OFFSET and FETCH."""

from __future__ import annotations

from sqlglot import exp

from agents.data.plan.model import Limit, QueryPlan
from agents.data.plan.read_sql.scope import unsayable


def limited(plan: QueryPlan, node: exp.Expr) -> QueryPlan:
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if limit is None and offset is None:
        return plan
    count = None if limit is None else limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
    options = limit.args.get("limit_options") if isinstance(limit, exp.Fetch) else None
    if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
        raise unsayable("this limit", node)
    numbers = [_whole(one, node) for one in (count, offset.expression if offset else None)]
    return plan.then(Limit(count=numbers[0], offset=numbers[1] or 0))


def _whole(node: exp.Expr | None, around: exp.Expr) -> int | None:
    if node is None:
        return None
    if not isinstance(node, exp.Literal) or not node.name.isdigit():
        raise unsayable("a computed limit", around)
    return int(node.name)
