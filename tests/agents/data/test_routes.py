"""Which route comes first: learned from outcomes, kept in a file that people can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.data.routes import FILE, Route, Tally, first_route, learn
from shared.errors import InvalidInput

MEASURED: dict[str, dict[Route, Tally]] = {
    "kql": {"sql": Tally(items=10, right=4), "direct": Tally(items=10, right=6)},
    "spl": {"sql": Tally(items=10, right=5, prompt_tokens=600), "direct": Tally(items=10, right=6, prompt_tokens=900)},
    "q": {"direct": Tally(items=10, right=9)},
}


def test_the_route_that_is_clearly_better_comes_first(tmp_path: Path) -> None:
    routes = learn(MEASURED, model="big", suite="own", made="2026-11-21")
    assert routes.first == {"kql": "direct", "spl": "sql"}
    (tmp_path / FILE).write_text(routes.model_dump_json())
    assert [first_route(name, tmp_path, "big") for name in ("kql", "spl", "q")] == ["direct", "sql", "sql"]
    assert first_route("kql", tmp_path, "small") == "sql"


def test_without_a_file_sql_comes_first(tmp_path: Path) -> None:
    assert first_route("kql", tmp_path, "any") == "sql"


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(InvalidInput, match=r"routes\.json"):
        first_route("kql", tmp_path, "any")
