"""A query as a pipeline of relational steps, as typed data: `QueryPlan.model_validate_json` reads what it writes.

Rows flow from the source through the steps. At each point they have columns with *unique, unqualified* names, as in KQL
and SPL; a join hides the right side's columns whose names the left side has, so what is wanted of them is renamed first
(`Rename` in the right plan). Expressions of one step see the columns before the step, never each other.

What a plan can't say, or a language can't say of a plan, raises Unsayable; nothing is ever left out.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from agents.data.plan.expressions import (
    EXPRESSIONS as EXPRESSIONS,
)
from agents.data.plan.expressions import (
    Arithmetic as Arithmetic,
)
from agents.data.plan.expressions import (
    Between as Between,
)
from agents.data.plan.expressions import (
    Call as Call,
)
from agents.data.plan.expressions import (
    Case as Case,
)
from agents.data.plan.expressions import (
    Cast as Cast,
)
from agents.data.plan.expressions import (
    Column as Column,
)
from agents.data.plan.expressions import (
    Compare as Compare,
)
from agents.data.plan.expressions import (
    Constant as Constant,
)
from agents.data.plan.expressions import (
    DataType as DataType,
)
from agents.data.plan.expressions import (
    Duration as Duration,
)
from agents.data.plan.expressions import (
    Expr as Expr,
)
from agents.data.plan.expressions import (
    In as In,
)
from agents.data.plan.expressions import (
    InPlan as InPlan,
)
from agents.data.plan.expressions import (
    IsNull as IsNull,
)
from agents.data.plan.expressions import (
    Logic as Logic,
)
from agents.data.plan.expressions import (
    Match as Match,
)
from agents.data.plan.expressions import (
    Node as Node,
)
from agents.data.plan.expressions import (
    Not as Not,
)
from agents.data.plan.expressions import (
    Path as Path,
)
from agents.data.plan.expressions import (
    Scalar as Scalar,
)
from agents.data.plan.expressions import (
    Unit as Unit,
)
from agents.data.plan.expressions import (
    When as When,
)
from agents.data.plan.functions import AggregateName, WindowName, check_arguments
from shared.errors import InvalidInput


class Unsayable(InvalidInput):
    """A construct that the plan, or the language it is rendered to, has no words for.

    what: the construct (`a recursive CTE`); where: the language, and the place if known (`SQL, "WITH RECURSIVE …"`).
    """

    code = "unsayable"

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"can't say {what} in {where}")
        self.what, self.where = what, where


# Steps


class Named(Node):
    """An expression and the name of the column it becomes."""

    name: str
    value: Expr


class Filter(Node):
    """Keeps the rows for which the condition is true."""

    kind: Literal["filter"] = "filter"
    condition: Expr


class Extend(Node):
    """Adds columns at the end, or replaces those of the same name in their place."""

    kind: Literal["extend"] = "extend"
    columns: tuple[Named, ...] = Field(min_length=1)


class Project(Node):
    """Exactly these columns, in this order."""

    kind: Literal["project"] = "project"
    columns: tuple[Named, ...] = Field(min_length=1)


class Renaming(Node):
    name: str
    was: str


class Rename(Node):
    """Other names in the same places."""

    kind: Literal["rename"] = "rename"
    columns: tuple[Renaming, ...] = Field(min_length=1)


class Drop(Node):
    kind: Literal["drop"] = "drop"
    names: tuple[str, ...] = Field(min_length=1)


class Distinct(Node):
    """Each different row once."""

    kind: Literal["distinct"] = "distinct"


class Measure(Node):
    """An aggregate of a group as a column. where: only these rows count (KQL `countif`, SQL `FILTER`).

    AGGREGATES in functions.py says what the arguments are; `count` without any counts rows.
    """

    name: str
    function: AggregateName
    args: tuple[Expr, ...] = ()
    where: Expr | None = None

    @model_validator(mode="after")
    def _has_its_arguments(self) -> Self:
        check_arguments(self.function, len(self.args))
        return self


class Aggregate(Node):
    """One row a group: the group's columns, then the measures. Without groups one row, even of no rows."""

    kind: Literal["aggregate"] = "aggregate"
    groups: tuple[Named, ...] = ()
    measures: tuple[Measure, ...] = ()


class SortKey(Node):
    """nulls None: not said, which means last."""

    value: Expr
    descending: bool = False
    nulls: Literal["first", "last"] | None = None


class Frame(Node):
    """Rows from `start` to `end` relative to the current one: -2 two before, 0 itself, None without bound."""

    start: int | None = None
    end: int | None = 0


class WindowColumn(Node):
    """frame None: the whole partition if the window has no order, else its start up to the current row and its peers.

    WINDOWS and AGGREGATES in functions.py say what the arguments are.
    """

    name: str
    function: WindowName | AggregateName
    args: tuple[Expr, ...] = ()
    frame: Frame | None = None

    @model_validator(mode="after")
    def _has_its_arguments(self) -> Self:
        check_arguments(self.function, len(self.args))
        return self


class Window(Node):
    """Adds columns computed over the row's partition, in that order; the rows stay."""

    kind: Literal["window"] = "window"
    partition: tuple[Expr, ...] = ()
    order: tuple[SortKey, ...] = ()
    columns: tuple[WindowColumn, ...] = Field(min_length=1)


class Top(Node):
    """The first `count` rows of each group in that order, with all columns (KQL `arg_max(t, *)`). Ties are cut."""

    kind: Literal["top"] = "top"
    groups: tuple[Expr, ...] = Field(min_length=1)
    order: tuple[SortKey, ...] = ()
    count: int = Field(default=1, ge=1)


class Key(Node):
    """left sees the columns of the pipeline, right those of the joined plan; rows join where they are equal."""

    left: Expr
    right: Expr


class Join(Node):
    """The pipeline's columns, then the right plan's whose names the left lacks; semi and anti keep the left's only.

    condition: holds for joined rows, over the columns of both, beside the keys. No keys and no condition: `cross`.
    A right join is a left join with the sides exchanged.
    """

    kind: Literal["join"] = "join"
    how: Literal["inner", "left", "full", "semi", "anti", "cross"] = "inner"
    right: QueryPlan
    keys: tuple[Key, ...] = ()
    condition: Expr | None = None


class Sort(Node):
    """Later steps other than filter, extend, project, rename, drop and limit may lose the order."""

    kind: Literal["sort"] = "sort"
    keys: tuple[SortKey, ...] = Field(min_length=1)


class Limit(Node):
    kind: Literal["limit"] = "limit"
    count: int | None = Field(default=None, ge=0)
    offset: int = Field(default=0, ge=0)


class Expand(Node):
    """One row for each element of a list (`dynamic`), which becomes the column `name`: in place if there is one.

    keep_empty: a row whose list is null or empty stays, with null (KQL `mv-expand`); else it goes (SQL `unnest`).
    An object is no list: KQL makes a row of each member, the others one.
    """

    kind: Literal["expand"] = "expand"
    name: str
    value: Expr
    keep_empty: bool = False


Step: TypeAlias = Annotated[
    Filter | Extend | Project | Rename | Drop | Distinct | Aggregate | Window | Top | Join | Sort | Limit | Expand,
    Field(discriminator="kind"),
]


# Sources


class Table(Node):
    """A table of the catalog; on SPL an index or a lookup."""

    kind: Literal["table"] = "table"
    name: str


class Union(Node):
    """The rows of all plans; columns go together by name, those that a plan lacks are null.

    origin: name of a column, the first, that holds the name of the table each row is from.
    """

    kind: Literal["union"] = "union"
    plans: tuple[QueryPlan, ...] = Field(min_length=1)
    origin: str | None = None


class Values(Node):
    """Rows written out; one row without columns is what `SELECT 1` and `print` start from."""

    kind: Literal["values"] = "values"
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Constant, ...], ...] = ((),)

    @model_validator(mode="after")
    def _has_a_cell_for_each_column(self) -> Self:
        if wrong := [row for row in self.rows if len(row) != len(self.columns)]:
            raise ValueError(f"a row of {len(wrong[0])} cells for {len(self.columns)} columns")
        return self


Source: TypeAlias = Annotated[Table | Union | Values, Field(discriminator="kind")]


class QueryPlan(Node):
    """A whole query, or one inside another. What SQL nests in FROM is the same steps in one row."""

    source: Source
    steps: tuple[Step, ...] = ()

    def then(self, *steps: Step) -> QueryPlan:
        """The plan with more steps at its end."""
        return QueryPlan(source=self.source, steps=(*self.steps, *steps))


for _node in list(globals().values()):
    if isinstance(_node, type) and issubclass(_node, Node):
        _node.model_rebuild(_types_namespace=globals())
