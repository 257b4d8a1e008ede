"""What is inside JSON: arrows, subscripts and dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from agents.data.plan.expressions import Cast, Expr, Path
from agents.data.plan.read_sql.scope import unsayable

if TYPE_CHECKING:
    from agents.data.plan.read_sql.expressions import Scalars


def read_json(s: Scalars, node: exp.Expr) -> Expr:
    """`x -> '$.a'` is JSON, `x ->> '$.a'` its text."""
    path = node.expression
    steps: list[str | int] = []
    parts = path.expressions if isinstance(path, exp.JSONPath) else [path]
    for part in parts:
        if isinstance(part, exp.JSONPathRoot):
            continue
        key = part.this if isinstance(part, exp.JSONPathKey | exp.JSONPathSubscript) else _key(part, node)
        if not isinstance(key, str | int):
            raise unsayable("a JSON path with a wildcard", node)
        steps.append(key)
    found = inside(s.read(node.this), tuple(steps)) if steps else s.read(node.this)
    return Cast(operand=found, to="string") if isinstance(node, exp.JSONExtractScalar) else found


def _key(part: exp.Expr, node: exp.Expr) -> str | int:
    if isinstance(part, exp.Literal):
        return part.name if part.is_string else int(part.name)
    raise unsayable("a computed JSON path", node)


def inside(value: Expr, steps: tuple[str | int, ...]) -> Expr:
    """One path instead of a path of a path."""
    if isinstance(value, Path):
        return Path(operand=value.operand, steps=(*value.steps, *steps))
    return Path(operand=value, steps=steps)


def read_bracket(s: Scalars, node: exp.Expr) -> Expr:
    """`x['key']`, and `x[1]`, whose number sqlglot counts from 0."""
    if len(node.expressions) != 1 or not isinstance(node.expressions[0], exp.Literal):
        raise unsayable("this subscript", node)
    return inside(s.read(node.this), (_key(node.expressions[0], node),))


def read_dot(s: Scalars, node: exp.Expr) -> Expr:
    return inside(s.read(node.this), (node.expression.name,))
