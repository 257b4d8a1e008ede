"""Joins as Kusto's, which keeps both sides' columns: those whose names the left has come out as `name1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.data.plan.expressions import Column, Constant, Expr
from agents.data.plan.model import Join, Key, Unsayable
from agents.data.plan.schema import Columns, columns_of
from agents.data.plan.to_kql.expressions import Scalars
from agents.data.plan.to_kql.text import LONGEST_LINE, WHERE, listed, name

if TYPE_CHECKING:
    from agents.data.plan.to_kql.pipeline import Pipeline

_KINDS = {
    "inner": "inner", "cross": "inner", "left": "leftouter", "full": "fullouter", "semi": "leftsemi",
    "anti": "leftanti",
}  # fmt: skip
_EVERY_ROW = Key(left=Constant(type="int", value=1), right=Constant(type="int", value=1))


def join(pipeline: Pipeline, step: Join, *, closed: bool) -> None:
    """closed: a later step says which columns there are, so that those that Kusto adds need not be taken away."""
    if step.condition is not None and step.how not in ("inner", "cross"):
        raise Unsayable(f"a condition other than equal columns in a {_KINDS[step.how]} join", WHERE)
    columns = columns_of(step.right, pipeline.catalog)
    lines = pipeline.nested(step.right)
    keys = _Keys(pipeline, pipeline.scalars(), pipeline.scalars(columns or {}))
    for key in step.keys or (_EVERY_ROW,):
        keys.add(key)
    if keys.left:
        pipeline.add(f"extend {listed(keys.left)}")
    if keys.right:
        lines.append(f"| extend {listed(keys.right)}")
    on = listed([name(a) if a == b else f"$left.{name(a)} == $right.{name(b)}" for a, b in keys.names])
    pipeline.add(f"join kind={_KINDS[step.how]} {_in_brackets(lines)} on {on}")
    if step.condition is not None:
        both = (columns or {}) | (pipeline.columns or {})
        pipeline.add(f"where {pipeline.scalars(both).true(step.condition).text}")
    extra = (
        keys.computed if step.how in ("semi", "anti") else [*keys.computed, *_doubled(pipeline, keys, columns or {})]
    )
    if extra and not closed:
        pipeline.add(f"project-away {listed([name(one) for one in extra])}")


def _in_brackets(lines: list[str]) -> str:
    """A table alone, a short query on one line, or a line for each operator."""
    if len(lines) == 1 and not lines[0].startswith("union"):
        return lines[0]
    if sum(map(len, lines)) < LONGEST_LINE * 0.6:
        return f"({' '.join(lines)})"
    return "(\n" + "\n".join(f"    {line}" for line in "\n".join(lines).split("\n")) + "\n)"


class _Keys:
    """names: the columns that must be equal, left's and right's; computed: those made for it, as `left` and `right`
    say, because Kusto joins by columns of the same type."""

    def __init__(self, pipeline: Pipeline, left: Scalars, right: Scalars) -> None:
        self._pipeline, self._scalars = pipeline, (left, right)
        self.names: list[tuple[str, str]] = []
        self.left: list[str] = []
        self.right: list[str] = []
        self.computed: list[str] = []

    def add(self, key: Key) -> None:
        left, right = self._scalars
        types = left.type_of(key.left), right.type_of(key.right)
        differ = None not in types and types[0] != types[1]
        same = not differ and "dynamic" not in types
        if same and isinstance(key.left, Column) and isinstance(key.right, Column):
            self.names.append((key.left.name, key.right.name))
            return
        column = self._pipeline.new_name("key")
        self.left.append(f"{column} = {_text(left, key.left, convert=differ)}")
        self.right.append(f"{column} = {_text(right, key.right, convert=differ)}")
        self.names.append((column, column))
        self.computed.append(column)


def _text(s: Scalars, value: Expr, *, convert: bool) -> str:
    kind = s.type_of(value)
    return f"tostring({s.arg(value)})" if (convert and kind != "string") or kind == "dynamic" else s.arg(value)


def _doubled(pipeline: Pipeline, keys: _Keys, right: Columns) -> list[str]:
    """The names that Kusto gives to the right side's columns whose names the left has."""
    left = {*(pipeline.columns or {}), *keys.computed}
    both = [*(b for _, b in keys.names), *right]
    return [f"{column}1" for column in dict.fromkeys(both) if column in left]
