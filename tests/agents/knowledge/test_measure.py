"""Retrieval on real runbooks with the real embedding model; `python -m agents.knowledge.measure` prints all of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.knowledge.measure import measure
from shared.settings import Settings

PUBLIC_DATA = Path(os.environ.get("LEXIQUERY_PUBLIC_DATA", "../shared/data"))


@pytest.mark.real_model
async def test_the_right_runbook_is_found_and_a_question_of_another_field_gets_none(
    settings: Settings, model_dir: Path
) -> None:
    if not (PUBLIC_DATA / "runbooks").is_dir():
        pytest.skip(f"no public data at {PUBLIC_DATA}: set LEXIQUERY_PUBLIC_DATA")
    settings = settings.model_copy(update={"model_dir": model_dir})
    measured = await measure(PUBLIC_DATA, settings, "runbooks/prometheus")
    assert measured.by_summary.recall_at_1 >= 0.85
    assert measured.by_summary.recall_at_3 >= 0.95
    assert measured.by_summary.mrr >= 0.9
    assert measured.by_summary.kept >= 0.95
    assert measured.by_alert_name.recall_at_1 == 1.0
    assert measured.refused >= 0.9
