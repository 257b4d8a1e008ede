"""The example of docs/costs.md is a card that can be used, and its figures are what a call would cost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from core_engine.cost_analysis import Kind
from core_engine.cost_figures import COLD, ENOUGH, FAR
from shared.llm.rates import Hardware, RateCard, SecondRate, TokenRate, price, read_card
from tests.shared.llm.test_rates import call

PAGE = (Path(__file__).parents[2] / "docs" / "costs.md").read_text(encoding="utf-8")
FIGURES = re.findall(r"^\| ([^|]+) \| ([^|]*\d[^|]*) \| (0\.\d{6}) \|$", PAGE, re.MULTILINE)


@pytest.fixture
def card(tmp_path: Path) -> RateCard:
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "card.yaml"
    path.write_text(block, encoding="utf-8")
    return read_card(path)


def test_the_card_has_every_field_but_hosts(card: RateCard) -> None:
    for section, rate in ((card.tokens, TokenRate), (card.seconds, SecondRate), (card.hardware, Hardware)):
        assert {*rate.model_fields} - section[0].model_fields_set <= {"hosts"}


def test_the_example_costs_what_the_page_says(card: RateCard) -> None:
    made = call(load_seconds=None, prompt_seconds=4.0, generation_seconds=6.0)
    found, measured = price(made, card), price(made, card, joules=2900.0)
    assert found
    assert measured
    parts = [found.amortisation, found.energy, measured.energy, found.idle, found.cost]
    assert [f"{part:.6f}" for part in parts] == [figure for _, _, figure in FIGURES]


@pytest.mark.parametrize(("part", "computed", "figure"), FIGURES)
def test_a_figure_is_what_its_formula_gives(part: str, computed: str, figure: str) -> None:
    assert f"{eval(computed.replace('×', '*')):.6f}" == figure, part


def test_the_page_names_every_kind_of_saving_and_its_bounds() -> None:
    kinds = PAGE.partition("## What would save most")[2]
    assert re.findall(r"^\| (\w+) \|", kinds, re.MULTILINE)[1:] == list(get_args(Kind))
    assert (FAR, COLD, ENOUGH) == (2, 1.0, 20)
    assert "more than twice the median" in PAGE
    assert "waited a second or more" in PAGE
    assert "of 20 calls or more" in PAGE
