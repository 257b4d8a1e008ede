"""The benchmark runs. What it measures is in docs/performance.md: no test asserts a time."""

from __future__ import annotations

from pathlib import Path

from benchmarks.__main__ import main


def test_the_benchmark_fills_reads_and_records(tmp_path: Path) -> None:
    few = ["--parts", "ledger", "--calls", "300", "--text", "40", "--recorded", "5", "--seconds", "0.1"]
    main([*few, "--databases", "sqlite", "--folder", str(tmp_path), "--out", str(tmp_path / "figures.md")])
    told = (tmp_path / "figures.md").read_text(encoding="utf-8")
    assert told.count("\nsqlite, ") == 5, "a table each for filling, sums, searches, recording and recording at once"
    assert "| 300 |" in told
    assert list(tmp_path.iterdir()) == [tmp_path / "figures.md"]


def test_calls_over_the_protocols_are_compared_and_no_event_of_a_stream_is_lost(tmp_path: Path) -> None:
    main(["--parts", "protocols", "--rounds", "2", "--streams", "30", "--out", str(tmp_path / "figures.md")])
    told = (tmp_path / "figures.md").read_text(encoding="utf-8")
    assert told.count("\n| A2A ") == 4
    assert told.count("\n| MCP ") == 1
    assert "| 30 | 420 | 420 | 0 |" in told


def test_the_benchmark_finds_agents(tmp_path: Path) -> None:
    few = ["--parts", "discovery", "--agents", "120", "--databases", "sqlite"]
    main([*few, "--folder", str(tmp_path), "--out", str(tmp_path / "figures.md")])
    told = (tmp_path / "figures.md").read_text(encoding="utf-8")
    assert "\nsqlite, discovery among 120 agents (pace " in told
    assert "| everybody, all at once | 120 |" in told
    assert "| everybody, the last page | 49 |" in told
    assert "| a word of one card | 1 |" in told
