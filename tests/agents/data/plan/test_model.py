"""The plan as data: what it writes it reads, and its parts can be found and replaced."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agents.data.plan.model import (
    Aggregate,
    Column,
    Compare,
    Constant,
    Duration,
    Expr,
    Extend,
    Filter,
    InPlan,
    Join,
    Key,
    Logic,
    Measure,
    Named,
    QueryPlan,
    Table,
    Unsayable,
    Values,
)
from agents.data.plan.walk import columns_in, rewrite, tables_in
from shared.errors import http_status

X, Y = Column(name="x"), Column(name="y")
INNER = QueryPlan(source=Table(name="inner"), steps=(Extend(columns=(Named(name="x", value=X),)),))
BOTH = Logic(
    op="and", operands=(Compare(op="==", left=X, right=Constant(type="int", value=1)), InPlan(operand=Y, plan=INNER))
)
PLAN = QueryPlan(
    source=Table(name="outer"),
    steps=(
        Filter(condition=BOTH),
        Join(right=INNER, keys=(Key(left=X, right=Y),)),
        Aggregate(
            groups=(Named(name="day", value=Duration(amount=1.5, unit="day")),),
            measures=(Measure(name="n", function="count"),),
        ),
    ),
)


def test_a_plan_reads_the_json_that_it_writes() -> None:
    assert QueryPlan.model_validate_json(PLAN.model_dump_json()) == PLAN
    assert QueryPlan.model_validate_json(PLAN.model_dump_json(exclude_defaults=False)).then() == PLAN


@pytest.mark.parametrize("value", [1, 1.0, True, "1", None])
def test_a_constant_keeps_its_type_in_json(value: object) -> None:
    kind = {int: "int", float: "real", bool: "bool", str: "string", type(None): None}[type(value)]
    constant = Constant.model_validate({"type": kind, "value": value})
    plan = QueryPlan(source=Values(columns=("c",), rows=((constant,),)))
    read = QueryPlan.model_validate_json(plan.model_dump_json())
    assert isinstance(read.source, Values)
    assert type(read.source.rows[0][0].value) is type(value)


def test_an_unknown_kind_of_step_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        QueryPlan.model_validate({"source": {"kind": "table", "name": "t"}, "steps": [{"kind": "explode"}]})


def test_the_columns_of_an_expression_are_not_those_of_a_plan_inside_it() -> None:
    assert columns_in(BOTH) == {"x", "y"}
    assert columns_in(InPlan(operand=Y, plan=INNER)) == {"y"}


def test_every_table_is_found_once() -> None:
    assert tables_in(PLAN) == ["outer", "inner"]


def test_rewriting_replaces_what_is_in_scope_and_leaves_nested_plans() -> None:
    def renamed(expression: Expr) -> Expr | None:
        return Column(name="z") if expression == X else None

    new = rewrite(BOTH, renamed)
    assert columns_in(new) == {"z", "y"}
    assert new.operands[1] == InPlan(operand=Y, plan=INNER)


def test_what_can_not_be_said_names_the_thing_and_the_language() -> None:
    error = Unsayable("a recursive CTE", "the plan")
    assert (str(error), error.code, http_status(error)) == ("can't say a recursive CTE in the plan", "unsayable", 422)


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ({"kind": "call", "function": "split_part", "args": []}, "split_part takes 3 arguments, not 0"),
        ({"kind": "call", "function": "soundex", "args": []}, "Input should be 'now', 'bin'"),
        ({"kind": "constant", "type": "int", "value": "x"}, "'x' is no constant of type int"),
        ({"kind": "constant", "type": "bool", "value": 1}, "1 is no constant of type bool"),
    ],
)
def test_an_expression_that_means_nothing_is_refused(plan: dict[str, object], why: str) -> None:
    project = {"kind": "project", "columns": [{"name": "x", "value": plan}]}
    with pytest.raises(ValidationError) as refused:
        QueryPlan.model_validate({"source": {"kind": "table", "name": "t"}, "steps": [project]})
    assert why in str(refused.value)


def test_aggregates_and_windows_have_their_arguments_too() -> None:
    with pytest.raises(ValidationError, match="sum takes 1 arguments, not 0"):
        Measure(name="n", function="sum")
    with pytest.raises(ValidationError, match="a row of 0 cells for 1 columns"):
        Values(columns=("a",))
