"""Fitting the linker's weights, and the public sets they are fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from core_engine.evaluation.linking_fit import Case, fit_order, fit_scale
from core_engine.evaluation.public_sets import read_defog, read_nl2kql, read_seed
from data.seed.generate import HERE
from tests.agents.data.public import public

TELLING = [{"tells": 1.0, "misleads": 0.0}, {"tells": 0.0, "misleads": 1.0}, {"tells": 0.2, "misleads": 0.5}]


def test_a_signal_that_tells_gets_weight_and_one_that_misleads_gets_none() -> None:
    weights = fit_order([Case.of("g", "q", TELLING, [0])] * 20)
    assert weights[0] > 1
    assert weights[1] == 0


def test_a_rank_is_the_place_of_the_first_gold_table_or_of_the_best_placed() -> None:
    case = Case.of("g", "q", TELLING, [2, 0])
    assert case.rank(np.array([1.0, 0.0]), any_table=False) == 1
    assert case.rank(np.array([1.0, 0.0]), any_table=True) == 0


def test_groups_join_into_one_choice() -> None:
    joined = Case.joined([Case.of("a", "q", TELLING), Case.of("b", "q", TELLING, [1])])
    assert (len(joined.rows), joined.gold) == (6, (4,))


def test_a_scale_puts_own_questions_above_others() -> None:
    slope, bias = fit_scale(np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0]))
    assert slope * 6 + bias > 0 > slope * 2 + bias


@pytest.mark.public_data
def test_the_public_sets_are_read_with_descriptions_values_and_tables() -> None:
    catalog, asked = read_nl2kql(public("nl2kql"), "defender")
    table = catalog.by_name["DeviceLogonEvents"]
    assert "Sign-ins" in table.description
    assert "LogonFailed" in table.by_name["ActionType"].values
    assert len(asked) == 123
    assert all(set(one.tables) <= set(catalog.by_name) for one in asked)


@pytest.mark.public_data
def test_defogs_questions_go_to_their_databases() -> None:
    by_group = {catalog.schema_group: asked for catalog, asked in read_defog(public("defog"))}
    assert "sbCustomer" in next(one for one in by_group["broker"] if "top 5 countries" in one.question).tables


def test_the_seed_s_questions_are_read_with_the_first_of_their_golds() -> None:
    groups = list(read_seed(HERE))
    assert sum(len(own) for _, own, _ in groups) == 45
    assert all(isinstance(one.gold, str) and one.tables for _, own, more in groups for one in [*own, *more])
