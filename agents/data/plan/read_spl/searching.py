"""Search expressions as conditions: text is compared without case, and NOT keeps the rows without the field."""

from __future__ import annotations

import re
from typing import Literal

from agents.data.plan.model import (
    Cast,
    Column,
    Compare,
    Constant,
    Expr,
    In,
    InPlan,
    IsNull,
    Match,
    Named,
    Not,
    Project,
    QueryPlan,
    Unsayable,
)
from agents.data.plan.nulls import all_of, any_of, negated
from agents.data.plan.read_spl.state import Rows
from agents.data.plan.read_spl.times import moment
from agents.data.spl.ast import (
    All,
    Any,
    Comparison,
    FieldRef,
    MacroCall,
    SearchExpression,
    Subsearch,
    Term,
    Value,
    Within,
)
from agents.data.spl.ast import Not as SearchNot
from agents.data.spl.sources import TIME_MODIFIERS

CompareOp = Literal["==", "!=", "<", "<=", ">", ">="]

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NETWORK = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}")
_ORDERS: dict[str, CompareOp] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
TRUE = Constant(type="bool", value=True)
FALSE = Constant(type="bool", value=False)


def condition(rows: Rows, node: SearchExpression | None) -> Expr:
    """Raises Unsayable. What is always true (`index=web` where the rows are that index's) is TRUE."""
    if node is None:
        return TRUE
    if isinstance(node, All):
        return _simple(all_of, FALSE, [condition(rows, item) for item in node.items])
    if isinstance(node, Any):
        return _simple(any_of, TRUE, [condition(rows, item) for item in node.items])
    if isinstance(node, SearchNot):
        return _opposite(rows, condition(rows, node.item))
    if isinstance(node, Term):
        return _term(rows, node)
    if isinstance(node, Within):
        return _within(rows, node)
    if isinstance(node, Comparison):
        return _comparison(rows, node)
    if isinstance(node, Subsearch):
        return _among(rows, node)
    raise Unsayable(f"the macro '{node.name}', which has no definition", "a plan")


def _simple(join: object, decisive: Constant, found: list[Expr]) -> Expr:
    """Without conditions that are always true (of `and`) or false (of `or`)."""
    if decisive in found:
        return decisive
    neutral = TRUE if decisive is FALSE else FALSE
    rest = [one for one in found if one != neutral]
    if not rest:
        return neutral
    return all_of(rest) if join is all_of else any_of(rest)


def _opposite(rows: Rows, found: Expr) -> Expr:
    if found in (TRUE, FALSE):
        return FALSE if found == TRUE else TRUE
    return negated(found, rows.present)


# --- free text ----------------------------------------------------------------------------------------------------


def _term(rows: Rows, node: Term) -> Expr:
    """Found in the raw event as a word, or as part of one where it is written with `*`."""
    text = node.text.replace('"', "") if node.whole else node.text
    inner = text.strip("*")
    if not inner:
        return TRUE
    if "_raw" not in rows.columns or "*" in inner:
        raise Unsayable(f"the free text '{node.text}'", "a plan")
    open_start = text.startswith("*") or not inner[0].isalnum()
    open_end = text.endswith("*") or not inner[-1].isalnum()
    raw, pattern = Column(name="_raw"), Constant(type="string", value=inner)
    if open_start and open_end:
        return Match(op="contains", operand=raw, pattern=pattern, ignore_case=True)
    if not open_start and not open_end:
        return Match(op="has_word", operand=raw, pattern=pattern, ignore_case=True)
    edges = "" if open_start else "(?:^|[^A-Za-z0-9])", "" if open_end else "(?:$|[^A-Za-z0-9])"
    regex = Constant(type="string", value=f"{edges[0]}{re.escape(inner)}{edges[1]}")
    return Match(op="regex", operand=raw, pattern=regex, ignore_case=True)


# --- comparisons --------------------------------------------------------------------------------------------------


def _comparison(rows: Rows, node: Comparison) -> Expr:
    if not isinstance(node.value, Value):
        what = "the macro '" + node.value.name + "'" if isinstance(node.value, MacroCall) else "a subsearch as a value"
        raise Unsayable(what, "a plan")
    name = node.field.name.lower()
    if name in TIME_MODIFIERS:
        return _time_modifier(rows, name, node.value.text)
    if node.op == "=":
        return _equals(rows, node.field, node.value.text)
    if node.op == "!=":
        same = _equals(rows, node.field, node.value.text)
        field = _field(rows, node.field)
        return FALSE if field is None else all_of(_there(rows, field, negated(same, rows.columns.keys())))
    return _ordered(rows, node.field, _ORDERS[node.op], node.value.text)


def _there(rows: Rows, field: Column, found: Expr) -> list[Expr]:
    """`!=` is only true of rows that have the field; a comparison says so by itself."""
    if isinstance(found, Compare) or (isinstance(found, Not) and isinstance(found.operand, Match)):
        return [found]
    return [Not(operand=IsNull(operand=field)), found]


def _time_modifier(rows: Rows, name: str, text: str) -> Expr:
    if not name.endswith(("earliest", "latest")) or "_time" not in rows.columns:
        raise Unsayable(f"the time modifier {name}", "a plan")
    return Compare(op=">=" if name.endswith("earliest") else "<", left=Column(name="_time"), right=moment(text))


def _field(rows: Rows, ref: FieldRef) -> Column | None:
    """None for a field that these rows don't have: then no comparison with it holds."""
    return Column(name=ref.name) if ref.name in rows.columns else None


def _equals(rows: Rows, ref: FieldRef, text: str) -> Expr:
    field = _field(rows, ref)
    if field is None:
        return FALSE
    if text == "*":
        return Not(operand=IsNull(operand=field))
    if rows.columns[field.name] == "dynamic":
        raise Unsayable(f"a comparison with the multivalue field '{field.name}'", "a plan")
    if "*" in text:
        return _wildcard(_text(rows, field), text)
    if _NETWORK.fullmatch(text):
        raise Unsayable(f"the network {text}", "a plan")
    if rows.columns[field.name] == "datetime":
        return Compare(op="==", left=field, right=moment(text))
    if _is_number(rows, field, text):
        return Compare(op="==", left=field, right=number(text))
    value = Constant(type="string", value=text)
    return Compare(op="==", left=_text(rows, field), right=value, ignore_case=not same_in_any_case(rows, field, text))


def _within(rows: Rows, node: Within) -> Expr:
    field = _field(rows, node.field)
    if field is None:
        return FALSE
    texts = [value.text for value in node.values]
    each = [_equals(rows, node.field, text) for text in texts]
    compares = [one for one in each if isinstance(one, Compare)]
    if len(each) == 1 or len(compares) < len(each) or len({one.left for one in compares}) > 1:
        return _simple(any_of, TRUE, each)
    ignore_case = any(one.ignore_case for one in compares)
    return In(operand=compares[0].left, values=tuple(one.right for one in compares), ignore_case=ignore_case)


def _ordered(rows: Rows, ref: FieldRef, op: CompareOp, text: str) -> Expr:
    field = _field(rows, ref)
    if field is None:
        return FALSE
    if rows.columns[field.name] == "datetime":
        return Compare(op=op, left=field, right=moment(text))
    if _NUMBER.fullmatch(text):
        numeric = rows.columns[field.name] in ("int", "real")
        return Compare(op=op, left=field if numeric else Cast(operand=field, to="real"), right=number(text))
    raise Unsayable(f"an order of text without case ({ref.name}{op}{text})", "a plan")


def _is_number(rows: Rows, field: Column, text: str) -> bool:
    return rows.columns[field.name] in ("int", "real") and _NUMBER.fullmatch(text) is not None


def number(text: str) -> Constant:
    if text.lstrip("+-").isdigit():
        return Constant(type="int", value=int(text))
    return Constant(type="real", value=float(text))


def _text(rows: Rows, field: Column) -> Expr:
    return field if rows.columns[field.name] == "string" else Cast(operand=field, to="string")


def same_in_any_case(rows: Rows, field: Column, text: str) -> bool:
    """Whether comparing with case finds the same rows: no letters, or a listed value that no other is like."""
    if text.lower() == text.upper():
        return True
    return [value for value in rows.values.get(field.name, []) if value.lower() == text.lower()] == [text]


def _wildcard(field: Expr, text: str) -> Expr:
    inner = text.strip("*")
    head, tail = text.startswith("*"), text.endswith("*")
    pattern = Constant(type="string", value=inner)
    if "*" in inner or not inner:
        regex = ".*".join(re.escape(part) for part in re.sub(r"\*+", "*", text).split("*"))
        whole = Constant(type="string", value=f"(?s)^{regex}$")
        return Match(op="regex", operand=field, pattern=whole, ignore_case=True)
    op: Literal["contains", "startswith", "endswith"] = "startswith"
    if head:
        op = "contains" if tail else "endswith"
    return Match(op=op, operand=field, pattern=pattern, ignore_case=True)


# --- subsearches --------------------------------------------------------------------------------------------------


def _among(rows: Rows, node: Subsearch) -> Expr:
    """A subsearch with one field: the events whose field is among its values."""
    from agents.data.plan.read_spl.pipeline import read_subsearch  # a pipeline reads its conditions with this

    found = read_subsearch(rows.search, node)
    names = [name for name in found.columns if not name.startswith("_")]
    if len(names) != 1 or names[0] in ("search", "query"):
        raise Unsayable("a subsearch that is not of one field", "a plan")
    if names[0] not in rows.columns:
        return FALSE
    plan = found.plan
    if len(found.columns) > 1:
        only = Project(columns=(Named(name=names[0], value=Column(name=names[0])),))
        last = plan.steps[-1] if plan.steps else None
        picked = isinstance(last, Project) and all(one.value == Column(name=one.name) for one in last.columns)
        plan = QueryPlan(source=plan.source, steps=(*(plan.steps[:-1] if picked else plan.steps), only))
    text = rows.columns[names[0]] == "string"
    return InPlan(operand=Column(name=names[0]), plan=plan, ignore_case=text)
