"""Names of functions that Kusto has not: a slip of the hand is mended, another language's function is not renamed."""

from __future__ import annotations

import pytest

from agents.data.kql import Kql
from agents.data.kql.borrowed import CAST_TO, NOW, SAME_OF_MORE, SAME_OF_ONE, TEXT_LENGTH, TODAY, nearest_function
from agents.data.kql.kusto import Kusto

SLIPS = [
    ("tostrng", "tostring"),
    ("dcont", "dcount"),
    ("countf", None),
    ("ToString", "tostring"),
    ("to_string", "tostring"),
    ("is_null", "isnull"),
    ("dcountiff", "dcountif"),
    ("start_of_day", "startofday"),
    ("percntile", "percentile"),
]
OTHERS = """median year average mean len length current_date str if ifnull tonumber concat group_concat lcase date_trunc
    cast lower upper ltrim ipv6_is_private cosh binary_nand isint date_add min_by hour week lag"""


@pytest.mark.parametrize(("name", "meant"), [*SLIPS, *((name, None) for name in OTHERS.split())])
def test_only_a_slip_of_the_hand_is_another_function(kql: Kql, name: str, meant: str | None) -> None:
    assert isinstance(kql.prover, Kusto)
    assert nearest_function(name, sorted(kql.prover.functions())) == meant


def test_what_is_borrowed_is_not_kustos_and_what_is_said_for_it_is(kql: Kql) -> None:
    assert isinstance(kql.prover, Kusto)
    known = kql.prover.functions()
    assert not known & {*SAME_OF_ONE, *SAME_OF_MORE, *NOW, *TODAY, *TEXT_LENGTH}
    said = {*SAME_OF_ONE.values(), *CAST_TO.values(), *(name for name, _ in SAME_OF_MORE.values())}
    assert said <= known


def test_two_functions_that_are_as_near_are_none() -> None:
    assert nearest_function("arg_mix", ["arg_max", "arg_min"]) is None
