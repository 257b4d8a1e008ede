"""The benchmark runs. What it measures is in docs/performance.md: no test asserts a time."""

from __future__ import annotations

from pathlib import Path

from benchmarks.__main__ import main


def test_the_benchmark_fills_reads_and_records(tmp_path: Path) -> None:
    few = ["--calls", "300", "--text", "40", "--recorded", "5", "--seconds", "0.1"]
    main([*few, "--databases", "sqlite", "--folder", str(tmp_path), "--out", str(tmp_path / "figures.md")])
    told = (tmp_path / "figures.md").read_text(encoding="utf-8")
    assert told.count("\nsqlite, ") == 5, "a table each for filling, sums, searches, recording and recording at once"
    assert "| 300 |" in told
    assert list(tmp_path.iterdir()) == [tmp_path / "figures.md"]
