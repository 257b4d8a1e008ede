"""The public sets as suites: their items, their groups with rows, and how many gold queries run on these."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from agents.data.platform import load_platform
from agents.data.proof import run_proven
from core_engine.evaluation import Suite, open_suite
from core_engine.evaluation.defog import accepted
from core_engine.evaluation.named import prepare
from core_engine.state import State, open_state
from shared.errors import LexiQueryError, NotFound
from shared.settings import Settings
from tests.agents.data.public import public


def test_a_suite_that_is_no_file_and_no_public_set_is_named_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="no suite at defoc; did you mean 'defog'"):
        open_suite("defoc")


@pytest.mark.parametrize(
    ("gold", "queries"),
    [
        ("SELECT a FROM t;", ["SELECT a FROM t"]),
        ("SELECT a FROM t; SELECT b FROM t", ["SELECT a FROM t", "SELECT b FROM t"]),
        (
            "SELECT {a, b}, count(*) FROM t GROUP BY {}",
            [f"SELECT {one}, count(*) FROM t GROUP BY {one}" for one in ("a, b", "a", "b")],
        ),
        ("SELECT {a}, b FROM t GROUP BY {b}", ["SELECT a, b FROM t GROUP BY b"]),
    ],
)
def test_a_gold_of_defog_accepts_any_choice_of_columns_in_braces(gold: str, queries: list[str]) -> None:
    assert accepted(gold) == queries


async def _gold_runs(suite: Suite, state: State) -> Counter[str]:
    """`rows`, `none` or `fails`, for the best accepted query of each item."""
    found: Counter[str] = Counter()
    for item in suite.items:
        catalog, kinds = await state.catalogs.get(item.schema_group), set()
        for gold in item.accepted:
            try:
                platform = load_platform(item.platform)
                rows = await asyncio.to_thread(run_proven, platform, gold, catalog, state.sandbox, 1000)
                kinds.add("rows" if rows.rows else "none")
            except LexiQueryError:
                kinds.add("fails")
        found[next(kind for kind in ("rows", "none", "fails") if kind in kinds)] += 1
    return found


@pytest.mark.public_data
async def test_nearly_every_gold_query_of_defog_runs_on_its_rows(tmp_path: Path) -> None:
    public("defog")
    suite = open_suite("defog")
    assert (len(suite.items), len(suite.groups), suite.examples) == (166, 11, False)
    async with open_state(Settings(data_dir=tmp_path)) as state:
        await prepare(suite, state)
        assert (await _gold_runs(suite, state))["rows"] >= 160


@pytest.mark.public_data
async def test_nearly_every_gold_query_of_nl2kql_that_binds_returns_rows(tmp_path: Path) -> None:
    public("nl2kql")
    suite = open_suite("nl2kql")
    assert (len(suite.items), len(suite.groups), suite.examples) == (216, 2, True)
    async with open_state(Settings(data_dir=tmp_path)) as state:
        await prepare(suite, state)
        found = await _gold_runs(suite, state)
        assert found["rows"] >= 200
        assert found["fails"] <= 10


@pytest.mark.public_data
async def test_groups_are_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    public("defog")
    whole = open_suite("defog")
    suite = Suite("defog", whole.items, whole.groups[:1])
    async with open_state(Settings(data_dir=tmp_path)) as state:
        await prepare(suite, state)
        assert "defog_academic on sql" in capsys.readouterr().err
        await prepare(suite, state)
        assert capsys.readouterr().err == ""
