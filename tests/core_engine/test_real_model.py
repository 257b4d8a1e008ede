"""One whole journey on the real embedded model: nothing scripted between the question and the rows."""

from __future__ import annotations

import json
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


SUITE = [
    ("How many orders are open?", "SELECT count(*) FROM orders WHERE status = 'open'"),
    ("What is the total amount of all orders?", "SELECT sum(amount) FROM orders"),
    ("How many orders are there of each status?", "SELECT status, count(*) FROM orders GROUP BY status"),
]


@pytest.mark.real_model
def test_a_few_questions_are_evaluated_with_the_embedded_model(tmp_path: Path, model_dir: Path) -> None:
    lexiquery = Command(tmp_path, "")
    lexiquery.environment |= {
        "LEXIQUERY_MODEL_DIR": str(model_dir),
        "LEXIQUERY_MODEL": "qwen2.5-coder:0.5b",
        "LEXIQUERY_MODEL_THREADS": "1",
    }
    lexiquery.import_shop()
    place = {"platform": "sql", "schema_group": "shop"}
    items = [{"id": str(n), **place, "question": asked, "gold": gold} for n, (asked, gold) in enumerate(SUITE)]
    (tmp_path / "suite.jsonl").write_text("\n".join(map(json.dumps, items)))
    total = lexiquery.json("eval", str(tmp_path / "suite.jsonl"), "--out", str(tmp_path / "out"))["total"]
    assert (total["items"], total["comparable"], total["answered"], total["bound"]) == (3, 3, 1.0, 1.0)
    assert total["rows_equal"] > 0.5
    assert total["prompt_tokens_median"] > 100
    assert "## Confidence" in (tmp_path / "out" / "report.md").read_text()
