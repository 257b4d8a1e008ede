"""LIKE, regular expressions and their kin as the plan's Match: `LIKE '%abc%'` is `contains 'abc'`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from agents.data.plan.expressions import Call, Compare, Constant, Expr, Match, Not
from agents.data.plan.read_sql.scope import unsayable

if TYPE_CHECKING:
    from agents.data.plan.read_sql.expressions import Scalars

_WILD = re.compile(r"[%_]")


def like(s: Scalars, node: exp.Expr) -> Expr:
    """Any of the operators and functions that match text, negated or not."""
    written = node.this if isinstance(node, exp.Escape) else node
    found = _matched(s, node)
    return Not(operand=found) if written.args.get("negate") else found


def _matched(s: Scalars, node: exp.Expr) -> Expr:
    escape = None
    if isinstance(node, exp.Escape):
        node, escape = node.this, node.expression.name
    operand, pattern = s.read(node.this), s.read(node.expression)
    text = pattern.value if isinstance(pattern, Constant) and isinstance(pattern.value, str) else None
    if isinstance(node, exp.Like | exp.ILike):
        return match_like(operand, pattern, ignore_case=isinstance(node, exp.ILike), escape=escape)
    if isinstance(node, exp.SimilarTo | exp.RegexpFullMatch):
        if text is None:
            raise unsayable("a computed pattern", node)
        return _regex(operand, f"^(?:{text})$", ignore_case=False)
    flags = node.args.get("flag")
    if flags is not None and flags.name not in ("i", "c", ""):
        raise unsayable("these flags of a regular expression", node)
    ignore_case = isinstance(node, exp.RegexpILike) or (flags is not None and flags.name == "i")
    return Match(op="regex", operand=operand, pattern=pattern, ignore_case=ignore_case)


def _regex(operand: Expr, pattern: str, *, ignore_case: bool) -> Match:
    return Match(op="regex", operand=operand, pattern=Constant(type="string", value=pattern), ignore_case=ignore_case)


def match_like(operand: Expr, pattern: Expr, *, ignore_case: bool, escape: str | None = None) -> Expr:
    """The narrowest operator that says the same. `lower(x) LIKE '%abc%'` ignores case."""
    if escape:
        return _escaped(operand, pattern, ignore_case, escape)
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        return Match(op="like", operand=operand, pattern=pattern, ignore_case=ignore_case)
    text = pattern.value
    if isinstance(operand, Call) and operand.function in ("lower", "upper"):
        same = text.lower() if operand.function == "lower" else text.upper()
        if ignore_case or same == text:
            return match_like(operand.args[0], pattern, ignore_case=True)
    inner = text.strip("%")
    if (not inner and text) or _WILD.search(inner):
        return Match(op="like", operand=operand, pattern=pattern, ignore_case=ignore_case)
    found = Constant(type="string", value=inner)
    if not text.startswith("%") and not text.endswith("%"):
        return Compare(op="==", left=operand, right=found, ignore_case=ignore_case)
    if text.startswith("%") and text.endswith("%"):
        return Match(op="contains", operand=operand, pattern=found, ignore_case=ignore_case)
    at_end = text.startswith("%")
    return Match(op="endswith" if at_end else "startswith", operand=operand, pattern=found, ignore_case=ignore_case)


def _escaped(operand: Expr, pattern: Expr, ignore_case: bool, escape: str) -> Expr:
    """A pattern in which the wildcards are escaped: as a regular expression."""
    text = pattern.value if isinstance(pattern, Constant) else None
    if not isinstance(text, str):
        raise unsayable("a computed pattern with ESCAPE", exp.Null())
    pieces = re.findall(re.escape(escape) + ".|.", text, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    regex = "".join(re.escape(piece[-1]) if len(piece) > 1 else wild.get(piece, re.escape(piece)) for piece in pieces)
    return _regex(operand, f"^{regex}$", ignore_case=ignore_case)
