"""The expressions of a plan; model.py has the plan itself and says what holds for both.

Nulls are SQL's: a comparison with null is not true. Times are UTC. Text positions count from 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias, get_args

from pydantic import ConfigDict, Field, model_validator

from agents.data.plan.functions import FunctionName, check_arguments
from shared.models import Model

if TYPE_CHECKING:
    from agents.data.plan.model import QueryPlan

# date is a day without a time; dynamic is JSON: an object, a list or a value of any type.
DataType = Literal["string", "int", "real", "bool", "date", "datetime", "duration", "dynamic"]
Unit = Literal["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"]

_CLASSES: dict[str, type | tuple[type, ...]] = {"int": int, "real": (int, float), "bool": bool}


class Node(Model):
    """A part of a plan: immutable, so it can be shared, compared and kept in sets."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Node):
    """The column of that name before the step; exact spelling, unquoted."""

    kind: Literal["column"] = "column"
    name: str


class Constant(Node):
    """A literal. A date is `2026-03-14`, a datetime `2026-03-14T10:00:00` (UTC, fraction optional), both as text.

    type None is null; `dynamic` holds JSON text. For a duration see Duration.
    """

    kind: Literal["constant"] = "constant"
    type: Literal["string", "int", "real", "bool", "date", "datetime", "dynamic"] | None = None
    value: Annotated[str | bool | int | float | None, Field(union_mode="smart")] = None

    @model_validator(mode="after")
    def _is_of_its_type(self) -> Self:
        """A constant of a type may be null; one without a type is."""
        classes = _CLASSES.get(self.type or "", str)
        right = isinstance(self.value, classes) and (self.type == "bool" or not isinstance(self.value, bool))
        if self.value is not None and (self.type is None or not right):
            raise ValueError(f"{self.value!r} is no constant of type {self.type}")
        return self


class Duration(Node):
    """`7 days`. Added to or subtracted from a time; compared with the difference of two times."""

    kind: Literal["duration"] = "duration"
    amount: int | float
    unit: Unit


class Arithmetic(Node):
    """`/` is real division whatever the types; `//` truncates to a whole number.

    time - time is a duration, of days too; time ± duration a datetime; duration / duration a number; number * duration
    a duration.
    """

    kind: Literal["arithmetic"] = "arithmetic"
    op: Literal["+", "-", "*", "/", "//", "%"]
    left: Expr
    right: Expr


class Compare(Node):
    """ignore_case: both sides are text, compared without regard to case (KQL `=~`)."""

    kind: Literal["compare"] = "compare"
    op: Literal["==", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr
    ignore_case: bool = False


class Logic(Node):
    """All, or any, of two or more conditions."""

    kind: Literal["logic"] = "logic"
    op: Literal["and", "or"]
    operands: tuple[Expr, ...] = Field(min_length=2)


class Not(Node):
    kind: Literal["not"] = "not"
    operand: Expr


class In(Node):
    kind: Literal["in"] = "in"
    operand: Expr
    values: tuple[Expr, ...] = Field(min_length=1)
    ignore_case: bool = False


class InPlan(Node):
    """Whether the value is among the rows of a plan with one column (its first, if it has more)."""

    kind: Literal["in_plan"] = "in_plan"
    operand: Expr
    plan: QueryPlan
    ignore_case: bool = False


class Between(Node):
    """Both ends included."""

    kind: Literal["between"] = "between"
    operand: Expr
    low: Expr
    high: Expr


class IsNull(Node):
    kind: Literal["is_null"] = "is_null"
    operand: Expr


class Match(Node):
    """How text matches. `like` has SQL's % and _ and covers the whole text; `regex` matches anywhere in it.

    `has_word`: the pattern occurs with no letter or digit at either side (KQL `has`).
    """

    kind: Literal["match"] = "match"
    op: Literal["contains", "has_word", "startswith", "endswith", "like", "regex"]
    operand: Expr
    pattern: Expr
    ignore_case: bool = False


class When(Node):
    condition: Expr
    result: Expr


class Case(Node):
    """The result of the first condition that is true, else `otherwise` (null if not given)."""

    kind: Literal["case"] = "case"
    whens: tuple[When, ...] = Field(min_length=1)
    otherwise: Expr | None = None


class Cast(Node):
    """What can't be converted is null or an error, as the platform has it. Text as `dynamic` is parsed as JSON."""

    kind: Literal["cast"] = "cast"
    operand: Expr
    to: DataType


class Path(Node):
    """A value inside JSON, itself `dynamic`: keys are text, positions in lists count from 0, negative from the end."""

    kind: Literal["path"] = "path"
    operand: Expr
    steps: tuple[str | int, ...] = Field(min_length=1)


class Call(Node):
    """A function of the closed catalogue, FUNCTIONS in functions.py, which says what the arguments are."""

    kind: Literal["call"] = "call"
    function: FunctionName
    args: tuple[Expr, ...] = ()

    @model_validator(mode="after")
    def _has_its_arguments(self) -> Self:
        check_arguments(self.function, len(self.args))
        return self


class Scalar(Node):
    """The first column of the only row of a plan; null when it has no row."""

    kind: Literal["scalar"] = "scalar"
    plan: QueryPlan


Expr: TypeAlias = Annotated[
    Column
    | Constant
    | Duration
    | Arithmetic
    | Compare
    | Logic
    | Not
    | In
    | InPlan
    | Between
    | IsNull
    | Match
    | Case
    | Cast
    | Path
    | Call
    | Scalar,
    Field(discriminator="kind"),
]

EXPRESSIONS: tuple[type[Node], ...] = get_args(get_args(Expr)[0])
