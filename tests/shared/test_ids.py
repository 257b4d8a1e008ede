"""Ids that sort by when they were made."""

from __future__ import annotations

import time
from uuid import RFC_4122

from shared.ids import time_ordered


def test_an_id_says_when_it_was_made_and_is_a_uuid_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    made = time_ordered()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_of_one_millisecond_are_not_the_same() -> None:
    assert len({time_ordered() for _ in range(10_000)}) == 10_000
