"""What holds of every query that is made to fit: what is no query is left alone, and gold queries keep their rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.data.repair import Mended
from core_engine.evaluation.fitting import measure_defog, measure_seed
from shared.settings import Settings
from tests.agents.data.fitting.desk import Desk
from tests.agents.data.public import public


@pytest.mark.parametrize("text", ["", "SELECT", "DROP TABLE tickets", "SELECT 1; SELECT 2", "what?"])
def test_what_is_no_query_is_left_alone(desk: Desk, text: str) -> None:
    assert desk.fit("Open tickets of the last 7 days", text) == Mended(text)


def test_the_seeds_gold_queries_keep_their_rows(tmp_path: Path) -> None:
    found = measure_seed(Settings(data_dir=tmp_path))
    assert found.queries >= 15
    assert found.harmed == []


async def test_defogs_gold_queries_keep_their_rows(tmp_path: Path) -> None:
    public("defog")
    found = await measure_defog(Settings(data_dir=tmp_path))
    assert found.queries >= 250
    assert len(found.harmed) <= found.queries * 0.01
