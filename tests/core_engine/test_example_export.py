"""`lexiquery examples export`: proven pairs, as a catalog has them and as a model is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.llm.prompts import load_prompt
from tests.core_engine.processes import Command

LOGS = """
schema_group: logs
platform: kql
tables:
  - name: Logons
    columns: [{name: User, type: string}, {name: Result, type: string}]
examples:
  - {question: Who failed?, query: "Logons | where Result == 'failed' | distinct User"}
  - {question: As a chart?, query: "Logons | summarize n = count() by User | evaluate pivot(User, sum(n))"}
"""


def exported(lexiquery: Command, *words: str) -> list[dict[str, Any]]:
    done = lexiquery.run("examples", "export", *words)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_plain_pairs_are_as_the_catalog_has_them(tmp_path: Path) -> None:
    lexiquery = Command(tmp_path, "")
    lexiquery.import_shop()
    assert exported(lexiquery, "shop", "--form", "plain") == [
        {
            "platform": "sql",
            "schema_group": "shop",
            "question": "How many orders are paid?",
            "query": "SELECT count(*) AS orders FROM orders WHERE status = 'paid'",
        }
    ]


def test_a_conversation_is_the_one_that_a_model_is_asked_with_in_sql_where_that_says_it(tmp_path: Path) -> None:
    lexiquery = Command(tmp_path, "")
    (tmp_path / "logs.yaml").write_text(LOGS)
    assert lexiquery.run("catalog", "import", str(tmp_path / "logs.yaml")).exit_code == 0
    sayable = exported(lexiquery, "--all")[0]["messages"]
    assert [turn["role"] for turn in sayable] == ["system", "user", "assistant"]
    assert sayable[1]["content"] == load_prompt("derive_question").render(question="Who failed?", known="")
    assert "Logons" in sayable[0]["content"]
    assert sayable[2]["content"].startswith("SELECT DISTINCT")


def test_a_file_is_written_and_a_wrong_call_is_told(tmp_path: Path) -> None:
    lexiquery = Command(tmp_path, "")
    lexiquery.import_shop()
    out = tmp_path / "pairs.jsonl"
    assert "1 proven examples written" in lexiquery.run("examples", "export", "shop", "--out", str(out)).stdout
    assert json.loads(out.read_text())["messages"][2]["content"].startswith("SELECT count(*)")
    assert "say --all" in lexiquery.run("examples", "export").stderr
    assert "known: chat, plain" in lexiquery.run("examples", "export", "--all", "--form", "xml").stderr
    assert "did you mean 'shop'" in lexiquery.run("examples", "export", "shopp").stderr
