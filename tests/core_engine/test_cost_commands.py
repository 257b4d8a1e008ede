"""What `lexiquery cost` prints of sums, with the calls that they miss, and which files it writes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from core_engine.cost_commands import cost_export, cost_recent, cost_show
from core_engine.state import open_state
from shared.errors import InvalidInput
from shared.models import Question
from shared.settings import Settings
from tests.shared.ledger.calls import call, record


@pytest.fixture
async def journey(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """A journey of four calls: one has no tokens and no price, one no price, one a price in another currency."""
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    counted = {"status": "success", "prompt_tokens": 10, "completion_tokens": 4, "total_seconds": 1.5}
    async with open_state(settings) as state:
        await state.store.begin("j1", Question(question="Which hosts are there?"), [])
        await record(state.ledger, call("a", **counted, cost=0.25, currency="EUR"))
        await record(state.ledger, call("b", **counted, agent="planner"))
        await record(state.ledger, call("c", **counted, cost=0.125, currency="USD"))
        await record(state.ledger, call("d", status="cancelled"))
    return "j1"


async def test_the_lines_of_a_journey_say_how_many_calls_they_miss(journey: str) -> None:
    """Of the calls in USD and EUR, as many each, those in USD are what the sums are of."""
    about, by_agent = (await cost_show(journey)).text.split("\n\n")
    assert about == (
        "4 model calls (1 failed), 30 prompt + 12 completion tokens (without 1 uncounted), 4.5 s; "
        "cost 0.1250 USD, no price for 3 of 4 calls"
    )
    assert [line.split() for line in by_agent.splitlines()] == [
        ["agent", "calls", "prompt", "completion", "uncounted", "seconds", "cost", "unpriced"],
        ["kql", "3", "20", "8", "1", "3.0", "0.1250", "USD", "2"],
        ["planner", "1", "10", "4", "0", "1.5", "-", "1"],
    ]


@pytest.mark.usefixtures("journey")
async def test_the_newest_journeys_say_how_many_calls_their_sums_miss() -> None:
    header, line = (await cost_recent(5)).text.splitlines()
    sums = ["calls", "prompt", "completion", "uncounted", "seconds", "cost", "unpriced"]
    assert header.split() == ["journey", "status", *sums, "question"]
    assert line.split()[:-4] == ["j1", "running", "4", "30", "12", "1", "4.5", "0.1250", "USD", "3"]


@pytest.mark.usefixtures("journey")
async def test_the_ending_of_a_file_is_read_in_either_case(tmp_path: Path) -> None:
    for name in ("calls.CSV", "calls.Jsonl", "calls.PARQUET"):
        assert (await cost_export(str(tmp_path / name))).value["calls"] == 4
    assert (tmp_path / "calls.CSV").read_text().startswith("id,")
    assert (tmp_path / "calls.Jsonl").read_text().startswith('{"id":')
    read = duckdb.connect().execute("SELECT count(*) FROM read_parquet(?)", [str(tmp_path / "calls.PARQUET")])
    assert read.fetchone() == (4,)
    with pytest.raises(InvalidInput, match=r"calls\.XLS"):
        await cost_export(str(tmp_path / "calls.XLS"))
