"""One whole journey on the real embedded model: nothing scripted between the question and the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core_engine.processes import Command


@pytest.mark.real_model
def test_a_question_is_answered_by_the_embedded_model(tmp_path: Path, model_dir: Path) -> None:
    lexiquery = Command(tmp_path, "")
    lexiquery.environment |= {
        "LEXIQUERY_MODEL_DIR": str(model_dir),
        "LEXIQUERY_MODEL": "qwen2.5-coder:0.5b",
        "LEXIQUERY_MODEL_THREADS": "1",
    }
    lexiquery.import_shop()
    answer = lexiquery.json("ask", "How many orders are open?")
    assert answer["status"] == "completed", answer
    [found] = answer["answers"]
    assert found["proof"]["verdict"] == "proven"
    assert found["result"]["rows"] == [[2]]
    by_operation = {line["key"]: line for line in answer["cost"]["by_operation"]}
    assert by_operation["chat"]["prompt_tokens"] > 100
    assert by_operation["chat"]["completion_tokens"] > 5
    assert answer["cost"]["uncounted_calls"] < answer["cost"]["calls"]
