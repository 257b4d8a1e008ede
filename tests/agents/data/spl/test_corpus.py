"""Real detections (Splunk's security content, the dev half): accepted as they are, refused with a fault seeded in.

`python -m agents.data.spl.measure` measures all of it, docs/proof.md has the figures; here are the floors, with
faults in every third.
"""

from __future__ import annotations

import random

import pytest

from agents.data.spl import Macro, Parsed
from agents.data.spl.faults import FAULTS
from tests.agents.data.public import items

pytestmark = pytest.mark.public_data


@pytest.fixture(scope="module")
def searches() -> list[str]:
    return [item["search"] for item in items("spl_corpus", "security_content_dev.jsonl")]


@pytest.fixture(scope="module")
def macros() -> dict[str, Macro]:
    found = items("spl_corpus", "macros.jsonl")
    return {item["name"]: Macro(item["definition"], tuple(item["arguments"] or ())) for item in found}


def _accepted(spl: str, macros: dict[str, Macro]) -> bool:
    parsed = Parsed(spl, macros)
    return parsed.parse().status == "passed" and parsed.bind(None).status == "passed"


def test_every_detection_parses(searches: list[str], macros: dict[str, Macro]) -> None:
    assert [spl for spl in searches if Parsed(spl, macros).error] == []
    assert [spl for spl in searches if Parsed(spl).error] == []


def test_nearly_every_detection_binds(searches: list[str], macros: dict[str, Macro]) -> None:
    accepted = sum(_accepted(spl, macros) for spl in searches)
    assert accepted / len(searches) >= 0.997


@pytest.mark.parametrize("kind", FAULTS)
def test_seeded_faults_are_caught(kind: str, searches: list[str], macros: dict[str, Macro]) -> None:
    chance = random.Random(7)
    accepted = [spl for spl in searches[::3] if _accepted(spl, macros)]
    faulty = [wrong for spl in accepted if (wrong := FAULTS[kind](spl, chance))]
    missed = [spl for spl in faulty if _accepted(spl, macros)]
    assert len(faulty) > 100
    assert 1 - len(missed) / len(faulty) >= 0.99, missed[:5]


def test_only_detections_with_side_effects_are_denied(searches: list[str], macros: dict[str, Macro]) -> None:
    writes = ("outputlookup", "map search", "| map", "collect", "sendalert")
    denied = [spl for spl in searches if Parsed(spl, macros).safety(None).status == "failed"]
    assert 0 < len(denied) < 20
    assert all(any(word in spl for word in writes) for spl in denied)
