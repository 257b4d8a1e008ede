"""What the commands of the CLI do. Each gives a Result; its errors are LexiQueryErrors and end in `run`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from sqlalchemy.exc import DatabaseError

from core_engine.progress import follow, say
from core_engine.session import open_product
from core_engine.state import State, open_state
from shared.database import storage_failure
from shared.errors import (
    InvalidInput,
    LexiQueryError,
    ModelUnavailable,
    NotFound,
    Unauthorized,
    first_problem,
    problem_detail,
)
from shared.models import Answer, Budget, Model, Proof, ProveRequest, Question, SearchRequest
from shared.render import cut, render_answer, render_cost, render_hits, render_proof, visible
from shared.settings import Settings

if TYPE_CHECKING:
    from core_engine.product import LocalProduct
    from core_engine.remote import RemoteProduct

DONE, FAILED, USAGE, ASKED_BACK = 0, 1, 2, 3
_INTERRUPTED = 130
_NEXT = 'Ask your own: .venv/bin/lexiquery ask "QUESTION"; the next steps are in docs/quickstart.md'
_NO_ROWS = (
    "a schema without rows: its queries are proven; `lexiquery catalog connect {} URL` runs them where the rows are"
)
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Result:
    """value: what --json prints; text: the same for people; code: the process's exit code."""

    value: Any
    text: str
    code: int = DONE


def run(work: Coroutine[Any, Any, Result | None], *, as_json: bool = False) -> int:
    """Run a command and print its result; its exit code. An error is a line on stderr, and a problem with --json."""
    try:
        result = asyncio.run(work)
        if result is None:
            return DONE
        _print(_json(result.value) if as_json else result.text)
        return result.code
    except LexiQueryError as error:
        return _fail(error, as_json)
    except ValidationError as error:
        return _fail(LexiQueryError(f"{error.title} is not what LexiQuery expects: {first_problem(error)}"), as_json)
    except BrokenPipeError:
        # Whoever read the output has seen enough, as `head` does; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (DatabaseError, OSError) as error:
        return _fail(storage_failure(error), as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _fail(error: LexiQueryError, as_json: bool) -> int:
    if as_json:
        _print(_json(problem_detail(error).model_dump(exclude_none=True)))
    print(f"lexiquery: {visible(str(error))}", file=sys.stderr)
    return USAGE if isinstance(error, InvalidInput | NotFound | Unauthorized) else FAILED


def _print(text: str) -> None:
    if text:
        print(visible(text), flush=True)


def _json(value: Any) -> str:
    return json.dumps(to_jsonable_python(value, by_alias=True), indent=2, ensure_ascii=False)


def _table(rows: Sequence[Sequence[Any]], header: Sequence[str]) -> str:
    cells = [header, *[[_cell(cell) for cell in row] for row in rows]]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return str(round(value, 2) if isinstance(value, float) else value)


def _listed(lines: Sequence[dict[str, Any]], otherwise: str) -> Result:
    """Lines of the same fields as a table, or `otherwise` when there is none."""
    return Result(lines, _table([list(line.values()) for line in lines], list(lines[0])) if lines else otherwise)


def _settings(**changes: Any) -> Settings:
    """The settings, with what the command line changes; logging is set up by them.

    Raises InvalidInput naming the option or the variable that is wrong.
    """
    from shared.logging import configure_logging

    given = {name: value for name, value in changes.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        name = f"--{field}" if field in given else f"LEXIQUERY_{field.upper().removeprefix('LEXIQUERY_')}"
        raise InvalidInput(f"{name}: {first['msg']}") from error
    configure_logging(settings)
    return settings


def _quiet_settings(**changes: Any) -> Settings:
    """For commands that people read: only errors are logged unless they asked for more."""
    asked = any(name.upper() == "LEXIQUERY_LOG_LEVEL" for name in os.environ)
    return _settings(**({} if asked else {"log_level": "error", "log_format": "console"}), **changes)


def _state() -> AbstractAsyncContextManager[State]:
    return open_state(_quiet_settings())


def _product() -> AbstractAsyncContextManager[LocalProduct | RemoteProduct]:
    return open_product(_quiet_settings())


def _request(model: type[M], **fields: Any) -> M:
    """Raises InvalidInput naming what the user gave wrong."""
    try:
        return model(**fields)
    except ValidationError as error:
        raise InvalidInput(first_problem(error)) from error


async def up(host: str | None, port: int | None) -> None:
    from core_engine.server import Server

    await Server(_settings(host=host, port=port)).serve()


async def serve_agent(name: str, host: str | None, port: int | None) -> None:
    from core_engine.agent_server import serve_agent as serve_one

    await serve_one(name, _settings(host=host, port=port))


async def mcp() -> None:
    from protocol_interface.mcp_server import run_stdio

    async with open_product(_settings()) as product:
        await run_stdio(product)


async def ask(
    question: str, group: str | None, platforms: list[str] | None, run_it: bool, max_tokens: int | None
) -> Result:
    asked = _request(
        Question,
        question=question,
        schema_group=group,
        platforms=platforms or None,
        run=run_it,
        budget=Budget(tokens=max_tokens) if max_tokens else None,
    )
    async with _product() as product:
        journey_id = await product.start(asked)
        if sys.stderr.isatty():
            await follow(product, journey_id)
        return _answered(await product.answer(journey_id))


def _answered(answer: Answer) -> Result:
    code = {"completed": DONE, "needs_clarification": ASKED_BACK}.get(answer.status, FAILED)
    return Result(answer, render_answer(answer), code)


async def prove(platform: str, group: str | None, file: str, macros: Path | None = None) -> Result:
    from core_engine.proving import prove_alone, prove_request

    if group is None:
        return _proven(await prove_alone(platform, _read_text(file), _read_text(str(macros)) if macros else ""))
    request = _request(ProveRequest, platform=platform, schema_group=group, query=_read_text(file))
    async with _state() as state:
        return _proven(await prove_request(request, state.catalogs, state.sandbox))


def _proven(proof: Proof) -> Result:
    return Result(proof, render_proof(proof), FAILED if proof.verdict == "rejected" else DONE)


def _read_text(file: str) -> str:
    if file == "-" and sys.stdin.isatty():
        say("the query, then Ctrl-D:")
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise NotFound(f"can't read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}") from error


async def seed() -> Result:
    from core_engine.seeding import load_seed

    report = await load_seed(_quiet_settings())
    return Result(report, report.render())


async def demo(question: str | None) -> Result:
    from core_engine.demo import run_demo

    answered = _answered(await run_demo(_quiet_settings(), question))
    return replace(answered, text=f"{answered.text}\n\n{_NEXT}")


async def catalog_import(source: str, group: str | None, platform: str | None, sample_values: bool) -> Result:
    from agents.data.importing import import_catalog

    async with _state() as state:
        report = await import_catalog(
            source,
            catalogs=state.catalogs,
            sandbox=state.sandbox,
            group=group,
            platform=platform,
            sample_values=sample_values,
        )
        await _index(report.schema_group, state)
    rows = "" if report.rows else f"\n  {_NO_ROWS.format(report.schema_group)}"
    return Result(report, report.render() + rows, FAILED if report.refused else DONE)


async def _index(group: str, state: State) -> None:
    """Without a model the import stands; the group is then indexed by its first question."""
    from core_engine.indexing import index_groups
    from shared.llm.runtime import open_models

    async with open_models(state.settings, state.ledger, state.engine) as models:
        try:
            await index_groups([await state.catalogs.get(group)], state, models)
        except ModelUnavailable as error:
            print(f"lexiquery: '{group}' is imported, and not yet indexed: {error}", file=sys.stderr)


async def catalog_list() -> Result:
    async with _state() as state:
        found = await state.catalogs.all()
        connected = await state.connections.all()
    lines = [
        {
            "schema_group": one.schema_group,
            "platform": one.platform,
            "tables": len(one.tables),
            "examples": len(one.examples),
            "connection": connected.get(one.schema_group),
        }
        for one in found
    ]
    return _listed(lines, "no schema group yet; `lexiquery catalog import FILE` adds one")


async def catalog_show(group: str) -> Result:
    async with _state() as state:
        catalog = await state.catalogs.get(group)
    return Result(catalog, catalog.render())


async def catalog_connect(group: str, url: str | None, check: bool = True) -> Result:
    """url: None disconnects the group."""
    from core_engine.connecting import connect, disconnect

    async with _state() as state:
        done = await (disconnect(group, state) if url is None else connect(group, url, state, check=check))
    return Result(done, done.render())


async def sop_add(paths: list[Path]) -> Result:
    from agents.knowledge.files import add_files

    async with _product() as product:
        report = await add_files(paths, product.add_procedures)
    return Result(report, report.render(), FAILED if report.failed else DONE)


async def sop_search(text: str, limit: int) -> Result:
    asked = _request(SearchRequest, question=text, limit=limit)
    async with _product() as product:
        hits = await product.search_procedures(asked.question, asked.limit)
    shown = [hit.model_dump(include={"title", "source", "excerpt", "score"}) for hit in hits]
    return Result(shown, render_hits(hits))


async def _write(out: str, text: str) -> None:
    try:
        await asyncio.to_thread(Path(out).write_text, text, encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInput(f"can't write {out}: {error.strerror}") from error


async def cost_show(journey: str) -> Result:
    async with _state() as state:
        await state.store.status(journey)
        summary = await state.ledger.journey_summary(journey)
    return Result(summary, render_cost(summary))


async def cost_recent(limit: int) -> Result:
    async with _state() as state:
        journeys = await state.store.journeys(limit=limit)
        costs = [await state.ledger.journey_summary(one.journey_id) for one in journeys]
    rows = [
        (
            one.journey_id,
            one.status,
            cost.calls,
            cost.prompt_tokens,
            cost.completion_tokens,
            f"{cost.seconds:.1f}",
            cut(one.question, 50),
        )
        for one, cost in zip(journeys, costs, strict=True)
    ]
    header = ("journey", "status", "calls", "prompt", "completion", "seconds", "question")
    return Result(costs, _table(rows, header) if rows else "no journey yet; `lexiquery ask` starts one")


async def cost_stats(days: int) -> Result:
    async with _state() as state:
        stats = await state.ledger.stats(days=days)
    return _listed([line.model_dump(mode="json") for line in stats], f"no model call in the last {days} days")


async def cost_export(out: str) -> Result:
    """Raises InvalidInput for a file that is neither .csv nor .jsonl, or can't be written."""
    from core_engine.exporting import exported
    from shared.accounts import Accounts

    if out != "-" and Path(out).suffix not in (".csv", ".jsonl"):
        raise InvalidInput(f"can't export to '{out}'", suggestion="name a file ending in .csv or .jsonl")
    async with _state() as state:
        lines = [line async for line in exported(Accounts(state.engine).calls(), _form(out))]
    if out == "-":
        return Result([json.loads(line) for line in lines], "".join(lines).rstrip("\n"))
    await _write(out, "".join(lines))
    calls = len(lines) - (_form(out) == "csv")
    return Result({"file": out, "calls": calls}, f"{calls} calls written to {out}")


def _form(out: str) -> Any:
    return "csv" if out.endswith(".csv") else "jsonl"


async def agents_list() -> Result:
    async with _product() as product:
        found = await product.list_agents()
    rows = [
        (one.name, one.platform, ", ".join(skill["id"] for skill in one.skills), one.health, one.url) for one in found
    ]
    return Result(found, _table(rows, ("agent", "platform", "skills", "health", "url")))


async def agents_register(url: str) -> Result:
    async with _product() as product:
        agent = await product.register_agent(url)
    return Result(agent, f"registered {agent.name} at {agent.url}")


async def models_list() -> Result:
    from core_engine.fetching import list_models

    return _listed(list_models(_quiet_settings()), "no model in the manifest")


async def models_pull(name: str | None) -> Result:
    from core_engine.fetching import pull_models

    return _listed(await pull_models(_quiet_settings(), [name] if name else None), "nothing to fetch")
