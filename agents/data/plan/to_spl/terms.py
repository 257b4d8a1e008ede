"""Conditions as terms of a base search: `status>=500 service=search earliest=-24h`.

Search compares text without case, as people who write SPL take for granted: an exact comparison or LIKE of the plan is
written as a term too, unless the catalog lists values of the field that differ only in case.
"""

from __future__ import annotations

from datetime import timedelta

from agents.data.plan.model import (
    Arithmetic,
    Between,
    Cast,
    Column,
    Compare,
    Constant,
    Duration,
    Expr,
    In,
    InPlan,
    IsNull,
    Logic,
    Match,
    Not,
)
from agents.data.plan.nulls import all_of
from agents.data.plan.to_spl import moments
from agents.data.plan.to_spl.names import field, number, quoted, value
from agents.data.plan.to_spl.writer import Writer

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_WILDCARDS = {"contains": "*{}*", "startswith": "{}*", "endswith": "*{}"}
# So many values are compared one by one.
_FEW = 3
_DAY = Duration(amount=1, unit="day")


def conjuncts(condition: Expr) -> list[Expr]:
    if isinstance(condition, Logic) and condition.op == "and":
        return [part for one in condition.operands for part in conjuncts(one)]
    if isinstance(condition, Not) and isinstance(inner := condition.operand, Logic) and inner.op == "or":
        return [part for one in inner.operands for part in conjuncts(Not(operand=one))]
    if isinstance(condition, Between):
        low = Compare(op=">=", left=condition.operand, right=condition.low)
        return [low, Compare(op="<=", left=condition.operand, right=condition.high)]
    return [condition]


# --- time ---------------------------------------------------------------------------------------------------------


def time_terms(w: Writer, condition: Expr) -> list[str] | None:
    """`earliest=-24h`, if the condition is a bound of `_time` that this says; None if not."""
    bounds = _bounds(w, condition)
    if bounds is None:
        return None
    found = [f"{name}={text}" for name, when in bounds if (text := moments.search_time(when)) is not None]
    return found if len(found) == len(bounds) else None


def _bounds(w: Writer, condition: Expr) -> list[tuple[str, Expr]] | None:
    """earliest is part of the range, latest is not. A time that moves with now is no instant to be exact about."""
    if not isinstance(condition, Compare):
        return None
    op: str = condition.op
    left, right = condition.left, condition.right
    if isinstance(left, Constant) or moments.modifier(left) is not None:
        op, left, right = _SWAPPED[condition.op], right, left
    if _is_event_time(w, left):
        moves = moments.modifier(right) is not None and "@" not in (moments.modifier(right) or "")
        name = {">=": "earliest", "<": "latest"}.get(op)
        if moves:
            name = {">": "earliest", "<=": "latest"}.get(op, name)
        return [(name, right)] if name else None
    snapped = moments.snap(left)
    if snapped is None or snapped[0] != "@d" or not _is_event_time(w, snapped[1]):
        return None
    return _day_bounds(op, right)


def _day_bounds(op: str, day: Expr) -> list[tuple[str, Expr]] | None:
    """The day of an event, compared with the start of a day."""
    if not _is_day(day):
        return None
    after = _next_day(day)
    bounds: dict[str, list[tuple[str, Expr]]] = {
        "==": [("earliest", day), ("latest", after)],
        ">=": [("earliest", day)],
        ">": [("earliest", after)],
        "<": [("latest", day)],
        "<=": [("latest", after)],
    }
    return bounds.get(op)


def _is_day(value_: Expr) -> bool:
    relative = moments.modifier(value_)
    if relative is not None:
        return relative.endswith("@d") or ("@d" in relative and relative.rpartition("@d")[2].endswith("d"))
    when = moments.constant(value_)
    return when is not None and (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0)


def _next_day(day: Expr) -> Expr:
    when = moments.constant(day)
    if when is not None:
        return Constant(type="datetime", value=(when + timedelta(days=1)).isoformat())
    return Arithmetic(op="+", left=day, right=_DAY)


def _is_event_time(w: Writer, value_: Expr) -> bool:
    if isinstance(value_, Cast) and value_.to == "datetime":
        value_ = value_.operand
    return isinstance(value_, Column) and w.fields.get(value_.name) == "_time"


# --- fields -------------------------------------------------------------------------------------------------------


def term(w: Writer, condition: Expr, *, alone: bool = True) -> str | None:
    """One search term that keeps the same rows; None where search can't say it. alone: it stands between no others."""
    if isinstance(condition, Logic):
        return _group(w, condition, alone)
    if isinstance(condition, Not):
        return _negated(w, condition.operand, alone)
    if isinstance(condition, Compare):
        return _comparison(w, condition, condition.op)
    if isinstance(condition, In):
        return _listed(w, condition)
    if isinstance(condition, Match):
        return _match(w, condition, "=")
    if isinstance(condition, InPlan):
        return _subsearch(w, condition)
    if isinstance(condition, Column) and w.columns.get(condition.name) == "bool":
        return f"{field(w.fields[condition.name])}=true"
    return f"NOT {there}" if isinstance(condition, IsNull) and (there := _there(w, condition)) else None


def _group(w: Writer, condition: Logic, alone: bool) -> str | None:
    without = _not_or_missing(w, condition)
    if without is not None:
        return without
    parts = [term(w, one, alone=False) for one in condition.operands]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return None
    joined = (" " if condition.op == "and" else " OR ").join(found)
    return joined if condition.op == "and" and alone else f"({joined})"


def _not_or_missing(w: Writer, condition: Logic) -> str | None:
    """`NOT user=bob`, which search has of rows without the field too: `x != 'bob' or x is null` in the plan."""
    if condition.op != "or" or len(condition.operands) != 2:
        return None
    for one, other in (condition.operands, condition.operands[::-1]):
        if isinstance(other, IsNull) and isinstance(other.operand, Column):
            positive = _positive(one, other.operand)
            text = term(w, positive) if positive is not None else None
            return f"NOT {text}" if text is not None else None
    return None


def _positive(condition: Expr, column: Column) -> Expr | None:
    """What is denied of the column."""
    if isinstance(condition, Compare) and condition.op == "!=" and condition.left == column:
        return condition.model_copy(update={"op": "=="})
    if isinstance(condition, Not) and isinstance(inner := condition.operand, In | InPlan | Match):
        return inner if inner.operand == column else None
    return None


def _negated(w: Writer, condition: Expr, alone: bool) -> str | None:
    """`field!=value` is of rows that have the field, as the plan's; `NOT field=value` also of those without."""
    if isinstance(condition, Compare):
        return _comparison(w, condition, _OPPOSITE[condition.op])
    if isinstance(condition, Match):
        return _match(w, condition, "!=")
    if isinstance(condition, IsNull):
        return _there(w, condition)
    if isinstance(condition, Logic):
        turned = tuple(Not(operand=one) for one in condition.operands)
        return _group(w, Logic(op="or" if condition.op == "and" else "and", operands=turned), alone)
    if isinstance(condition, In) and len(condition.values) <= _FEW:
        each = [Compare(op="!=", left=condition.operand, right=one) for one in condition.values]
        return term(w, all_of(each), alone=alone)
    if isinstance(condition, In | InPlan) and isinstance(condition.operand, Column):
        positive = term(w, condition)
        text = f"{field(w.fields[condition.operand.name])}=* NOT {positive}"
        return None if positive is None else text if alone else f"({text})"
    if isinstance(condition, Column) and w.columns.get(condition.name) == "bool":
        return f"{field(w.fields[condition.name])}=false"
    return None


def _there(w: Writer, condition: IsNull) -> str | None:
    name = _field(w, condition.operand)
    return f"{name}=*" if name else None


def _field(w: Writer, expression: Expr) -> str | None:
    """The field as search names it; not the time, which has its own words."""
    if not isinstance(expression, Column) or w.columns.get(expression.name) in ("datetime", "date", "dynamic"):
        return None
    return field(w.fields[expression.name])


def _comparison(w: Writer, condition: Compare, op: str) -> str | None:
    left, right = condition.left, condition.right
    if isinstance(left, Constant):
        left, right, op = right, left, _SWAPPED[op]
    name = _field(w, left)
    if name is None or not isinstance(right, Constant) or not isinstance(left, Column):
        return None
    text = _value(w, left, right, op, exact=not condition.ignore_case)
    return None if text is None else f"{name}{'=' if op == '==' else op}{text}"


def _value(w: Writer, column: Column, constant: Constant, op: str, *, exact: bool) -> str | None:
    found = constant.value
    if isinstance(found, bool):
        return ("true" if found else "false") if op in ("==", "!=") else None
    if isinstance(found, int | float):
        return number(found)
    if not isinstance(found, str) or constant.type != "string" or not found or "*" in found:
        return None
    if op not in ("==", "!="):
        return found if w.columns.get(column.name) in ("int", "real") and _is_number(found) else None
    return value(found) if not exact or _only_spelling(w, column, found) else None


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("-").isdigit()


def _only_spelling(w: Writer, column: Column, text: str) -> bool:
    """No listed value of a field of that name is like it but for the case."""
    listed = (
        one
        for table in w.catalog.tables
        if (found := table.by_name.get(column.name)) is not None
        for one in found.values
    )
    return all(one == text for one in listed if one.lower() == text.lower())


def _listed(w: Writer, condition: In) -> str | None:
    name = _field(w, condition.operand)
    if name is None or not isinstance(condition.operand, Column):
        return None
    texts = [
        _value(w, condition.operand, one, "==", exact=not condition.ignore_case) if isinstance(one, Constant) else None
        for one in condition.values
    ]
    found = [text for text in texts if text is not None]
    return f"{name} IN ({', '.join(found)})" if len(found) == len(texts) else None


def _match(w: Writer, condition: Match, op: str) -> str | None:
    """Wildcards, which ignore case."""
    name = _field(w, condition.operand)
    pattern = condition.pattern.value if isinstance(condition.pattern, Constant) else None
    if name is None or not isinstance(pattern, str) or not pattern or "*" in pattern:
        return None
    if condition.op == "has_word" and name == "_raw" and op == "=":
        return quoted(pattern) if pattern[0].isalnum() and pattern[-1].isalnum() else None
    if condition.op == "like" and "_" not in pattern and "\\" not in pattern:
        return f"{name}{op}{quoted(pattern.replace('%', '*'))}"
    if condition.op not in _WILDCARDS:
        return None
    return f"{name}{op}{quoted(_WILDCARDS[condition.op].format(pattern))}"


def _subsearch(w: Writer, condition: InPlan) -> str | None:
    if not isinstance(condition.operand, Column):
        return None
    from agents.data.plan.to_spl.combining import values_of  # it writes a search of its own

    return values_of(w, condition.plan, w.fields[condition.operand.name])
