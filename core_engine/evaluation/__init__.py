"""`lexiquery eval`: a suite of questions with gold queries through whole journeys, and what came out, measured.

A suite is JSON lines: {id, platform, schema_group, question, gold, order_matters?}; gold is a query, or a list of
accepted ones. `results.jsonl` gets one line an item as soon as it is measured, so that a run that was stopped goes on
where it was; `summary.json` the totals; `calibration.json` the confidence fitted on the outcomes (copy it to the data
directory to use it).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from agents.data.comparing import same_rows
from agents.data.platform import load_platform
from agents.data.proof import run_proven
from agents.data.sandbox import Sandbox
from core_engine.evaluation.suite import Item, Measures, Outcome, read_results, read_suite
from core_engine.evaluation.totals import Summary, summarise, write_calibration
from shared.errors import LexiQueryError
from shared.models import Answer, Question, Rows

if TYPE_CHECKING:
    from core_engine.bootstrap import LexiQuery

__all__ = ["Item", "Measures", "Outcome", "Summary", "evaluate", "read_results", "read_suite", "run_suite"]

_ROWS = 100_000  # most rows of a result that are compared


Ask = Callable[[Item], Awaitable[Answer]]
Execute = Callable[[Item, str], Awaitable[Rows]]
TablesOf = Callable[[Item, str], Awaitable[set[str]]]


async def evaluate(suite: Path, out: Path, *, lexiquery: LexiQuery, limit: int | None = None) -> Summary:
    """Run the suite through this LexiQuery; results in `out`. Raises InvalidInput naming the line of a bad suite."""
    state = lexiquery.state
    # An evaluation compares whole results, however many rows an answer shows.
    sandbox = Sandbox(state.settings.model_copy(update={"row_limit": _ROWS}))

    async def ask(item: Item) -> Answer:
        question = Question(question=item.question, schema_group=item.schema_group, platforms=[item.platform])
        return await lexiquery.product.answer(await lexiquery.product.start(question))

    async def execute(item: Item, query: str) -> Rows:
        catalog = await state.catalogs.get(item.schema_group)
        return await asyncio.to_thread(run_proven, load_platform(item.platform), query, catalog, sandbox, _ROWS)

    async def tables_of(item: Item, query: str) -> set[str]:
        catalog, language = await state.catalogs.get(item.schema_group), load_platform(item.platform)
        if (await asyncio.to_thread(language.parse, query, catalog)).status != "passed":
            return set()
        return {table.name for table in await asyncio.to_thread(language.tables_of, query, catalog)}

    try:
        return await run_suite(
            suite, out, model=state.settings.model, ask=ask, execute=execute, tables_of=tables_of, limit=limit
        )
    finally:
        sandbox.close()


async def run_suite(
    suite: Path,
    out: Path,
    *,
    model: str,
    ask: Ask,
    execute: Execute,
    tables_of: TablesOf,
    limit: int | None = None,
    progress: TextIO = sys.stderr,
) -> Summary:
    """Ask each item that `out` has no result of yet for this suite and model, and sum up."""
    items = read_suite(suite)[:limit]
    configuration = _configuration(suite, model)
    results = _results_file(out)
    done = {outcome.id: outcome for outcome in read_results(results) if outcome.configuration == configuration}
    with results.open("a", encoding="utf-8") as file:
        for number, item in enumerate(items, 1):
            if item.id not in done:
                outcome = await _measured(item, configuration, ask, execute, tables_of)
                done[item.id] = outcome
                file.write(outcome.model_dump_json() + "\n")
                file.flush()
            progress.write(f"{number}/{len(items)} {item.id} {_verdict(done[item.id].measures)}\n")
            progress.flush()
    outcomes = [done[item.id] for item in items]
    summary = summarise(outcomes, suite=suite.name, model=model, configuration=configuration)
    (out / "summary.json").write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    write_calibration(outcomes, out / "calibration.json", summary)
    return summary


async def _measured(item: Item, configuration: str, ask: Ask, execute: Execute, tables_of: TablesOf) -> Outcome:
    """One item asked and measured. What goes wrong with one item is its result, and does not end the run."""
    began = time.monotonic()
    outcome = Outcome(
        **item.model_dump(include={"id", "platform", "schema_group", "question", "gold"}),
        configuration=configuration,
        answer=None,
        measures=Measures(answered=False, proven=False, seconds=0.0),
    )
    try:
        outcome.answer = await ask(item)
        outcome.measures = _counted(outcome, time.monotonic() - began)
        await _judge(item, outcome, execute, tables_of)
    except LexiQueryError as error:
        outcome.error = f"{error.code}: {error}"
        if outcome.answer is None:
            outcome.measures.seconds = round(time.monotonic() - began, 2)
    return outcome


def _counted(outcome: Outcome, seconds: float) -> Measures:
    answer, cost = outcome.query_answer, outcome.answer.cost if outcome.answer else None
    chats = [line for line in cost.by_operation if line.key != "embeddings"] if cost else []
    return Measures(
        answered=answer is not None,
        proven=answer is not None and answer.proof.verdict == "proven",
        calls=sum(line.calls for line in chats),
        prompt_tokens=_sum(line.prompt_tokens for line in chats),
        completion_tokens=_sum(line.completion_tokens for line in chats),
        seconds=round(seconds, 2),
    )


async def _judge(item: Item, outcome: Outcome, execute: Execute, tables_of: TablesOf) -> None:
    """Compare tables and rows with each accepted query; right if one of them agrees."""
    golds = [rows for gold in item.accepted if (rows := await _gold_rows(item, gold, execute)) is not None]
    outcome.measures.rows_equal = False if golds else None
    answer = outcome.query_answer
    if answer is None or answer.proof.verdict == "rejected":
        return
    used = await tables_of(item, answer.query)
    outcome.measures.tables_right = any([used == await tables_of(item, gold) for gold in item.accepted])
    if golds:
        rows = await execute(item, answer.query)
        outcome.measures.rows_equal = any(same_rows(gold, rows, order_matters=item.order_matters) for gold in golds)


async def _gold_rows(item: Item, gold: str, execute: Execute) -> Rows | None:
    try:
        return await execute(item, gold)
    except LexiQueryError:
        return None


def _results_file(out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    return out / "results.jsonl"


def _configuration(suite: Path, model: str) -> str:
    """Results of another model, suite or version of the prompts and of the code that derives are not reused."""
    parts = [hashlib.sha256(suite.read_bytes()).hexdigest(), model]
    root = Path(__file__).resolve().parent.parent.parent
    for folder, pattern in (("agents/data", "**/*.py"), ("shared/llm/prompts", "*.md")):
        parts += [path.read_text(encoding="utf-8") for path in sorted((root / folder).glob(pattern))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _sum(counts: Iterable[int | None]) -> int | None:
    """None as soon as one is unknown, and where there is nothing to sum."""
    known = list(counts)
    return sum(count for count in known if count is not None) if known and None not in known else None


def _verdict(measures: Measures) -> str:
    if not measures.answered:
        return "no answer"
    rows = {True: "rows equal", False: "rows differ", None: "rows unknown"}[measures.rows_equal]
    return f"{'proven' if measures.proven else 'not proven'}, {rows}, {measures.calls} calls, {measures.seconds:.1f} s"
