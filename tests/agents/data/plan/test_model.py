"""The plan as data: what it writes it reads, and its parts can be found and replaced."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agents.data.kql import Kql
from agents.data.plan.functions import AGGREGATES, FUNCTIONS, AggregateName, FunctionName
from agents.data.plan.model import (
    Aggregate,
    Call,
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
    Project,
    QueryPlan,
    Table,
    Unsayable,
    Values,
)
from agents.data.plan.to_kql import to_kql
from agents.data.plan.to_sql import to_sql
from agents.data.plan.walk import columns_in, rewrite, tables_in
from shared.errors import http_status
from tests.agents.data.plan.shop import KQL, run

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


TIME, TEXT, NUMBER, LIST = (Column(name=name) for name in ("placed", "status", "items", "details"))
ARGUMENTS: dict[str, tuple[Expr, ...]] = {
    "now": (),
    "bin": (TIME, Duration(amount=5, unit="minute")),
    "date_trunc": (Constant(type="string", value="quarter"), TIME),
    "date_part": (Constant(type="string", value="day_of_week"), TIME),
    "date_diff": (Constant(type="string", value="day"), TIME, Call(function="now")),
    "to_seconds": (Duration(amount=5, unit="minute"),),
    "to_epoch": (TIME,),
    "format_time": (TIME, Constant(type="string", value="%Y-%m")),
    "parse_time": (TEXT, Constant(type="string", value="%Y-%m-%d")),
    "replace": (TEXT, TEXT, TEXT),
    "replace_regex": (TEXT, Constant(type="string", value="a+"), Constant(type="string", value="b")),
    "split": (TEXT, Constant(type="string", value=",")),
    "split_part": (TEXT, Constant(type="string", value=","), Constant(type="int", value=2)),
    "regex_extract": (TEXT, Constant(type="string", value="(a)"), Constant(type="int", value=1)),
    "substring": (TEXT, Constant(type="int", value=2), Constant(type="int", value=2)),
    "power": (NUMBER, NUMBER),
    "null_if": (NUMBER, NUMBER),
    "position": (TEXT, TEXT),
    "list_length": (LIST,),
    "list_contains": (LIST, TEXT),
    "list_join": (LIST, Constant(type="string", value=",")),
}
NUMERIC = ("abs", "negate", "round", "floor", "ceil", "sqrt", "exp", "ln", "log10", "log2", "sign", "least", "greatest")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_is_written_in_sql_and_kql(kql: Kql, function: FunctionName) -> None:
    args = ARGUMENTS.get(function, (NUMBER,) if function in (*NUMERIC, "from_epoch", "coalesce") else (TEXT,))
    value = Call(function=function, args=args)
    plan = QueryPlan(source=Table(name="orders"), steps=(Project(columns=(Named(name="x", value=value),)),))
    assert [row for row in run(to_sql(plan, KQL), KQL) if len(row) != 1] == []
    text = to_kql(plan, KQL)
    assert [*kql.parse(text, KQL).problems, *kql.bind(text, KQL).problems] == [], text


@pytest.mark.parametrize("function", AGGREGATES)
def test_every_aggregate_is_written_in_sql_and_kql(kql: Kql, function: AggregateName) -> None:
    share = Constant(type="real", value=0.5)
    condition = Compare(op=">", left=NUMBER, right=Constant(type="int", value=1))
    args: dict[str, tuple[Expr, ...]] = {
        "percentile": (NUMBER, share), "percentile_disc": (NUMBER, share), "arg_max": (TEXT, TIME),
        "arg_min": (TEXT, TIME), "any_true": (condition,), "all_true": (condition,),
    }  # fmt: skip
    measure = Measure(name="x", function=function, args=args.get(function, (NUMBER,)))
    plan = QueryPlan(source=Table(name="orders"), steps=(Aggregate(measures=(measure,)),))
    assert len(run(to_sql(plan, KQL), KQL)) == 1
    text = to_kql(plan, KQL)
    assert [*kql.parse(text, KQL).problems, *kql.bind(text, KQL).problems] == [], text
