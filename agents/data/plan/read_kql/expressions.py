"""Kusto's scalar expressions as the plan's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agents.data.plan.model import (
    Arithmetic,
    Between,
    Call,
    Cast,
    Column,
    Compare,
    Constant,
    DataType,
    Duration,
    Expand,
    Expr,
    In,
    InPlan,
    Match,
    Named,
    Path,
    Project,
    QueryPlan,
    Scalar,
)
from agents.data.plan.nulls import all_of, any_of, negated
from agents.data.plan.read_kql.literals import compound_string, dynamic, literal
from agents.data.plan.read_kql.syntax import (
    Reading,
    Stage,
    arguments,
    columns_of,
    function_name,
    is_tabular,
    items,
    kind,
    type_of,
    unnamed,
    unsayable,
)

MatchOp = Literal["contains", "has_word", "startswith", "endswith", "like", "regex"]
CompareOp = Literal["==", "!=", "<", "<=", ">", ">="]
ArithmeticOp = Literal["+", "-", "*", "/", "//", "%"]
# What stands for a call instead of its reading: an aggregate's or a window's column.
Instead = Callable[[Any], Expr | None]

_COMPARES = frozenset(get_args(CompareOp))
_ARITHMETIC = frozenset(get_args(ArithmeticOp))
_MATCHES: dict[str, MatchOp] = {
    "contains": "contains", "has": "has_word", "startswith": "startswith", "endswith": "endswith",
}  # fmt: skip
_SAME = {"<>": "!="}
_EDGES = {"hasprefix": r"\b{}", "hassuffix": r"{}\b"}
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Scalars:
    """Reads expressions over a stage's columns."""

    reading: Reading
    stage: Stage
    instead: Instead | None = None

    def read(self, node: Any) -> Expr:
        """Raises Unsayable."""
        if is_tabular(node):
            raise unsayable("rows where a value stands", node)
        rule = _RULES.get(kind(node))
        if rule is None:
            raise unsayable(f"a {kind(node)}", node)
        return rule(self, node)

    def as_type(self, node: Any, to: DataType) -> Expr:
        """The expression, converted from JSON where it is that."""
        found = self.read(node)
        return Cast(operand=found, to=to) if type_of(node) == "dynamic" and not _is_null(found) else found

    def text(self, node: Any) -> Expr:
        return as_text(self.read(node), type_of(node))

    def plan(self, node: Any) -> QueryPlan:
        from agents.data.plan.read_kql.operators import read_pipeline  # operators read their expressions with this

        return read_pipeline(self.reading, node).plan

    def many(self, node: Any) -> list[Any] | None:
        """The values of a list written out, maybe behind a let; None if it is none."""
        node = self.resolved(node)
        if kind(node) == "DynamicExpression" and kind(node.Expression) == "JsonArrayExpression":
            return items(node.Expression.Values)
        if kind(node) == "FunctionCallExpression" and function_name(node) in ("parse_json", "todynamic", "pack_array"):
            inner = arguments(node)
            return inner if function_name(node) == "pack_array" else self.many(inner[0])
        return None

    def resolved(self, node: Any) -> Any:
        """The expression that a let's name stands for."""
        node = unnamed(node)
        while kind(node) == "NameReference" and str(node.SimpleName) in self.reading.lets and not _is_column(node):
            node = unnamed(self.reading.lets[str(node.SimpleName)])
        return node


def as_text(found: Expr, found_type: DataType | None) -> Expr:
    return found if found_type == "string" else Cast(operand=found, to="string")


def _is_null(found: Expr) -> bool:
    return isinstance(found, Constant) and found.value is None


def _is_column(node: Any) -> bool:
    symbol = node.ReferencedSymbol
    return symbol is not None and str(symbol.Kind) == "Column"


# --- names -------------------------------------------------------------------------------------------


def _name(s: Scalars, node: Any) -> Expr:
    name = str(node.SimpleName)
    if _is_column(node):
        return Column(name=str(node.ReferencedSymbol.Name))
    if name in s.reading.lets:
        return Scalars(s.reading, Stage(s.stage.plan, {})).read(unnamed(s.reading.lets[name]))
    raise unsayable(f"the name {name}", node)


# --- operators ----------------------------------------------------------------------------------------------------


def _binary(s: Scalars, node: Any) -> Expr:
    op = _SAME.get(str(node.Operator.Text), str(node.Operator.Text))
    if op in ("and", "or"):
        return (all_of if op == "and" else any_of)([s.read(node.Left), s.read(node.Right)])
    if op in _COMPARES or op in ("=~", "!~"):
        return _compare(s, node, op)
    if op in _ARITHMETIC:
        return _arithmetic(s, node, op)
    if op == "matches regex":
        return Match(op="regex", operand=s.text(node.Left), pattern=s.read(node.Right))
    return _match(s, node, op)


def _compare(s: Scalars, node: Any, op: str) -> Expr:
    weekday = _weekday(s, node, op)
    if weekday is not None:
        return weekday
    left, right = _alike(s, node.Left, node.Right)
    if op in ("=~", "!~"):
        same = Compare(op="==", left=left, right=right, ignore_case=True)
        return same if op == "=~" else negated(same, s.stage.present)
    if op == "!=":
        return negated(Compare(op="==", left=left, right=right), s.stage.present)
    return Compare(op=_compare_op(op), left=left, right=right)


def _compare_op(op: str) -> CompareOp:
    found: dict[str, CompareOp] = {one: one for one in get_args(CompareOp)}
    return found[op]


def _weekday(s: Scalars, node: Any, op: str) -> Expr | None:
    """`dayofweek(t) == 6d`: Kusto's weekday is a number of days, the plan's a number."""
    if type_of(node.Left) != "duration" or not _is_call(node.Left, "dayofweek"):
        return None
    days = s.read(node.Right)
    if not isinstance(days, Duration) or days.unit != "day" or op in ("=~", "!~"):
        raise unsayable("a weekday that is compared with no whole number of days", node)
    return Compare(op=_compare_op(op), left=_weekday_number(s, node.Left), right=_whole(days.amount))


def _weekday_number(s: Scalars, node: Any) -> Expr:
    when = s.read(arguments(unnamed(node))[0])
    return Call(function="date_part", args=(Constant(type="string", value="day_of_week"), when))


def _whole(amount: float) -> Constant:
    return Constant(type="int", value=int(amount))


def _is_call(node: Any, name: str) -> bool:
    node = unnamed(node)
    return kind(node) == "FunctionCallExpression" and function_name(node) == name


def _alike(s: Scalars, left: Any, right: Any) -> tuple[Expr, Expr]:
    """Both sides, JSON converted to the type of what it is compared with."""
    types = type_of(left), type_of(right)
    if types[0] == "dynamic" and types[1] not in (None, "dynamic"):
        return s.as_type(left, types[1] or "string"), s.read(right)
    if types[1] == "dynamic" and types[0] not in (None, "dynamic"):
        return s.read(left), s.as_type(right, types[0] or "string")
    return s.read(left), s.read(right)


def _match(s: Scalars, node: Any, op: str) -> Expr:
    positive = op.removeprefix("!")
    word = positive.removesuffix("_cs")
    ignore_case = word == positive
    operand, pattern = s.text(node.Left), s.text(node.Right)
    if word in _EDGES:
        found = _at_edge(node, operand, pattern, word, ignore_case)
    elif word in _MATCHES:
        found = Match(op=_MATCHES[word], operand=operand, pattern=pattern, ignore_case=ignore_case)
    else:
        raise unsayable(f"the operator {op}", node)
    return negated(found, s.stage.present) if op.startswith("!") else found


def _at_edge(node: Any, operand: Expr, pattern: Expr, word: str, ignore_case: bool) -> Expr:
    text = pattern.value if isinstance(pattern, Constant) else None
    if not isinstance(text, str) or not _WORD.fullmatch(text[:1]) or not _WORD.fullmatch(text[-1:]):
        raise unsayable(f"{word} of anything but a word", node)
    regex = Constant(type="string", value=_EDGES[word].format(re.escape(text)))
    return Match(op="regex", operand=operand, pattern=regex, ignore_case=ignore_case)


def _arithmetic(s: Scalars, node: Any, op: str) -> Expr:
    if op == "/" and _is_call(node.Left, "dayofweek"):
        if s.read(node.Right) != Duration(amount=1, unit="day"):
            raise unsayable("a weekday that is divided by anything but a day", node)
        return _weekday_number(s, node.Left)
    types = type_of(node.Left), type_of(node.Right)
    left, right = (
        s.as_type(side, "real") if type_of(side) == "dynamic" else s.read(side) for side in (node.Left, node.Right)
    )
    for one, other in ((left, right), (right, left)):
        if op == "*" and isinstance(one, Duration) and isinstance(other, Constant):
            return Duration(amount=one.amount * _number(other, node), unit=one.unit)
    if op == "/" and types == ("int", "int"):
        op = "//"
    found: dict[str, ArithmeticOp] = {one: one for one in get_args(ArithmeticOp)}
    return Arithmetic(op=found[op], left=left, right=right)


def _number(found: Constant, node: Any) -> int | float:
    if isinstance(found.value, bool | str) or found.value is None:
        raise unsayable("a time span times what is no number", node)
    return found.value


def _unary(s: Scalars, node: Any) -> Expr:
    op, value = str(node.Operator.Text), s.read(node.Expression)
    if op == "+":
        return value
    if isinstance(value, Duration):
        return Duration(amount=-value.amount, unit=value.unit)
    if isinstance(value, Constant) and isinstance(value.value, int | float):
        return Constant(type=value.type, value=-value.value)
    return Call(function="negate", args=(value,))


def _between(s: Scalars, node: Any) -> Expr:
    low_node, high_node = node.Right.First, node.Right.Second
    if _is_call(node.Left, "dayofweek"):
        ends = [s.read(end) for end in (low_node, high_node)]
        low, high = (_whole(end.amount) for end in ends if isinstance(end, Duration))
        found = Between(operand=_weekday_number(s, node.Left), low=low, high=high)
    else:
        wanted = type_of(low_node) or "string"
        start, end = s.read(low_node), s.read(high_node)
        if type_of(low_node) == "datetime" and type_of(high_node) == "duration":
            end = Arithmetic(op="+", left=start, right=end)
        found = Between(operand=s.as_type(node.Left, wanted), low=start, high=end)
    negate = str(node.Operator.Text).startswith("!")
    return negated(found, s.stage.present) if negate else found


def _in(s: Scalars, node: Any) -> Expr:
    op = str(node.Operator.Text)
    found = _among(s, node, ignore_case=op.endswith("~"))
    return negated(found, s.stage.present) if op.startswith("!") else found


def _among(s: Scalars, node: Any, ignore_case: bool) -> Expr:
    listed = items(node.Right.Expressions)
    if len(listed) == 1 and is_tabular(listed[0]):
        return _among_rows(s, node, listed[0], ignore_case)
    values = [value for one in listed for value in (s.many(one) or [one])]
    types = (type_of(value) for value in values)
    wanted: DataType = next((found for found in types if found and found != "dynamic"), "string")
    if _is_call(node.Left, "dayofweek"):
        days = [day for value in values if isinstance(day := s.read(value), Duration)]
        return In(operand=_weekday_number(s, node.Left), values=tuple(_whole(day.amount) for day in days))
    if not values:
        return Constant(type="bool", value=False)
    operand = s.as_type(node.Left, wanted)
    return In(operand=operand, values=tuple(s.as_type(value, wanted) for value in values), ignore_case=ignore_case)


def _among_rows(s: Scalars, node: Any, rows: Any, ignore_case: bool) -> Expr:
    """A first column of lists, such as make_set() makes, stands for their elements."""
    plan, (name, wanted) = s.plan(rows), next(iter(columns_of(rows).items()))
    if wanted == "dynamic":
        wanted = type_of(node.Left) or "string"
        element = Named(name=name, value=Cast(operand=Column(name=name), to=wanted))
        plan = plan.then(Expand(name=name, value=Column(name=name)), Project(columns=(element,)))
    return InPlan(operand=s.as_type(node.Left, wanted), plan=plan, ignore_case=ignore_case)


def _has_any(s: Scalars, node: Any) -> Expr:
    listed = items(node.Right.Expressions)
    if any(is_tabular(one) for one in listed):
        raise unsayable("has_any or has_all of a query's rows", node)
    values = [value for one in listed for value in (s.many(one) or [one])]
    if any(type_of(value) != "string" for value in values):
        raise unsayable("has_any or has_all of what is not written out", node)
    operand = s.text(node.Left)
    found: list[Expr] = [
        Match(op="has_word", operand=operand, pattern=s.read(value), ignore_case=True) for value in values
    ]
    return any_of(found) if kind(node) == "HasAnyExpression" else all_of(found)


# --- JSON paths, calls, subqueries --------------------------------------------------------------------------------


def _path(s: Scalars, node: Any) -> Expr:
    if kind(node.Selector) == "BracketedExpression":
        return _element(s, node)
    return inside(s.read(node.Expression), str(node.Selector.SimpleName))


def _element(s: Scalars, node: Any) -> Expr:
    selector = node.Selector.Expression if kind(node.Selector) == "BracketedExpression" else node.Selector
    step = s.read(selector)
    if not isinstance(step, Constant) or isinstance(step.value, bool) or not isinstance(step.value, str | int):
        raise unsayable("a JSON path that is computed", node)
    if step.value == 0 and _is_call(node.Expression, "split") and len(arguments(unnamed(node.Expression))) == 3:
        return _chosen_part(s, node.Expression)
    return inside(s.read(node.Expression), step.value)


def _chosen_part(s: Scalars, node: Any) -> Expr:
    """`split(x, "@", 1)[0]`: with a number, split makes a list of that part alone."""
    text, separator, place = arguments(unnamed(node))
    number = s.read(place)
    if not isinstance(number, Constant) or not isinstance(number.value, int):
        raise unsayable("a part that is computed", node)
    return Path(operand=Call(function="split", args=(s.text(text), s.read(separator))), steps=(number.value,))


def inside(value: Expr, step: str | int) -> Expr:
    if isinstance(value, Path):
        return Path(operand=value.operand, steps=(*value.steps, step))
    return Path(operand=value, steps=(step,))


def _call(s: Scalars, node: Any) -> Expr:
    from agents.data.plan.read_kql.functions import FUNCTIONS  # the functions read their arguments with this

    if s.instead is not None and (found := s.instead(node)) is not None:
        return found
    name = function_name(node)
    if name == "not":
        return negated(s.read(arguments(node)[0]), s.stage.present)
    function = FUNCTIONS.get(name)
    if function is None:
        raise unsayable(f"the function {name}", node)
    try:
        return function(s, arguments(node))
    except (IndexError, TypeError, ValueError) as error:
        raise unsayable(f"this form of the function {name}", node) from error


def _scalar(s: Scalars, node: Any) -> Expr:
    return Scalar(plan=s.plan(node.Expression))


def _inner(s: Scalars, node: Any) -> Expr:
    return s.read(node.Expression)


_RULES: dict[str, Callable[[Scalars, Any], Expr]] = {
    "NameReference": _name,
    "LiteralExpression": lambda s, node: literal(node),
    "CompoundStringLiteralExpression": lambda s, node: compound_string(node),
    "DynamicExpression": lambda s, node: dynamic(node),
    "ParenthesizedExpression": _inner,
    "SimpleNamedExpression": _inner,
    "BinaryExpression": _binary,
    "PrefixUnaryExpression": _unary,
    "BetweenExpression": _between,
    "InExpression": _in,
    "HasAnyExpression": _has_any,
    "HasAllExpression": _has_any,
    "PathExpression": _path,
    "ElementExpression": _element,
    "FunctionCallExpression": _call,
    "ToScalarExpression": _scalar,
}
