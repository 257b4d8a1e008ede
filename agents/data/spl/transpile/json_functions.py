"""Eval's functions of JSON texts in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Expression
from agents.data.spl.transpile.expressions import Compiler, literal
from agents.data.spl.transpile.values import Sql, as_mv, as_num, as_str, string, whole


def json_path(path: str) -> tuple[str, bool]:
    """spath's `a.b{}.c{0}` as DuckDB's `$.a.b[*].c[0]`, and whether it may have many values."""
    steps = "".join(
        f'."{name}"' + (f"[{'*' if not index else whole(index)}]" if brackets else "")
        for name, brackets, index in re.findall(r"([^.{}]+)(\{(\d*)\})?", path)
    )
    return f"${steps}", "[*]" in steps


def json_value(text: str, path: str) -> Sql:
    steps, many = json_path(path)
    return Sql(f"json_extract_string(TRY_CAST({text} AS JSON), {string(steps)})", "mv" if many else "str")


def _spath(c: Compiler, args: list[Expression]) -> Sql:
    return json_value(as_str(c.compile(args[0])), literal(c.compile(args[1]), "the path"))


def _json_extract(c: Compiler, args: list[Expression]) -> Sql:
    if len(args) != 2:
        raise NotExecutable("json_extract is translated for one path")
    return _spath(c, args)


def _json(value: Sql) -> str:
    """A value as JSON: numbers as numbers, lists as arrays."""
    return f"to_json({as_num(value) if value.kind == 'time' else value.text})"


def _json_array(c: Compiler, args: list[Expression]) -> Sql:
    return Sql(f"CAST(json_array({', '.join(_json(c.compile(arg)) for arg in args)}) AS VARCHAR)", "str")


def _json_object(c: Compiler, args: list[Expression]) -> Sql:
    if len(args) % 2:
        raise NotExecutable("json_object takes pairs of name and value")
    values = [c.compile(arg) for arg in args]
    pairs = ", ".join(as_str(v) if place % 2 == 0 else _json(v) for place, v in enumerate(values))
    return Sql(f"CAST(json_object({pairs}) AS VARCHAR)", "str")


def _json_keys(c: Compiler, args: list[Expression]) -> Sql:
    return Sql(f"CAST(to_json(json_keys(TRY_CAST({as_str(c.compile(args[0]))} AS JSON))) AS VARCHAR)", "str")


JSON: dict[str, Callable[[Compiler, list[Expression]], Sql]] = {
    "spath": _spath,
    "json_extract": _json_extract,
    "json_valid": lambda c, args: Sql(f"json_valid({as_str(c.compile(args[0]))})", "bool"),
    "json_array": _json_array,
    "json_object": _json_object,
    "json_keys": _json_keys,
    "mv_to_json_array": lambda c, args: Sql(f"CAST(to_json({as_mv(c.compile(args[0]))}) AS VARCHAR)", "str"),
}
