from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from data.seed.applications import CODES
from data.seed.generate import HERE
from tests.data.conftest import Seed

RUNBOOKS = sorted((HERE / "runbooks").glob("*.md"))


def known_errors() -> list[dict[str, Any]]:
    errors: list[dict[str, Any]] = yaml.safe_load((HERE / "known_errors.yaml").read_text(encoding="utf-8"))[
        "known_errors"
    ]
    return errors


def test_there_are_enough_known_errors_with_ids_of_their_own() -> None:
    ids = [error["id"] for error in known_errors()]
    assert len(ids) == len(set(ids)) >= 25
    assert set(CODES) <= set(ids)


@pytest.mark.parametrize("error", known_errors(), ids=lambda error: str(error["id"]))
def test_a_known_error_points_to_a_runbook_that_exists(error: dict[str, Any]) -> None:
    assert error["see"] in {path.name for path in RUNBOOKS}


def test_the_signature_of_each_code_matches_every_line_that_carries_it(seed: Seed) -> None:
    signatures = {
        error["id"]: re.compile(".+".join(re.escape(part) for part in error["signature"].split("<*>")))
        for error in known_errors()
    }
    lines = seed.sql("spl", "SELECT DISTINCT error_code, message FROM app WHERE error_code IS NOT NULL LIMIT 1000")
    assert {code for code, _ in lines} <= set(signatures)
    assert [line for code, line in lines if not signatures[code].fullmatch(line)] == []


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_has_a_title_queries_and_says_whom_to_call(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "## Escalate" in text
    assert 150 <= len(text.split()) <= 400


def test_there_are_enough_runbooks() -> None:
    assert len(RUNBOOKS) >= 12
