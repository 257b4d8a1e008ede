"""`lexiquery eval`: what it measures, how it goes on after a stop, and what a failing item does."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from agents.data.confidence import Calibration
from core_engine.evaluation import Item, Summary, read_suite, run_suite
from shared.errors import AgentUnavailable, InvalidInput, NotFound, QueryRejected
from shared.models import Answer, Check, CostLine, JourneyCostSummary, Plan, Proof, QueryAnswer, Rows

RESULTS = {
    "count users": Rows(columns=["n"], rows=[[3]]),
    "count users, named": Rows(columns=["users"], rows=[[3]]),
    "count hosts": Rows(columns=["n"], rows=[[7]]),
}


def suite_file(folder: Path, *golds: str | list[str]) -> Path:
    path = folder / "suite.jsonl"
    items = [
        {"id": f"q{n}", "platform": "sql", "schema_group": "shop", "question": f"question {n}", "gold": gold, "note": 1}
        for n, gold in enumerate(golds)
    ]
    path.write_text("\n".join(json.dumps(item) for item in items), encoding="utf-8")
    return path


def an_answer(item: Item, query: str) -> Answer:
    checks = [Check(name=name, status="passed", prover="test") for name in ("parse", "bind", "safety", "dry_run")]
    line = CostLine(key="chat", calls=1, prompt_tokens=700, completion_tokens=30, seconds=1.0, cost=None)
    cost = JourneyCostSummary(
        journey_id="j",
        calls=2,
        failed_calls=0,
        prompt_tokens=705,
        completion_tokens=30,
        seconds=1.0,
        cost=None,
        unpriced_calls=2,
        uncounted_calls=0,
        by_operation=[line, line.model_copy(update={"key": "embeddings", "prompt_tokens": 5})],
    )
    one = QueryAnswer(
        platform=item.platform,
        schema_group=item.schema_group,
        query=query,
        route="direct",
        proof=Proof.of(checks),
        evidence={"proven": 1.0},
    )
    return Answer(
        journey_id="j", status="completed", question=item.question, plan=Plan(steps=[]), answers=[one], cost=cost
    )


class Asked:
    """A LexiQuery that answers every question with one query, and counts."""

    def __init__(self, query: str = "count users, named") -> None:
        self.query = query
        self.items: list[str] = []

    async def ask(self, item: Item) -> Answer:
        self.items.append(item.id)
        if self.query == "dead":
            raise AgentUnavailable("agent 'sql' does not answer")
        return an_answer(item, self.query)

    async def execute(self, item: Item, query: str) -> Rows:
        if query not in RESULTS:
            raise QueryRejected(f"no such query: {query}")
        return RESULTS[query]

    async def tables_of(self, item: Item, query: str) -> set[str]:
        return {query.split()[1].strip(",")}

    async def run(self, suite: Path, out: Path, **more: Any) -> Summary:
        return await run_suite(
            suite,
            out,
            model="m",
            ask=self.ask,
            execute=self.execute,
            tables_of=self.tables_of,
            progress=io.StringIO(),
            **more,
        )


async def test_an_item_is_measured_by_rows_tables_and_calls(tmp_path: Path) -> None:
    summary = await Asked().run(suite_file(tmp_path, "count users", "count hosts"), tmp_path / "out")
    total = summary.total
    assert (total.items, total.answered, total.proven, total.rows_equal, total.tables_right) == (2, 1.0, 1.0, 0.5, 0.5)
    assert (total.calls_mean, total.prompt_tokens_median) == (1.0, 700)  # embeddings are not counted as calls
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["platforms"]["sql"]["rows_equal"] == 0.5


async def test_one_of_several_accepted_queries_is_enough(tmp_path: Path) -> None:
    summary = await Asked().run(suite_file(tmp_path, ["count hosts", "count users"]), tmp_path / "out")
    assert summary.total.rows_equal == 1.0


async def test_a_gold_query_that_does_not_run_is_not_held_against_the_answer(tmp_path: Path) -> None:
    summary = await Asked().run(suite_file(tmp_path, "count nothing"), tmp_path / "out")
    assert (summary.total.comparable, summary.total.rows_equal) == (0, None)


async def test_a_second_run_asks_only_what_is_missing(tmp_path: Path) -> None:
    suite, asked = suite_file(tmp_path, "count users", "count hosts"), Asked()
    await asked.run(suite, tmp_path / "out", limit=1)
    with (tmp_path / "out" / "results.jsonl").open("a") as file:
        file.write('{"id": "q1", "cut off')
    await asked.run(suite, tmp_path / "out")
    assert asked.items == ["q0", "q1"]


async def test_results_of_a_changed_suite_are_asked_again(tmp_path: Path) -> None:
    asked = Asked()
    await asked.run(suite_file(tmp_path, "count users"), tmp_path / "out")
    await asked.run(suite_file(tmp_path, "count hosts"), tmp_path / "out")
    assert asked.items == ["q0", "q0"]


async def test_an_item_that_fails_is_a_result_and_the_run_goes_on(tmp_path: Path) -> None:
    summary = await Asked("dead").run(suite_file(tmp_path, "count users", "count hosts"), tmp_path / "out")
    assert (summary.total.items, summary.total.answered, summary.total.failed) == (2, 0.0, 2)
    assert "does not answer" in (tmp_path / "out" / "results.jsonl").read_text()


async def test_the_confidence_is_fitted_on_the_outcomes(tmp_path: Path) -> None:
    golds = ["count users"] * 8 + ["count hosts"] * 4
    await Asked().run(suite_file(tmp_path, *golds), tmp_path / "out")
    calibration = Calibration.model_validate_json((tmp_path / "out" / "calibration.json").read_text())
    assert calibration.items == {"sql": 12}


@pytest.mark.parametrize(
    ("line", "message"),
    [('{"id": "a"}', "line 1: platform"), ("not json", "line 1"), ("", "holds no item")],
)
def test_a_bad_suite_names_the_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidInput, match=message):
        read_suite(path)


def test_a_suite_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.jsonl"):
        read_suite(tmp_path / "none.jsonl")
