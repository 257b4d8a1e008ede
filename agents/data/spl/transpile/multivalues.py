"""Eval's functions of multivalue fields: VARCHAR lists in DuckDB."""

from __future__ import annotations

from collections.abc import Callable

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Expression, Name
from agents.data.spl.sources import walk
from agents.data.spl.transpile.expressions import Compiler
from agents.data.spl.transpile.patterns import regular_expression
from agents.data.spl.transpile.values import Sql, as_bool, as_int, as_mv, as_str, is_number, string

_LONGEST_RANGE = 10_000


def _list(template: str) -> Callable[[Compiler, list[Expression]], Sql]:
    return lambda c, args: Sql(template.format(as_mv(c.compile(args[0]))), "mv")


def _split(c: Compiler, args: list[Expression]) -> Sql:
    text, delimiter = as_str(c.compile(args[0])), as_str(c.compile(args[1]))
    return Sql(f"string_split({text}, {delimiter})", "mv")


def _join(c: Compiler, args: list[Expression]) -> Sql:
    return Sql(f"array_to_string({as_mv(c.compile(args[0]))}, {as_str(c.compile(args[1]))})", "str")


def _count(c: Compiler, args: list[Expression]) -> Sql:
    """Null, not 0, for none."""
    return Sql(f"nullif(len({as_mv(c.compile(args[0]))}), 0)", "int")


def _index(c: Compiler, args: list[Expression]) -> Sql:
    """From 0; negative from the end."""
    values = as_mv(c.compile(args[0]))
    places = [_place(as_int(c.compile(arg))) for arg in args[1:]]
    if len(places) == 1:
        return Sql(f"({values})[{places[0]}]", "str")
    return Sql(f"list_slice({values}, {places[0]}, {places[1]})", "mv")


def _place(index: str) -> str:
    return f"(CASE WHEN {index} >= 0 THEN {index} + 1 ELSE {index} END)"


def _append(c: Compiler, args: list[Expression]) -> Sql:
    lists = [as_mv(value) for arg in args if (value := c.compile(arg)).kind != "null"]
    joined = lists[0] if lists else "CAST(NULL AS VARCHAR[])"
    for item in lists[1:]:
        joined = f"list_concat({joined}, {item})"
    return Sql(joined, "mv")


def _only_field(node: Expression) -> str:
    names = {item.name for item in walk(node) if isinstance(item, Name)}
    if len(names) != 1:
        raise NotExecutable("mvfilter and mvmap are translated for an expression of one field")
    return names.pop()


def _filter(c: Compiler, args: list[Expression]) -> Sql:
    name = _only_field(args[0])
    values = as_mv(c.compile(Name(name, 0)))
    element = f"x{len(c.bound)}"
    test = as_bool(c.binding(name, Sql(element, "str")).compile(args[0]))
    kept = f"list_filter({values}, lambda {element}: coalesce({test}, false))"
    return Sql(f"(CASE WHEN len({kept}) > 0 THEN {kept} END)", "mv")


def _map(c: Compiler, args: list[Expression]) -> Sql:
    if len(args) != 2 or not isinstance(args[0], Name):
        raise NotExecutable("mvmap is translated for a field and an expression")
    element = f"x{len(c.bound)}"
    result = as_str(c.binding(args[0].name, Sql(element, "str")).compile(args[1]))
    mapped = f"list_transform({as_mv(c.compile(args[0]))}, lambda {element}: {result})"
    kept = f"list_filter({mapped}, lambda e: e IS NOT NULL)"
    return Sql(f"(CASE WHEN len({kept}) > 0 THEN {kept} END)", "mv")


def _find(c: Compiler, args: list[Expression]) -> Sql:
    pattern = c.compile(args[1])
    text = string(regular_expression(pattern.literal)) if pattern.literal is not None else as_str(pattern)
    found = f"list_position(list_transform({as_mv(c.compile(args[0]))}, lambda f: regexp_matches(f, {text})), true)"
    return Sql(f"(nullif({found}, 0) - 1)", "int")


def _zip(c: Compiler, args: list[Expression]) -> Sql:
    left, right = (as_mv(c.compile(arg)) for arg in args[:2])
    delimiter = as_str(c.compile(args[2])) if len(args) == 3 else "','"
    pairs = f"list_zip({left}, {right}, true)"
    return Sql(f"list_transform({pairs}, lambda p: p[1] || {delimiter} || p[2])", "mv")


def _range(c: Compiler, args: list[Expression]) -> Sql:
    numbers = [c.compile(arg) for arg in args]
    if any(value.literal is not None and not is_number(value.literal) for value in numbers):
        raise NotExecutable("mvrange is translated for numbers")
    start, stop, *step = [as_int(value) for value in numbers]
    size = step[0] if step else "1"
    # However far it is asked to go: a list that long is a mistake or an attack.
    stop = f"least({stop}, {start} + {_LONGEST_RANGE} * {size})"
    return Sql(f"list_transform(range({start}, {stop}, {size}), lambda e: CAST(e AS VARCHAR))", "mv")


def _json_array(c: Compiler, args: list[Expression]) -> Sql:
    text = as_str(c.compile(args[0]))
    return Sql(f"json_extract_string(TRY_CAST({text} AS JSON), '$[*]')", "mv")


Functions = dict[str, Callable[[Compiler, list[Expression]], Sql]]
MULTIVALUE: Functions = {
    "split": _split,
    "mvjoin": _join,
    "mvcount": _count,
    "mvindex": _index,
    "mvappend": _append,
    "mvfilter": _filter,
    "mvmap": _map,
    "mvfind": _find,
    "mvzip": _zip,
    "mvrange": _range,
    "mvsort": _list("list_sort({0})"),
    "mvreverse": _list("list_reverse({0})"),
    "mvdedup": _list("list_filter({0}, lambda e, i: list_position({0}, e) = i)"),
    "json_array_to_mv": _json_array,
}
