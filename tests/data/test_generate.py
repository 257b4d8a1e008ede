from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from data.seed.generate import GROUPS, generate
from data.seed.incidents import SlowSearch, disk_percent
from data.seed.timeline import END, START
from data.seed.writing import write_rows

SMALL = 0.01


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", scale=SMALL)
    generate(tmp_path / "two", scale=SMALL)
    first = hashes(tmp_path / "one")
    assert len(first) == 29
    assert first == hashes(tmp_path / "two")


def test_rows_that_are_there_in_this_version_are_left_alone(tmp_path: Path) -> None:
    assert generate(tmp_path, scale=SMALL)
    (tmp_path / "ops_logs" / "rows" / "Heartbeat.parquet").unlink()
    assert not generate(tmp_path, scale=SMALL)
    assert generate(tmp_path, scale=SMALL * 2)
    assert (tmp_path / "ops_logs" / "rows" / "Heartbeat.parquet").is_file()


def test_a_catalog_whose_words_changed_is_copied_even_where_the_rows_are_right(tmp_path: Path) -> None:
    generate(tmp_path, scale=SMALL)
    copies = [tmp_path / group / "catalog.yaml" for group in GROUPS]
    wanted = [copy.read_bytes() for copy in copies]
    for copy in copies:
        copy.write_text("old")
    assert not generate(tmp_path, scale=SMALL)
    assert [copy.read_bytes() for copy in copies] == wanted


def test_a_row_with_a_column_that_the_catalog_lacks_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"users has no column \['emial'\]"):
        write_rows(tmp_path / "users.parquet", {"email": "VARCHAR"}, [{"email": "a"}, {"emial": "b"}])
    assert list(tmp_path.iterdir()) == []


def test_incidents_grow_and_end_as_the_readme_tells() -> None:
    assert SlowSearch.factor(SlowSearch.START) == 1
    assert SlowSearch.factor(SlowSearch.END) == 1
    assert disk_percent(START) == 61
    assert disk_percent(END) == 58
