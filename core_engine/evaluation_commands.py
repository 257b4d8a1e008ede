"""What `lexiquery eval` and `lexiquery examples` do, as commands.py has it of the other commands."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core_engine.results import Result, opened_state, quiet_settings, write_text
from shared.errors import InvalidInput

if TYPE_CHECKING:
    from core_engine.evaluation import Summary


async def evaluate(
    suite: str,
    out: Path,
    limit: int | None,
    model: str | None,
    examples: bool | None,
    without: list[str],
    *,
    learn_routes: bool = False,
) -> Result:
    """examples: None leaves it to the suite. without: added to the setting of that name. learn_routes: ask by either
    route, each in a folder of its own below `out`."""
    from agents.data.parts import Part, read_parts
    from core_engine.bootstrap import open_lexiquery
    from core_engine.evaluation import evaluate as run_suite
    from core_engine.evaluation import open_suite

    opened = open_suite(suite)
    settings = quiet_settings(model=model, hold_out=True, response_cache_days=0)  # every call is counted
    left_out = read_parts({*settings.without, *without})
    if not (opened.examples if examples is None else examples):
        left_out |= {Part.EXAMPLES}
    if learn_routes and Part.ROUTE_SQL in left_out:
        raise InvalidInput("--learn-routes compares the route through SQL, which --without leaves out")

    async def run(out: Path, *more: Part) -> Summary:
        changed = settings.model_copy(update={"without": left_out | set(more)})
        async with open_lexiquery(changed) as lexiquery:
            command = shlex.join(["lexiquery", *sys.argv[1:]])
            return await run_suite(opened, out, lexiquery=lexiquery, limit=limit, command=command)

    if not learn_routes:
        summary = await run(out)
        return Result(summary, summary.render())
    await run(out / "direct", Part.ROUTES, Part.ROUTE_SQL)
    return _routes(out, await run(out / "sql", Part.ROUTES))


def _routes(out: Path, summary: Summary) -> Result:
    from agents.data.routes import ROUTES
    from core_engine.evaluation import read_results
    from core_engine.evaluation.routing import learn_routes, render_routes

    routes = learn_routes({route: read_results(out / route / "results.jsonl") for route in ROUTES}, summary, out)
    return Result(routes, render_routes(routes, out))


async def evaluation_compare(a: Path, b: Path) -> Result:
    from core_engine.evaluation.compare import compare

    comparison = compare(a, b)
    return Result(comparison, comparison.render())


async def examples_export(group: str | None, every: bool, form: str, out: str) -> Result:
    """Raises InvalidInput for neither or both of a group and all of them, or a file that can't be written."""
    from core_engine.example_export import Form, export_examples
    from shared.llm.runtime import open_models

    if (group is None) != every:
        raise InvalidInput("name a schema group, or say --all", suggestion="`lexiquery catalog list` shows the groups")
    if form not in ("chat", "plain"):
        raise InvalidInput(f"unknown form '{form}'", suggestion="known: chat, plain")
    async with opened_state() as state, open_models(state.settings, state.ledger, state.engine) as models:
        catalogs = [await state.catalogs.get(group)] if group else await state.catalogs.all()
        kind: Form = "chat" if form == "chat" else "plain"
        lines = await export_examples(catalogs, kind, state.sandbox, models, state.settings.prompts_dir)
    if out == "-":
        return Result([json.loads(line) for line in lines], "\n".join(lines))
    await write_text(out, "".join(f"{line}\n" for line in lines))
    return Result({"file": out, "examples": len(lines)}, f"{len(lines)} proven examples written to {out}")
