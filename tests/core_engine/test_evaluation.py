"""`lexiquery eval`: what it measures, how it goes on after a stop, and what a failing item does."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from agents.data.confidence import Calibration
from agents.data.routes import ROUTES, Routes
from core_engine.evaluation import (
    Bench,
    Item,
    Outcome,
    Reading,
    Setup,
    Suite,
    Summary,
    read_results,
    read_suite,
    run_suite,
)
from core_engine.evaluation.judging import columns_used, literals_there
from core_engine.evaluation.routing import learn_routes, render_routes
from core_engine.evaluation.totals import wilson
from shared.errors import AgentUnavailable, InvalidInput, ModelUnavailable, NotFound, QueryRejected, problem_detail
from shared.models import Answer, Check, Clarification, CostLine, JourneyCostSummary, Plan, Proof, QueryAnswer, Rows

LINE = '{"id": "a", "platform": "sql", "schema_group": "shop", "question": "?", GOLD}'
RESULTS = {
    "count users": Rows(columns=["n"], rows=[[3]]),
    "count users, named": Rows(columns=["users"], rows=[[3]]),
    "count hosts": Rows(columns=["n"], rows=[[7]]),
}


def suite_of(*golds: str | list[str] | None, **more: Any) -> Suite:
    items = [
        {"id": f"q{n}", "platform": "sql", "schema_group": "shop", "question": f"question {n}", "gold": gold, "note": 1}
        for n, gold in enumerate(golds)
    ]
    return Suite("suite.jsonl", [Item.model_validate(item | more) for item in items])


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


def asking_back(item: Item) -> Answer:
    answer = an_answer(item, "")
    changes = {"status": "needs_clarification", "answers": [], "clarification": Clarification(question="Which data?")}
    return answer.model_copy(update=changes)


class Asked:
    """A LexiQuery that answers every question with one query, and counts."""

    def __init__(self, query: str = "count users, named") -> None:
        self.query = query
        self.items: list[str] = []

    async def ask(self, item: Item) -> Answer:
        self.items.append(item.id)
        if self.query == "dead":
            raise AgentUnavailable("agent 'sql' does not answer")
        if self.query == "no model":
            problem = problem_detail(ModelUnavailable("model 'm' is not installed"))
            return asking_back(item).model_copy(update={"status": "failed", "problem": problem})
        if self.query == "ask back":
            return asking_back(item)
        return an_answer(item, self.query)

    async def execute(self, item: Item, query: str) -> Rows:
        if query not in RESULTS:
            raise QueryRejected(f"no such query: {query}")
        return RESULTS[query]

    async def read(self, item: Item, query: str) -> Reading:
        words = query.replace(",", "").split()
        return Reading(frozenset(words[1:2]), frozenset(words[1:]))

    async def run(self, suite: Suite, out: Path, setup: Setup = Setup(model="m"), **more: Any) -> Summary:  # noqa: B008
        bench = Bench(self.ask, self.execute, self.read)
        return await run_suite(suite, out, setup=setup, bench=bench, progress=io.StringIO(), **more)


def results_of(out: Path) -> list[Outcome]:
    return read_results(out / "results.jsonl")


async def test_an_item_is_measured_by_rows_tables_and_calls(tmp_path: Path) -> None:
    summary = await Asked().run(suite_of("count users", "count hosts"), tmp_path / "out")
    total = summary.total
    assert (total.items, total.answered, total.proven, total.rows_equal, total.tables_right) == (2, 1.0, 1.0, 0.5, 0.5)
    assert (total.calls_mean, total.prompt_tokens_median) == (1.0, 700)  # embeddings are not counted as calls
    assert (total.parsed, total.bound, total.executed, total.columns) == (1.0, 1.0, 1.0, 0.25)
    assert total.between["rows_equal"] == (0.095, 0.905)
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["platforms"]["sql"]["rows_equal"] == 0.5


async def test_one_of_several_accepted_queries_is_enough(tmp_path: Path) -> None:
    summary = await Asked().run(suite_of(["count hosts", "count users"]), tmp_path / "out")
    assert summary.total.rows_equal == 1.0


async def test_a_gold_query_that_does_not_run_is_not_held_against_the_answer(tmp_path: Path) -> None:
    summary = await Asked().run(suite_of("count nothing"), tmp_path / "out")
    assert (summary.total.comparable, summary.total.rows_equal) == (0, None)


async def test_a_second_run_asks_only_what_is_missing(tmp_path: Path) -> None:
    suite, asked = suite_of("count users", "count hosts"), Asked()
    await asked.run(suite, tmp_path / "out", limit=1)
    with (tmp_path / "out" / "results.jsonl").open("a") as file:
        file.write('{"id": "q1", "cut off')
    await asked.run(suite, tmp_path / "out")
    assert asked.items == ["q0", "q1"]


async def test_results_of_a_changed_suite_are_asked_again(tmp_path: Path) -> None:
    asked = Asked()
    await asked.run(suite_of("count users"), tmp_path / "out")
    await asked.run(suite_of("count hosts"), tmp_path / "out")
    assert asked.items == ["q0", "q0"]


async def test_an_item_that_fails_is_a_result_and_the_run_goes_on(tmp_path: Path) -> None:
    summary = await Asked("dead").run(suite_of("count users", "count hosts"), tmp_path / "out")
    assert (summary.total.items, summary.total.answered, summary.total.failed) == (2, 0.0, 2)
    assert "does not answer" in (tmp_path / "out" / "results.jsonl").read_text()


async def test_results_of_another_setup_are_asked_again(tmp_path: Path) -> None:
    asked = Asked()
    await asked.run(suite_of("count users"), tmp_path / "out")
    await asked.run(suite_of("count users"), tmp_path / "out", Setup(model="m", without=("snap",)))
    await asked.run(suite_of("count users"), tmp_path / "out", Setup(model="m", groups=("shop 2",)))
    assert asked.items == ["q0", "q0", "q0"]


async def test_what_nothing_answers_is_right_when_it_is_asked_back(tmp_path: Path) -> None:
    told = await Asked("ask back").run(suite_of(None, "count users"), tmp_path / "told")
    assert (told.total.unanswerable, told.total.told_apart, told.total.abstained) == (1, 1.0, 1.0)
    assert (told.total.comparable, told.total.rows_equal, told.total.answered) == (1, 0.0, 0.0)
    answered = await Asked().run(suite_of(None), tmp_path / "answered")
    assert (answered.total.told_apart, answered.total.rows_equal) == (0.0, None)


async def test_a_category_is_summed_up_and_so_is_what_it_is_below(tmp_path: Path) -> None:
    summary = await Asked().run(suite_of("count users", category="classic/ratio"), tmp_path / "out")
    assert set(summary.categories) == {"classic", "classic/ratio"}


async def test_the_outcome_says_the_route_and_what_could_not_be_measured(tmp_path: Path) -> None:
    await Asked("count elsewhere").run(suite_of("count users"), tmp_path / "out")
    [outcome] = results_of(tmp_path / "out")
    assert (outcome.measures.route, outcome.measures.executed, outcome.measures.rows_equal) == ("direct", False, False)
    assert (outcome.measures.literals, outcome.measures.confidence, outcome.measures.cost) == (None, None, None)
    assert outcome.error is not None
    assert "no such query" in outcome.error


@pytest.mark.parametrize(
    ("platform", "gold", "query", "there"),
    [
        ("kql", "T | where a == 'x' and b > 5", "select 1 from t where b > 5 and a = 'X'", True),
        ("kql", "T | where a == 'x' and b > 5", "T | where a == 'x' and b > 6", False),
        ("kql", "T | where a contains 'x' | where t > ago(7d)", "SELECT 1 FROM t WHERE a LIKE '%x%'", True),
        ("spl", "index=web status=404", "index=web | where status=404", True),
        ("spl", "index=web host=web-1", "index=web", False),
        ("kql", "T | count", "T | where a == 'x'", None),
        ("kql", "T | where a == 'x' | join kind=inner U on b | project c=d", "T | where a == 'x'", True),
        ("kql", "T | where is_new==true", "T | where a == 'x'", False),
    ],
)
def test_the_literals_of_the_gold_are_looked_for_times_aside(
    platform: str, gold: str, query: str, there: bool | None
) -> None:
    assert literals_there([gold], query, platform) is there


def test_columns_are_names_in_the_query_not_words_in_its_text() -> None:
    assert columns_used("T | where Name == 'Age' | project name", ["Name", "Age"], "kql") == {"name"}


def test_wilsons_interval_is_that_of_the_tables() -> None:
    # Newcombe 1998, table I: 81 of 263.
    assert wilson(81, 263) == (0.255, 0.366)
    assert wilson(0, 20) == (0.0, 0.161)


async def test_without_a_model_nothing_is_measured_and_the_run_ends(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not installed"):
        await Asked("no model").run(suite_of("count users", "count hosts"), tmp_path / "out")
    assert results_of(tmp_path / "out") == []


class Silent(Asked):
    """A LexiQuery whose model does not answer the given items."""

    def __init__(self, *silent: str) -> None:
        super().__init__()
        self.silent = silent

    async def ask(self, item: Item) -> Answer:
        self.query = "no model" if item.id in self.silent else "count users, named"
        return await super().ask(item)


async def test_an_item_without_the_models_answer_fails_and_is_asked_again(tmp_path: Path) -> None:
    suite = suite_of("count users", "count users", "count users")
    first = await Silent("q1").run(suite, tmp_path / "out")
    assert (first.total.failed, first.total.rows_equal) == (1, 0.667)
    again = Silent()
    assert (await again.run(suite, tmp_path / "out")).total.rows_equal == 1.0
    assert again.items == ["q1"]


async def test_a_model_that_is_gone_ends_the_run(tmp_path: Path) -> None:
    asked = Silent("q1", "q2", "q3", "q4")
    with pytest.raises(ModelUnavailable, match="not installed"):
        await asked.run(suite_of(*["count users"] * 6), tmp_path / "out")
    assert asked.items == ["q0", "q1", "q2", "q3"]


async def test_the_confidence_is_fitted_on_the_outcomes(tmp_path: Path) -> None:
    golds = ["count users"] * 8 + ["count hosts"] * 4
    await Asked().run(suite_of(*golds), tmp_path / "out")
    calibration = Calibration.model_validate_json((tmp_path / "out" / "calibration.json").read_text())
    assert calibration.items == {"sql": 12}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "a"}', "line 1: platform"),
        ("not json", "line 1"),
        ("", "holds no item"),
        (LINE.replace("GOLD", '"gold": ""'), "gold is empty"),
        (LINE.replace("GOLD", '"note": 1'), "gold: Field required"),
        (LINE.replace("GOLD", '"expects": "nothing"'), "expects is 'answer' or 'clarification', not 'nothing'"),
        (LINE.replace("GOLD", '"gold": "x", "expects": "clarification"'), "expects a clarification, and has a gold"),
    ],
)
def test_a_bad_suite_names_the_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidInput, match=message):
        read_suite(path)


def test_a_suite_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.jsonl"):
        read_suite(tmp_path / "none.jsonl")


async def test_the_better_route_of_a_platform_is_learned_from_both_runs(tmp_path: Path) -> None:
    suite = suite_of("count users", "count hosts", platform="kql")
    summary = await Asked("count users").run(suite, tmp_path / "sql")
    await Asked("count nothing").run(suite, tmp_path / "direct")
    outcomes = {route: results_of(tmp_path / route) for route in ROUTES}
    routes = learn_routes(outcomes, summary, tmp_path)
    assert routes.first == {"kql": "sql"}
    assert (routes.measured["kql"]["sql"].right, routes.measured["kql"]["direct"].right) == (1, 0)
    assert Routes.model_validate_json((tmp_path / "routes.json").read_text()) == routes
    assert render_routes(routes, tmp_path).startswith("kql: sql first; right 1 of 2 by sql, 0 of 2 by direct")


async def test_nothing_is_learned_of_sql_or_of_items_asked_by_one_route(tmp_path: Path) -> None:
    summary = await Asked("count users").run(suite_of("count users", platform="kql"), tmp_path / "sql")
    routes = learn_routes({"sql": results_of(tmp_path / "sql"), "direct": []}, summary, tmp_path)
    assert routes.first == {}
    assert "nothing learned" in render_routes(routes, tmp_path)
