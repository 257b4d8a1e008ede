"""The steps that follow what was found."""

from __future__ import annotations

from agents.knowledge.steps import next_steps, step_lines
from tests.agents.knowledge.reading import passages

TEXT = """# Disk full

The disk is full.

## Free space

1. Repair archiving first.
2. Check that the count stands still.
3. Remove the ballast file.
4. Put it back.

## Escalate

1. Call Platform.
"""


def test_the_steps_behind_the_excerpt_follow() -> None:
    pages = passages(TEXT)
    assert next_steps(pages, "Disk full > Free space", "2) Check that the count stands still.") == [
        "3. Remove the ballast file.",
        "4. Put it back.",
    ]


def test_behind_text_without_steps_the_first_list_follows() -> None:
    found = next_steps(passages(TEXT), "Disk full", "The disk is full.")
    assert found[0] == "1. Repair archiving first."
    assert len(found) == 3


def test_behind_the_last_step_nothing_follows() -> None:
    assert next_steps(passages(TEXT), "Disk full > Escalate", "1) Call Platform.") == []
    assert [number for _, number, _ in step_lines(passages(TEXT))] == ["1", "2", "3", "4", "1"]
