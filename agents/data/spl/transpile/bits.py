"""Eval's functions of the bits of whole numbers in DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from agents.data.spl.ast import Expression
from agents.data.spl.transpile.expressions import Compiler
from agents.data.spl.transpile.values import Sql, as_int

Function = Callable[[Compiler, list[Expression]], Sql]


def _bits(op: str) -> Function:
    return lambda c, args: Sql("(" + f" {op} ".join(as_int(c.compile(arg)) for arg in args) + ")", "int")


def _exclusive(c: Compiler, args: list[Expression]) -> Sql:
    first, *rest = [as_int(c.compile(arg)) for arg in args]
    return Sql(reduce(lambda left, right: f"xor({left}, {right})", rest, first), "int")


def _shift(op: str) -> Function:
    """By 0 to 62 places."""
    return lambda c, args: Sql(
        f"({as_int(c.compile(args[0]))} {op} CAST(least(greatest({as_int(c.compile(args[1]))}, 0), 62) AS INTEGER))",
        "int",
    )


BITS: dict[str, Function] = {
    "bit_and": _bits("&"),
    "bit_or": _bits("|"),
    "bit_xor": _exclusive,
    "bit_shift_left": _shift("<<"),
    "bit_shift_right": _shift(">>"),
}
