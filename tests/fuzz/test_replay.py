"""What fuzzing starts from and what it found: no crash, no hang. `make fuzz` looks for more."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import MOST_SECONDS, TARGETS, seeds, timed


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_was_found_come_back(name: str) -> None:
    target = TARGETS[name]()
    texts = list(seeds(name))
    assert len(texts) >= 30
    for text in texts:
        target(text)
        target(text[: len(text) // 2])


def test_a_target_that_computes_too_long_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, MOST_SECONDS))
    monkeypatch.setattr("time.process_time", lambda: next(clock))
    with pytest.raises(AssertionError, match="computed for"):
        timed(lambda text: None)("SELECT 1")
