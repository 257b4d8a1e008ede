"""The plan's expressions as DuckDB SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.data.plan.constants import constant_as
from agents.data.plan.expressions import (
    Arithmetic,
    Between,
    Call,
    Case,
    Cast,
    Column,
    Compare,
    Constant,
    DataType,
    Duration,
    Expr,
    In,
    InPlan,
    IsNull,
    Logic,
    Match,
    Not,
    Path,
    Scalar,
)
from agents.data.plan.model import QueryPlan
from agents.data.plan.schema import Columns, type_of
from agents.data.plan.to_sql import functions
from agents.data.plan.to_sql.text import ADD, AND, ARROW, COMPARE, MULTIPLY, NOT, OR, Sql, listed, string

_TYPES: dict[DataType, str] = {
    "string": "VARCHAR", "int": "BIGINT", "real": "DOUBLE", "bool": "BOOLEAN", "date": "DATE",
    "datetime": "TIMESTAMP", "duration": "INTERVAL", "dynamic": "JSON",
}  # fmt: skip
_OPS = {"==": "=", "!=": "<>"}
_WILD = re.compile(r"[%_]")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPLIT = {"day": ("hour", 24), "hour": ("minute", 60), "minute": ("second", 60), "week": ("day", 7)}
_WORD_EDGES = "[^A-Za-z0-9]"


@dataclass
class Scalars:
    """column: the SQL of a column of the plan; query: a nested plan as SQL; types: of the columns.

    lists: columns that hold DuckDB's own lists, not JSON. familiar: as people write it, `ILIKE '%x%'` for a word and
    `IS NULL` for text that is empty, which is true of a few rows more or less.
    """

    column: Callable[[str], Sql]
    query: Callable[[QueryPlan], str]
    types: Columns
    lists: set[str]
    familiar: bool = False

    def sql(self, value: Expr) -> Sql:
        return _WRITERS[value.kind](self, value)

    def text(self, value: Expr, level: int = OR) -> str:
        """In brackets where it binds less tightly than that."""
        return self.sql(value).at(level)

    def arg(self, value: Expr) -> str:
        """Between the commas of a call."""
        return self.sql(value).text

    def type_of(self, value: Expr) -> DataType | None:
        return type_of(value, self.types)

    def as_text(self, value: Expr, level: int = COMPARE) -> str:
        """Text; JSON as the text inside it."""
        wanted = Cast(operand=value, to="string") if isinstance(value, Path) else value
        return self.text(wanted, level)

    def is_list(self, value: Expr) -> bool:
        """Whether it is a list of DuckDB's, where it is dynamic."""
        if isinstance(value, Column):
            return value.name in self.lists
        return isinstance(value, Call) and value.function == "split"


def _constant(s: Scalars, value: Constant) -> Sql:
    held = value.value
    if value.type is None or held is None:
        return Sql("NULL")
    if value.type == "bool":
        return Sql("TRUE" if held else "FALSE")
    if value.type in ("int", "real"):
        number = repr(held)
        return Sql(number, MULTIPLY) if number.startswith("-") else Sql(number)
    if value.type == "date":
        return Sql(f"DATE {string(str(held))}")
    if value.type == "datetime":
        return Sql(f"TIMESTAMP {string(str(held).replace('T', ' ').removesuffix(' 00:00:00'))}")
    return Sql(string(str(held)) + ("::JSON" if value.type == "dynamic" else ""))


def _duration(s: Scalars, value: Duration) -> Sql:
    amount, unit = value.amount, value.unit
    if unit == "quarter":
        amount, unit = amount * 3, "month"
    while amount != int(amount) and unit in _SPLIT:
        amount, unit = amount * _SPLIT[unit][1], _SPLIT[unit][0]  # type: ignore[assignment]
    if amount != int(amount):
        return Sql(f"INTERVAL '{amount} {unit}s'")
    whole = int(amount)
    return Sql(f"INTERVAL {whole} {unit.upper()}" if whole >= 0 else f"INTERVAL ({whole}) {unit.upper()}")


def _arithmetic(s: Scalars, value: Arithmetic) -> Sql:
    types = s.type_of(value.left), s.type_of(value.right)
    if value.op == "//":
        if types == ("int", "int"):
            return Sql(f"{s.text(value.left, MULTIPLY)} // {s.text(value.right, MULTIPLY + 1)}", MULTIPLY)
        return Sql(f"CAST(trunc({_quotient(s, value)}) AS BIGINT)")
    if value.op == "/":
        return Sql(_quotient(s, value), MULTIPLY)
    level = ADD if value.op in "+-" else MULTIPLY
    return Sql(f"{s.text(value.left, level)} {value.op} {s.text(value.right, level + 1)}", level)


def _quotient(s: Scalars, value: Arithmetic) -> str:
    """Intervals have no quotient, their seconds do."""
    if value.op == "//" and value.right == Constant(type="int", value=1):
        return s.arg(value.left)
    if s.type_of(value.left) == s.type_of(value.right) == "duration":
        return f"epoch({s.arg(value.left)}) / epoch({s.arg(value.right)})"
    return f"{s.text(value.left, MULTIPLY)} / {s.text(value.right, MULTIPLY + 1)}"


def _compare(s: Scalars, value: Compare) -> Sql:
    op = _OPS.get(value.op, value.op)
    if value.ignore_case:
        return _same_without_case(s, value, op)
    sides = [_side(s, one, other) for one, other in ((value.left, value.right), (value.right, value.left))]
    return Sql(f"{sides[0]} {op} {sides[1]}", COMPARE)


def _same_without_case(s: Scalars, value: Compare, op: str) -> Sql:
    """`x ILIKE 'Abc'` where the text has no wildcards."""
    text = value.right.value if isinstance(value.right, Constant) else None
    if isinstance(text, str) and not _WILD.search(text) and value.op in ("==", "!="):
        word = "ILIKE" if value.op == "==" else "NOT ILIKE"
        return Sql(f"{s.as_text(value.left, ADD)} {word} {string(text)}", COMPARE)
    return Sql(f"{_lower(s, value.left)} {op} {_lower(s, value.right)}", COMPARE)


def _side(s: Scalars, value: Expr, other: Expr) -> str:
    """JSON that is compared with text is its text, a number that is compared with text is text."""
    if isinstance(value, Constant) and value.type != s.type_of(other):
        value = constant_as(value, s.type_of(other))
    text = s.type_of(other) == "string" or (isinstance(other, Constant) and other.type == "string")
    return s.as_text(value, ADD) if text else s.text(value, ADD)


def _lower(s: Scalars, value: Expr) -> str:
    if isinstance(value, Constant) and isinstance(value.value, str):
        return string(value.value.lower())
    return f"lower({s.as_text(value, ARROW)})"


def _logic(s: Scalars, value: Logic) -> Sql:
    level = AND if value.op == "and" else OR
    return Sql(f" {value.op.upper()} ".join(s.text(one, level + 1) for one in value.operands), level)


def _not(s: Scalars, value: Not) -> Sql:
    inner = value.operand
    if isinstance(inner, IsNull):
        return Sql(f"{s.as_text(inner.operand, ADD)} IS NOT NULL", COMPARE)
    if isinstance(inner, In | InPlan | Between):
        return _negated(s, inner)
    if isinstance(inner, Match) and (like := _like(s, inner, "NOT ")):
        return like
    if isinstance(inner, Call) and inner.function == "is_empty":
        return _not_empty(s, inner)
    return Sql(f"NOT {s.text(inner, NOT)}", NOT)


def _not_empty(s: Scalars, value: Call) -> Sql:
    text = s.as_text(value.args[0], ADD)
    return Sql(f"{text} IS NOT NULL" if s.familiar else f"{text} <> ''", COMPARE)


def _negated(s: Scalars, value: In | InPlan | Between) -> Sql:
    found = _WRITERS[value.kind](s, value)
    word = " BETWEEN " if isinstance(value, Between) else " IN "
    head, _, tail = found.text.partition(word)
    return Sql(f"{head} NOT{word}{tail}", COMPARE)


def _in(s: Scalars, value: In) -> Sql:
    if value.ignore_case:
        return Sql(f"{_lower(s, value.operand)} IN ({listed([_lower(s, one) for one in value.values])})", COMPARE)
    operand = _side(s, value.operand, value.values[0])
    return Sql(f"{operand} IN ({listed([_side(s, one, value.operand) for one in value.values])})", COMPARE)


def _in_plan(s: Scalars, value: InPlan) -> Sql:
    operand = f"lower({s.as_text(value.operand, ARROW)})" if value.ignore_case else s.as_text(value.operand, ADD)
    query = s.query(value.plan)
    if value.ignore_case:
        query = f"SELECT lower(value) FROM ({query}) AS found(value)"  # noqa: S608 - a rendered plan
    return Sql(f"{operand} IN ({query})", COMPARE)


def _between(s: Scalars, value: Between) -> Sql:
    return Sql(f"{s.text(value.operand, ADD)} BETWEEN {s.text(value.low, ADD)} AND {s.text(value.high, ADD)}", COMPARE)


def _is_null(s: Scalars, value: IsNull) -> Sql:
    """JSON's own null is null too."""
    return Sql(f"{s.as_text(value.operand, ADD)} IS NULL", COMPARE)


def _match(s: Scalars, value: Match) -> Sql:
    return _like(s, value, "") or _matching_call(s, value)


def _like(s: Scalars, value: Match, negation: str) -> Sql | None:
    """As LIKE, where the pattern is a constant without wildcards of its own."""
    pattern = value.pattern.value if isinstance(value.pattern, Constant) else None
    word = "ILIKE" if value.ignore_case else "LIKE"
    if value.op == "like":
        return Sql(f"{s.as_text(value.operand, ADD)} {negation}{word} {s.text(value.pattern, ADD)}", COMPARE)
    op = "contains" if value.op == "has_word" and s.familiar else value.op
    if not isinstance(pattern, str) or _WILD.search(pattern) or op in ("regex", "has_word"):
        return None
    shape = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}[op].replace("{}", pattern)
    return Sql(f"{s.as_text(value.operand, ADD)} {negation}{word} {string(shape)}", COMPARE)


def _matching_call(s: Scalars, value: Match) -> Sql:
    operand, pattern = s.as_text(value.operand, ARROW), s.arg(value.pattern)
    if value.op in ("regex", "has_word"):
        if value.op == "has_word" and not s.familiar:
            pattern = _word_pattern(value.pattern, pattern)
        flags = ", 'i'" if value.ignore_case else ""
        return Sql(f"regexp_matches({operand}, {pattern}{flags})")
    function = {"contains": "contains", "startswith": "starts_with", "endswith": "ends_with"}.get(value.op, "contains")
    if value.ignore_case:
        operand, pattern = f"lower({operand})", _lower(s, value.pattern)
    return Sql(f"{function}({operand}, {pattern})")


def _word_pattern(value: Expr, text: str) -> str:
    if isinstance(value, Constant) and isinstance(value.value, str):
        return string(f"(^|{_WORD_EDGES}){re.escape(value.value)}({_WORD_EDGES}|$)")
    return f"'(^|{_WORD_EDGES})' || regexp_escape({text}) || '({_WORD_EDGES}|$)'"


def _case(s: Scalars, value: Case) -> Sql:
    whens = " ".join(f"WHEN {s.arg(one.condition)} THEN {s.arg(one.result)}" for one in value.whens)
    otherwise = f" ELSE {s.arg(value.otherwise)}" if value.otherwise is not None else ""
    return Sql(f"CASE {whens}{otherwise} END")


def _cast(s: Scalars, value: Cast) -> Sql:
    inner, to = value.operand, value.to
    if isinstance(inner, Path) and to == "string":
        return _arrow(s, inner, "->>")
    if to == "date" and inner == Call(function="now"):
        return Sql("current_date")
    kind = s.type_of(inner)
    if isinstance(inner, Path) and to != "dynamic":
        return Sql(f"TRY_CAST({_arrow(s, inner, '->>').text} AS {_TYPES[to]})")
    if kind == "dynamic" and to == "string" and not s.is_list(inner):
        return Sql(f"{s.text(inner, ADD)} ->> '$'", ARROW)
    if isinstance(inner, Call) and inner.function == "round" and len(inner.args) == 1 and to == "int":
        return Sql(f"CAST({s.arg(inner.args[0])} AS BIGINT)")
    if kind == "real" and to == "int":
        return Sql(f"CAST(trunc({s.arg(inner)}) AS BIGINT)")
    may_fail = to in ("int", "real", "bool", "date", "datetime", "duration") and kind in (None, "string", "dynamic")
    if kind == "dynamic" and may_fail:
        return Sql(f"TRY_CAST({s.text(inner, ADD)} ->> '$' AS {_TYPES[to]})")
    return Sql(f"{'TRY_CAST' if may_fail else 'CAST'}({s.arg(inner)} AS {_TYPES[to]})")


def _path(s: Scalars, value: Path) -> Sql:
    return _arrow(s, value, "->")


def _arrow(s: Scalars, value: Path, arrow: str) -> Sql:
    operand = value.operand
    if isinstance(operand, Call) and operand.function == "split" and isinstance(value.steps[0], int):
        number = value.steps[0] + 1 if value.steps[0] >= 0 else value.steps[0]
        return Sql(f"{s.arg(operand)}[{number}]")
    if isinstance(operand, Cast) and operand.to == "dynamic" and s.type_of(operand.operand) in (None, "string"):
        operand = operand.operand
    if s.is_list(operand):
        return Sql(f"to_json({s.arg(operand)}) {arrow} {string(_json_path(value.steps))}", ARROW)
    found, path = s.sql(operand), _json_path(value.steps)
    if found.level == ARROW and " -> '$" in found.text:
        head, _, before = found.text.rpartition(" -> '")
        return Sql(f"{head} {arrow} '{before.removesuffix(chr(39))}{string(path)[2:]}", ARROW)
    return Sql(f"{found.at(ADD)} {arrow} {string(path)}", ARROW)


def _json_path(steps: tuple[str | int, ...]) -> str:
    found = "$"
    for step in steps:
        if isinstance(step, int):
            found += f"[{step}]" if step >= 0 else f"[#{step}]"
        else:
            found += f".{step}" if _KEY.fullmatch(step) else '."' + step.replace('"', '\\"') + '"'
    return found


def _scalar(s: Scalars, value: Scalar) -> Sql:
    return Sql(f"({s.query(value.plan)})")


_WRITERS: dict[str, Callable[[Scalars, Any], Sql]] = {
    "column": lambda s, value: s.column(value.name),
    "constant": _constant,
    "duration": _duration,
    "arithmetic": _arithmetic,
    "compare": _compare,
    "logic": _logic,
    "not": _not,
    "in": _in,
    "in_plan": _in_plan,
    "between": _between,
    "is_null": _is_null,
    "match": _match,
    "case": _case,
    "cast": _cast,
    "path": _path,
    "call": functions.call,
    "scalar": _scalar,
}
