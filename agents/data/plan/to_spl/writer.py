"""A search as it is written: terms of its base search, then commands, and what the plan's columns are called in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.data.plan.model import Column, Expr, Named, QueryPlan, Scalar, SortKey, Unsayable
from agents.data.plan.schema import Columns
from agents.data.plan.to_spl.expressions import Evaluator
from agents.data.plan.to_spl.names import eval_name, field
from agents.data.plan.walk import columns_in
from shared.catalog import Catalog


class Writer:
    """terms: of the base search; None where rows come from a command. searching: nothing but filters so far, so more
    terms can be added. columns: the plan's at this point; fields: what each is called. A time keeps the field `_time`
    whatever the plan calls it: under another name Splunk shows seconds.

    so_far: the plan that is written; newest: rows are as events come, the newest first; order: that of the last sort;
    few: rows are results of stats, fewer than sort's usual 10,000; shown: exactly these fields are there, if known;
    scalars: fields made for the values of nested plans.
    """

    def __init__(self, catalog: Catalog, columns: Columns, so_far: QueryPlan, terms: list[str] | None) -> None:
        self.catalog, self.columns, self.so_far, self.terms = catalog, columns, so_far, terms
        self.commands: list[str] = []
        self.fields = {name: name for name in columns}
        self.searching = terms is not None
        self.newest = terms is not None and "_time" in columns
        self.order: tuple[SortKey, ...] = ()
        self.few = False
        self.shown: list[str] = []
        self.scalars: list[str] = []
        self._made = 0

    # --- writing --------------------------------------------------------------------------------------------------

    def add(self, command: str) -> None:
        self.searching = False
        if not command.startswith(("sort ", "where ", "head ", "search ", "dedup ")):
            self.shown = []
        self.commands.append(command)

    def shows(self, names: Iterable[str]) -> bool:
        """Whether exactly these fields are there, in that order."""
        return bool(self.shown) and self.shown == list(names)

    def text(self) -> str:
        if self.terms is not None:
            return " | ".join([" ".join(self.terms), *self.commands])
        return "| " + " | ".join(self.commands)

    def subsearch(self) -> str:
        """In square brackets."""
        return f"[search {self.text()}]" if self.terms is not None else f"[{self.text()}]"

    def new_name(self, what: str) -> str:
        """A name that no column has."""
        while True:
            self._made += 1
            name = f"{what}_{self._made}"
            if name not in self.columns and name not in self.fields.values():
                return name

    # --- expressions ----------------------------------------------------------------------------------------------

    def evaluator(self) -> Evaluator:
        return Evaluator(self.columns, self.fields, self.scalar)

    def value(self, expression: Expr) -> str:
        return self.evaluator().value(expression)

    def condition(self, expression: Expr) -> str:
        return self.evaluator().condition(expression)

    def field_of(self, expression: Expr) -> str:
        """The field that holds the expression's value, written as a list of fields wants it; made where there is none.
        Raises Unsayable."""
        if isinstance(expression, Column):
            return field(self.fields[expression.name])
        name = self.new_name("value")
        self.add(f"eval {name}={self.value(expression)}")
        return name

    def scalar(self, scalar: Scalar) -> str:
        from agents.data.plan.to_spl.combining import scalar_value  # it writes a search of its own

        return scalar_value(self, scalar)

    # --- assignments ----------------------------------------------------------------------------------------------

    def assign(self, columns: Sequence[Named]) -> None:
        """eval, all from the values before: eval itself sees what it has just set, so readers come before writers."""
        waiting = [(one.name, self.value(one.value), self._reads(one.value)) for one in columns]
        done: list[str] = []
        renames: list[tuple[str, str]] = []
        while waiting:
            free = next((one for one in waiting if not _read_by_others(one, waiting)), None)
            if free is None:
                name, text, _ = waiting.pop(0)
                other = self.new_name(name)
                renames.append((other, name))
                done.append(f"{other}={text}")
                continue
            waiting.remove(free)
            done.append(f"{eval_name(free[0])}={free[1]}")
        if done:
            self.add("eval " + ", ".join(done))
        if renames:
            self.add("rename " + ", ".join(f"{old} AS {field(new)}" for old, new in renames))

    def _reads(self, expression: Expr) -> set[str]:
        return {self.fields[name] for name in columns_in(expression) if name in self.fields}

    def require(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.columns:
                raise Unsayable(f"the column {name}, which is not there", "SPL")


def _read_by_others(one: tuple[str, str, set[str]], waiting: list[tuple[str, str, set[str]]]) -> bool:
    return any(one[0] in other[2] for other in waiting if other is not one)
