"""Reading and rewriting the expressions of a plan without naming every kind of node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from agents.data.plan.model import EXPRESSIONS, Column, Expr, Node, QueryPlan, Table

N = TypeVar("N", bound=Node)


def parts(node: Node) -> Iterator[Node]:
    """The nodes directly inside it, in order; those of nested plans are inside the plan."""
    for name in type(node).model_fields:
        yield from _nodes(getattr(node, name))


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)


def walk(node: Node, *, into_plans: bool = False) -> Iterator[Node]:
    """It and everything inside it. into_plans: also what plans inside it hold."""
    yield node
    for part in parts(node):
        if into_plans or not isinstance(part, QueryPlan):
            yield from walk(part, into_plans=into_plans)


def columns_in(node: Node) -> set[str]:
    """The names of the columns that an expression or a step reads, without those inside nested plans."""
    return {part.name for part in walk(node) if isinstance(part, Column)}


def tables_in(plan: QueryPlan) -> list[str]:
    """The names of the tables that a plan reads, each once, in the order of their first use."""
    return list(dict.fromkeys(part.name for part in walk(plan, into_plans=True) if isinstance(part, Table)))


def rewrite(node: N, change: Callable[[Expr], Expr | None]) -> N:
    """A copy in which `change` replaced expressions, outermost first; None leaves one as it is and looks inside it.

    Nested plans are left alone: their columns are others.
    """
    values = {name: _changed(getattr(node, name), change) for name in type(node).model_fields}
    same = all(value is getattr(node, name) for name, value in values.items())
    return node if same else node.model_copy(update=values)


def rewritten(expression: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The expression itself replaced, or else what is inside it."""
    found = change(expression)
    return rewrite(expression, change) if found is None else found


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, QueryPlan):
        return value
    if isinstance(value, Node):
        found = change(value) if isinstance(value, EXPRESSIONS) else None
        return rewrite(value, change) if found is None else found
    if isinstance(value, tuple):
        items = tuple(_changed(item, change) for item in value)
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value
