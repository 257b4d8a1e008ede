"""`lexiquery eval`: a suite of questions with gold queries through whole journeys, and what came out, measured.

A suite is a file of JSON lines, {id, platform, schema_group, question, gold, category?, order_matters?}, where gold is
a query, a list of accepted ones, or null where nothing answers the question; or the name of a public set (named.py).
`results.jsonl` gets one line an item as soon as it is measured, so that a run that was stopped goes on where it was;
`summary.json` the totals, `report.md` them for people; `calibration.json` the confidence fitted on the outcomes (copy
it to the data directory to use it).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from agents.data.parts import Part
from agents.data.platform import load_platform
from agents.data.proof import run_proven
from agents.data.routes import first_route
from agents.data.sandbox import Sandbox
from core_engine.evaluation.bringing import Suite
from core_engine.evaluation.judging import Bench, Reading, columns_used, counted, judge
from core_engine.evaluation.named import open_suite, prepare
from core_engine.evaluation.report import write_report
from core_engine.evaluation.suite import Item, Measures, Outcome, read_results, read_suite
from core_engine.evaluation.totals import Summary, summarise, write_calibration
from shared.errors import LexiQueryError, ModelUnavailable
from shared.llm.prompts import load_prompts
from shared.models import Answer, Question, Rows

if TYPE_CHECKING:
    from core_engine.bootstrap import LexiQuery
    from core_engine.state import State

__all__ = [
    "Bench",
    "Item",
    "Measures",
    "Outcome",
    "Reading",
    "Setup",
    "Suite",
    "Summary",
    "evaluate",
    "open_suite",
    "read_results",
    "read_suite",
    "run_suite",
]

_ROWS = 100_000  # most rows of a result that are compared
_SILENT = 3  # items in a row that the model did not answer: it is gone


@dataclass(frozen=True)
class Setup:
    """What a run depends on beside the suite and the code. embedding: the model of vectors; without: parts of the
    derivation that are left out; groups: versions of the schema groups that are asked, and of their rows; direct: the
    platforms whose own language was learned to be tried first; prompts: the versions of all prompts."""

    model: str
    embedding: str = ""
    without: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()


async def evaluate(
    suite: Suite, out: Path, *, lexiquery: LexiQuery, limit: int | None = None, command: str = ""
) -> Summary:
    """Run the suite through this LexiQuery; results in `out`. Groups that the suite brings are imported first.
    command: what was called, for the report.

    Raises NotFound for a group that isn't there.
    """
    state = lexiquery.state
    await prepare(suite, state)
    catalogs = {name: await state.catalogs.get(name) for name in {item.schema_group for item in suite.items}}
    # An evaluation compares whole results, however many rows an answer shows.
    sandbox = Sandbox(state.settings.model_copy(update={"row_limit": _ROWS}))
    groups = (f"{name} {one.version} {state.sandbox.stamp(one)}" for name, one in sorted(catalogs.items()))
    setup = Setup(
        state.settings.model,
        state.settings.embedding_model_name,
        tuple(sorted(state.settings.without)),
        tuple(groups),
        _direct_first(state, {item.platform for item in suite.items}),
        tuple(prompt.version for prompt in load_prompts(state.settings.prompts_dir).values()),
    )
    try:
        bench = _bench(lexiquery, state, sandbox)
        return await run_suite(suite, out, setup=setup, bench=bench, limit=limit, command=command)
    finally:
        sandbox.close()


def _bench(lexiquery: LexiQuery, state: State, sandbox: Sandbox) -> Bench:
    async def ask(item: Item) -> Answer:
        question = Question(question=item.question, schema_group=item.schema_group, platforms=[item.platform])
        return await lexiquery.product.answer(await lexiquery.product.start(question))

    async def execute(item: Item, query: str) -> Rows:
        catalog = await state.catalogs.get(item.schema_group)
        return await asyncio.to_thread(run_proven, load_platform(item.platform), query, catalog, sandbox, _ROWS)

    async def read(item: Item, query: str) -> Reading | None:
        catalog, language = await state.catalogs.get(item.schema_group), load_platform(item.platform)
        if (await asyncio.to_thread(language.parse, query, catalog)).status != "passed":
            return None
        tables = await asyncio.to_thread(language.tables_of, query, catalog)
        columns = {column.name for table in tables for column in table.columns}
        names = frozenset(table.name for table in tables)
        return Reading(names, columns_used(query, columns, item.platform))

    return Bench(ask, execute, read)


async def run_suite(
    suite: Suite,
    out: Path,
    *,
    setup: Setup,
    bench: Bench,
    limit: int | None = None,
    command: str = "",
    progress: TextIO = sys.stderr,
) -> Summary:
    """Ask each item that `out` has no result of yet for this suite and setup, and sum up.

    An item that the model did not answer counts as failed, and is asked again by the next run. Raises ModelUnavailable
    when the first item fares so, or several in a row.
    """
    items = suite.items[:limit]
    configuration = _configuration(suite.items, setup)
    results = _results_file(out)
    done = {outcome.id: outcome for outcome in read_results(results) if outcome.configuration == configuration}
    asked = silent = 0
    with results.open("a", encoding="utf-8") as file:
        for number, item in enumerate(items, 1):
            if item.id not in done:
                outcome = await _measured(item, configuration, bench)
                asked, silent = asked + 1, silent + 1 if outcome.without_model else 0
                if silent == min(asked, _SILENT):
                    raise ModelUnavailable(outcome.error or "the model does not answer")
                done[item.id] = outcome
                if not outcome.without_model:
                    file.write(outcome.model_dump_json() + "\n")
                    file.flush()
            progress.write(f"{number}/{len(items)} {item.id} {_verdict(done[item.id])}\n")
            progress.flush()
    outcomes = [done[item.id] for item in items]
    summary = summarise(
        outcomes,
        suite=suite.name,
        model=setup.model,
        without=setup.without,
        configuration=configuration,
        command=command,
    )
    (out / "summary.json").write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    write_calibration(outcomes, out / "calibration.json", summary)
    write_report(summary, outcomes, out)
    return summary


async def _measured(item: Item, configuration: str, bench: Bench) -> Outcome:
    """One item asked and measured. What goes wrong with one item is its result, and does not end the run."""
    began = time.monotonic()
    outcome = Outcome(
        **item.model_dump(include={"id", "platform", "schema_group", "question", "gold", "category"}),
        configuration=configuration,
        answer=None,
        measures=Measures(answered=False, proven=False, seconds=0.0),
    )
    try:
        outcome.answer = await bench.ask(item)
    except LexiQueryError as error:
        outcome.error = f"{error.code}: {error}"
    outcome.measures = counted(outcome, time.monotonic() - began)
    if outcome.answer and (problem := outcome.answer.problem) and not outcome.answer.answers:
        outcome.error = f"{problem.code}: {problem.detail}"
    try:
        await judge(item, outcome, bench)
    except LexiQueryError as error:
        outcome.error = outcome.error or f"{error.code}: {error}"
    return outcome


def _direct_first(state: State, platforms: set[str]) -> tuple[str, ...]:
    settings = state.settings
    if Part.ROUTES in settings.without:
        return ()
    first = {name: first_route(name, settings.data_dir, settings.model) for name in platforms}
    return tuple(sorted(name for name, route in first.items() if route == "direct"))


def _results_file(out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    return out / "results.jsonl"


def _configuration(items: Sequence[Item], setup: Setup) -> str:
    """Results of another model, suite, group or version of the prompts and of the code that derives are not reused."""
    parts = [item.model_dump_json() for item in items]
    parts += [setup.model, setup.embedding, *setup.without, *setup.groups, *setup.direct, *setup.prompts]
    root = Path(__file__).resolve().parent.parent.parent
    for pattern in ("**/*.py", "**/*.json"):
        parts += [path.read_text(encoding="utf-8") for path in sorted((root / "agents/data").glob(pattern))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _verdict(outcome: Outcome) -> str:
    measures = outcome.measures
    if not measures.answered:
        return "asks back" if measures.abstained else f"no answer: {outcome.error or 'no query on this platform'}"
    rows = {True: "rows equal", False: "rows differ", None: "rows unknown"}[measures.rows_equal]
    return f"{'proven' if measures.proven else 'not proven'}, {rows}, {measures.calls} calls, {measures.seconds:.1f} s"
