"""What the names in a SELECT mean: which column of the plan `o.customer_id` is.

SQL's names are qualified and ignore case; a plan's are unique and spelled one way. A column that is not known is kept
as it is written: whether it exists is for the binder of the rendered query to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from agents.data.plan.expressions import Column, Expr, Path
from agents.data.plan.model import Unsayable
from agents.data.plan.schema import Columns

_LONGEST = 80


def unsayable(what: str, node: exp.Expr) -> Unsayable:
    text = " ".join(node.sql(dialect="duckdb", comments=False).split())
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return Unsayable(what, f'a plan, "{shown}"')


class Correlated(Unsayable):
    """A column of the query around this one, where the plan has no place for it."""


@dataclass
class Relation:
    """One name in FROM. columns: lower-case name → the plan's column; complete: there are no others; hidden: those that
    another table hides in the plan, because nothing names them with this table."""

    alias: str
    columns: dict[str, str]
    complete: bool
    hidden: set[str] = field(default_factory=set)

    def find(self, name: str) -> str | None:
        found = self.columns.get(name.lower())
        return found if found or self.complete else name

    def knows(self, name: str) -> bool:
        return name.lower() in self.columns


@dataclass
class Scope:
    """The names of one FROM, the types of the plan's columns behind them, and the scope around it.

    merged: lower-case name → column, of those that USING made one.
    """

    relations: list[Relation] = field(default_factory=list)
    types: Columns = field(default_factory=dict)
    outer: Scope | None = None
    merged: dict[str, str] = field(default_factory=dict)

    def relation(self, alias: str) -> Relation | None:
        return next((one for one in self.relations if one.alias.lower() == alias.lower()), None)

    def column(self, node: exp.Column) -> Expr:
        """The plan's column; of a JSON column `details.city` the path. Raises Correlated, or Unsayable if ambiguous."""
        found = self.find(node)
        if found is not None:
            return found
        if self.outer is not None and self.outer.find(node) is not None:
            raise Correlated(f"the outer column {node.sql()}", "this part of a plan")
        if not node.table or (len(self.relations) == 1 and self.relations[0].complete):
            return Column(name=self.relations[0].find(node.name) or node.name if self.relations else node.name)
        raise unsayable(f"'{node.table}', which FROM does not name", node)

    def find(self, node: exp.Column) -> Expr | None:
        """The same, or None where this scope does not have it."""
        names = [part.name for part in node.parts]
        for start in range(len(names) - 1):
            relation = self.relation(".".join(names[: start + 1])) or self.relation(names[start])
            if relation is not None:
                found = relation.find(names[start + 1])
                return _path(found or names[start + 1], names[start + 2 :])
        flat = self._unqualified(names[0], node)
        is_column = len(names) == 1 or (self.knows(names[0]) and self._is_json(flat or ""))
        return _path(flat, names[1:]) if flat and is_column else None

    def knows(self, name: str) -> bool:
        """Whether an unqualified name is certainly a column of this FROM."""
        return any(relation.knows(name) for relation in self.relations)

    def _is_json(self, flat: str) -> bool:
        return self.types.get(flat) in (None, "dynamic")

    def _unqualified(self, name: str, node: exp.Column) -> str | None:
        if name.lower() in self.merged:
            return self.merged[name.lower()]
        known = {relation.find(name): relation for relation in self.relations if relation.knows(name)}
        hidden = any(name.lower() in relation.hidden for relation in self.relations)
        if len(known) > 1 or (known and hidden):
            raise unsayable(f"the column '{name}', which several tables have, without its table", node)
        if known:
            return next(iter(known))
        open_ended = [relation for relation in self.relations if not relation.complete]
        if len(open_ended) > 1:
            raise unsayable(f"the column '{name}' without its table", node)
        return name if open_ended else None


def _path(flat: str, rest: list[str]) -> Expr:
    return Path(operand=Column(name=flat), steps=tuple(rest)) if rest else Column(name=flat)


def columns_of_node(node: exp.Expr) -> Iterable[exp.Column]:
    """Every column that is named in it, those of nested queries too; `t.*` is none."""
    return (column for column in node.find_all(exp.Column) if not isinstance(column.this, exp.Star))


def clauses(node: exp.Expr, *keys: str) -> list[exp.Expr]:
    """Those of the clauses that a SELECT has."""
    return [found for key in keys if (found := node.args.get(key))]


def unique(name: str, taken: Iterable[str]) -> str:
    """The name, numbered where it is taken; case is ignored, as SQL does."""
    lower = {one.lower() for one in taken}
    if name.lower() not in lower:
        return name
    return next(numbered for n in range(2, len(lower) + 3) if (numbered := f"{name}_{n}").lower() not in lower)
