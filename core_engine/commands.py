"""What the commands of the CLI do. Each returns its exit code; errors are LexiQueryError and end in `run`."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy.exc import DatabaseError

from core_engine.session import open_product
from shared.database import storage_failure
from shared.errors import InvalidInput, LexiQueryError, ModelUnavailable, NotFound, Unauthorized, problem_detail
from shared.models import Answer, Budget, CallRecord, Model, ProveRequest, Question
from shared.render import render_answer
from shared.settings import Settings

if TYPE_CHECKING:
    from core_engine.state import State

DONE, FAILED, USAGE, ASKED_BACK = 0, 1, 2, 3


def run(work: Coroutine[Any, Any, int], *, as_json: bool) -> int:
    """Run a command; its errors become a line on stderr, or a problem on stdout with --json, and an exit code."""
    try:
        return asyncio.run(work)
    except ValidationError as error:
        first = error.errors()[0]
        name = "LEXIQUERY_" + "_".join(str(part) for part in first["loc"]).upper()
        return _fail(InvalidInput(f"{name}: {first['msg']}"), as_json)
    except LexiQueryError as error:
        return _fail(error, as_json)
    except (DatabaseError, OSError) as error:
        return _fail(storage_failure(error), as_json)
    except KeyboardInterrupt:
        return 130


def _fail(error: LexiQueryError, as_json: bool) -> int:
    if as_json:
        _print_json(problem_detail(error).model_dump(exclude_none=True))
    print(f"lexiquery: {error}", file=sys.stderr)
    return USAGE if isinstance(error, InvalidInput | NotFound | Unauthorized) else FAILED


def _settings(**changes: Any) -> Settings:
    """The settings, with what the command line changes; logging is set up by them."""
    from shared.logging import configure_logging

    settings = Settings(**{name: value for name, value in changes.items() if value is not None})
    configure_logging(settings)
    return settings


def _command_settings(**changes: Any) -> Settings:
    """For commands that people read: only warnings on stderr unless they asked for more."""
    quiet = {} if "LEXIQUERY_LOG_LEVEL" in _environment() else {"log_level": "error", "log_format": "console"}
    return _settings(**quiet, **changes)


def _environment() -> set[str]:
    import os

    return {name.upper() for name in os.environ}


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _show(value: Model, text: str, as_json: bool) -> None:
    print(value.model_dump_json(indent=2) if as_json else text)


def _table(rows: list[tuple[Any, ...]], header: tuple[str, ...]) -> str:
    cells = [header, *[tuple("-" if cell is None else str(cell) for cell in row) for row in rows]]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


async def up(host: str | None, port: int | None) -> int:
    from core_engine.server import Server

    await Server(_settings(host=host, port=port)).serve()
    return DONE


async def serve_agent(name: str, host: str | None, port: int | None) -> int:
    from core_engine.agent_server import serve_agent as serve_one

    await serve_one(name, _settings(host=host, port=port))
    return DONE


async def ask(
    question: str,
    group: str | None,
    platforms: list[str] | None,
    run_it: bool,
    max_tokens: int | None,
    as_json: bool,
) -> int:
    settings = _command_settings()
    asked = Question(
        question=question,
        schema_group=group,
        platforms=platforms or None,
        run=run_it,
        budget=Budget(tokens=max_tokens) if max_tokens else None,
    )
    async with open_product(settings) as product:
        answer = await product.answer(await product.start(asked))
    _show(answer, render_answer(answer), as_json)
    return exit_code(answer)


def exit_code(answer: Answer) -> int:
    return {"completed": DONE, "needs_clarification": ASKED_BACK}.get(answer.status, FAILED)


async def prove(platform: str, group: str, file: str, as_json: bool) -> int:
    from core_engine.proving import prove_request
    from core_engine.state import open_state
    from shared.render import render_proof

    settings = _command_settings()
    request = ProveRequest(platform=platform, schema_group=group, query=_read_text(file))
    async with open_state(settings) as state:
        proof = await prove_request(request, state.catalogs, state.sandbox)
    _show(proof, render_proof(proof), as_json)
    return FAILED if proof.verdict == "rejected" else DONE


def _read_text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"can't read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}") from error


async def evaluate(suite: Path, out: Path, limit: int | None, model: str | None, as_json: bool) -> int:
    from core_engine.bootstrap import open_lexiquery
    from core_engine.evaluation import evaluate as run_suite

    settings = _command_settings(model=model, hold_out=True)
    async with open_lexiquery(settings) as lexiquery:
        summary = await run_suite(suite, out, lexiquery=lexiquery, limit=limit)
    _show(summary, summary.render(), as_json)
    return DONE


async def mcp() -> int:
    from protocol_interface.mcp_server import run_stdio

    settings = _settings()
    async with open_product(settings) as product:
        await run_stdio(product)
    return DONE


async def seed(as_json: bool) -> int:
    from core_engine.seeding import load_seed

    report = await load_seed(_command_settings())
    _show(report, report.render(), as_json)
    return DONE


async def demo(question: str | None, as_json: bool) -> int:
    from core_engine.demo import run_demo

    answer = await run_demo(_command_settings(), question)
    _show(answer, render_answer(answer), as_json)
    return exit_code(answer)


async def catalog_import(source: str, group: str | None, platform: str | None, as_json: bool) -> int:
    from agents.data.importing import import_catalog
    from core_engine.state import open_state

    settings = _command_settings()
    async with open_state(settings) as state:
        report = await import_catalog(
            Path(source),
            catalogs=state.catalogs,
            sandbox=state.sandbox,
            settings=settings,
            group=group,
            platform=platform,
        )
        await _index(report.schema_group, state)
    _show(report, report.render(), as_json)
    return DONE if not report.refused else FAILED


async def _index(group: str, state: State) -> None:
    """Without a model the import stands; the group is then indexed by its first question."""
    from core_engine.indexing import index_groups
    from shared.llm.runtime import open_models

    async with open_models(state.settings, state.ledger, state.engine) as models:
        try:
            await index_groups([await state.catalogs.get(group)], state, models)
        except ModelUnavailable as error:
            print(f"lexiquery: '{group}' is imported, and not yet indexed: {error}", file=sys.stderr)


async def catalog_list(as_json: bool) -> int:
    from core_engine.state import open_state

    async with open_state(_command_settings()) as state:
        found = await state.catalogs.all()
    rows = [(one.schema_group, one.platform, len(one.tables), len(one.examples)) for one in found]
    header = ("schema_group", "platform", "tables", "examples")
    if as_json:
        _print_json([dict(zip(header, row, strict=True)) for row in rows])
    else:
        print(_table(rows, header))
    return DONE


async def catalog_show(group: str, as_json: bool) -> int:
    from core_engine.state import open_state

    async with open_state(_command_settings()) as state:
        catalog = await state.catalogs.get(group)
    lines = [f"{catalog.schema_group} on {catalog.platform}: {catalog.description}".rstrip(": ")]
    for table in catalog.tables:
        lines.append(f"\n{table.name}  {table.description}")
        lines += [f"  {column.name} {column.type}  {column.description}".rstrip() for column in table.columns]
    if as_json:
        _print_json(catalog.model_dump(mode="json", by_alias=True))
    else:
        print("\n".join(lines))
    return DONE


async def sop_add(paths: list[Path], as_json: bool) -> int:
    from agents.knowledge.files import add_files

    async with open_product(_command_settings()) as product:
        report = await add_files(paths, product.add_procedures)
    _show(report, report.render(), as_json)
    return FAILED if report.failed else DONE


async def sop_search(text: str, limit: int, as_json: bool) -> int:
    async with open_product(_command_settings()) as product:
        hits = await product.search_procedures(text, limit)
    if as_json:
        _print_json([hit.model_dump(include={"title", "source", "excerpt", "score"}) for hit in hits])
    else:
        found = [f"{hit.score:.2f}  {hit.title}  ({hit.source})\n      {hit.excerpt}" for hit in hits]
        print("\n".join(found) or "nothing here bears on that")
    return DONE


async def cost_show(journey: str, as_json: bool) -> int:
    from core_engine.state import open_state
    from shared.render import render_cost

    async with open_state(_command_settings()) as state:
        await state.store.status(journey)
        summary = await state.ledger.journey_summary(journey)
    _show(summary, render_cost(summary), as_json)
    return DONE


async def cost_recent(limit: int, as_json: bool) -> int:
    from core_engine.state import open_state

    async with open_state(_command_settings()) as state:
        journeys = await state.store.journeys(limit=limit)
        costs = [await state.ledger.journey_summary(one.journey_id) for one in journeys]
    if as_json:
        _print_json([cost.model_dump(mode="json") for cost in costs])
        return DONE
    rows = [
        (one.journey_id, one.status, cost.calls, cost.prompt_tokens, cost.completion_tokens, f"{cost.seconds:.1f}")
        for one, cost in zip(journeys, costs, strict=True)
    ]
    print(_table(rows, ("journey", "status", "calls", "prompt", "completion", "seconds")))
    return DONE


async def cost_stats(days: int, as_json: bool) -> int:
    from core_engine.state import open_state

    async with open_state(_command_settings()) as state:
        stats = [line.model_dump(mode="json") for line in await state.ledger.stats(days=days)]
    if as_json:
        _print_json(stats)
    elif stats:
        print(_table([tuple(line.values()) for line in stats], tuple(stats[0])))
    else:
        print(f"no model call in the last {days} days")
    return DONE


async def cost_export(out: str, as_json: bool) -> int:
    """Raises InvalidInput for a file that is neither .csv nor .jsonl."""
    from core_engine.state import open_state

    if out != "-" and Path(out).suffix not in (".csv", ".jsonl"):
        raise InvalidInput(f"can't export to '{out}'", suggestion="name a file ending in .csv or .jsonl")
    calls: list[CallRecord] = []
    async with open_state(_command_settings()) as state:
        while page := await state.ledger.calls(limit=1000, offset=len(calls)):
            calls += page
    lines = [call.model_dump(mode="json") for call in calls]
    if out == "-":
        for line in lines:
            print(json.dumps(line, ensure_ascii=False))
        return DONE
    await asyncio.to_thread(_write_calls, Path(out), lines)
    if as_json:
        _print_json({"file": out, "calls": len(lines)})
    else:
        print(f"{len(lines)} calls written to {out}")
    return DONE


def _write_calls(out: Path, lines: list[dict[str, Any]]) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        if out.suffix == ".csv":
            writer = csv.DictWriter(file, fieldnames=list(CallRecord.model_fields))
            writer.writeheader()
            writer.writerows(lines)
        else:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


async def agents_list(as_json: bool) -> int:
    async with open_product(_command_settings()) as product:
        found = await product.list_agents()
    if as_json:
        _print_json([agent.model_dump(mode="json") for agent in found])
    else:
        rows = [(one.name, one.platform, ", ".join(skill["id"] for skill in one.skills), one.url) for one in found]
        print(_table(rows, ("agent", "platform", "skills", "url")))
    return DONE


async def agents_register(url: str, as_json: bool) -> int:
    async with open_product(_command_settings()) as product:
        agent = await product.register_agent(url)
    _show(agent, f"registered {agent.name} at {agent.url}", as_json)
    return DONE


async def models_list(as_json: bool) -> int:
    from core_engine.fetching import list_models

    found = list_models(_command_settings())
    if as_json:
        _print_json(found)
    else:
        print(_table([tuple(one.values()) for one in found], tuple(found[0])))
    return DONE


async def models_pull(name: str | None, as_json: bool) -> int:
    from core_engine.fetching import pull_models

    pulled = await pull_models(_command_settings(), [name] if name else None)
    if as_json:
        _print_json(pulled)
    else:
        print(_table([tuple(one.values()) for one in pulled], tuple(pulled[0])))
    return DONE
