"""What the commands of the CLI do. Each gives a Result; its errors are LexiQueryErrors and end in results.run."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from core_engine.progress import follow, say
from core_engine.results import (
    ASKED_BACK,
    DONE,
    FAILED,
    Result,
    listed,
    make_settings,
    opened_state,
    quiet_settings,
)
from core_engine.session import open_product
from core_engine.state import State
from shared.errors import (
    InvalidInput,
    ModelUnavailable,
    NotFound,
    first_problem,
)
from shared.models import Answer, Budget, Model, Proof, ProveRequest, Question, SearchRequest
from shared.render import render_answer, render_hits, render_proof

if TYPE_CHECKING:
    from core_engine.product import LocalProduct
    from core_engine.remote import RemoteProduct

_NEXT = 'Ask your own: .venv/bin/lexiquery ask "QUESTION"; the next steps are in docs/quickstart.md'
_NO_ROWS = (
    "a schema without rows: its queries are proven; `lexiquery catalog connect {} URL` runs them where the rows are"
)
M = TypeVar("M", bound=Model)


def _product() -> AbstractAsyncContextManager[LocalProduct | RemoteProduct]:
    return open_product(quiet_settings())


def _request(model: type[M], **fields: Any) -> M:
    """Raises InvalidInput naming what the user gave wrong."""
    try:
        return model(**fields)
    except ValidationError as error:
        raise InvalidInput(first_problem(error)) from error


async def up(host: str | None, port: int | None) -> None:
    from core_engine.server import Server

    await Server(make_settings(host=host, port=port)).serve()


async def serve_agent(name: str, host: str | None, port: int | None) -> None:
    from core_engine.agent_server import serve_agent as serve_one

    await serve_one(name, make_settings(host=host, port=port))


async def mcp() -> None:
    from protocol_interface.mcp_server import run_stdio

    async with open_product(make_settings()) as product:
        await run_stdio(product)


async def ask(
    question: str,
    group: str | None,
    platforms: list[str] | None,
    run_it: bool,
    max_tokens: int | None,
    user: str | None = None,
    tags: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> Result:
    asked = _request(
        Question,
        question=question,
        schema_group=group,
        platforms=platforms or None,
        run=run_it,
        budget=Budget(tokens=max_tokens) if max_tokens else None,
        user=user or _me(),
        tags=list(tags),
        labels=list(labels),
    )
    async with _product() as product:
        journey_id = await product.start(asked)
        if sys.stderr.isatty():
            await follow(product, journey_id)
        return _answered(await product.answer(journey_id))


def _me() -> str | None:
    """Whoever runs the command; None where the system has no name for him, as in some containers."""
    try:
        return getuser()
    except (KeyError, OSError):
        return None


def _answered(answer: Answer) -> Result:
    code = {"completed": DONE, "needs_clarification": ASKED_BACK}.get(answer.status, FAILED)
    return Result(answer, render_answer(answer), code)


async def prove(
    platform: str, group: str | None, file: str | None, macros: Path | None = None, plan: str | None = None
) -> Result:
    """file, plan: where the query, or instead of it the query plan, is read from; - is standard input, as is None."""
    from core_engine.proving import prove_alone, prove_request

    if plan is not None and file is not None:
        raise InvalidInput("give either a query or a plan")
    if plan is not None:
        if group is None:
            raise InvalidInput("a plan is proven against a schema group", suggestion="name it with --group")
        request = _request(ProveRequest, platform=platform, schema_group=group, plan=_read_json(plan))
        async with opened_state() as state:
            return _proven(await prove_request(request, state.catalogs, state.sandbox))
    file = file or "-"
    if group is None:
        return _proven(await prove_alone(platform, _read_text(file), _read_text(str(macros)) if macros else ""))
    request = _request(ProveRequest, platform=platform, schema_group=group, query=_read_text(file))
    async with opened_state() as state:
        return _proven(await prove_request(request, state.catalogs, state.sandbox))


def _proven(proof: Proof) -> Result:
    return Result(proof, render_proof(proof), FAILED if proof.verdict == "rejected" else DONE)


def _read_json(file: str) -> Any:
    try:
        return json.loads(_read_text(file))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is not JSON: {error}") from error


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

    report = await load_seed(quiet_settings())
    return Result(report, report.render())


async def demo(question: str | None) -> Result:
    from core_engine.demo import run_demo

    answered = _answered(await run_demo(quiet_settings(), question))
    return replace(answered, text=f"{answered.text}\n\n{_NEXT}")


async def catalog_import(source: str, group: str | None, platform: str | None, sample_values: bool) -> Result:
    from agents.data.importing import import_catalog
    from core_engine.knowledge_commands import runbooks_of

    async with opened_state() as state:
        runbooks = await runbooks_of(state)
        before = await runbooks.last(labels=None)
        report = await import_catalog(
            source,
            catalogs=state.catalogs,
            sandbox=state.sandbox,
            group=group,
            platform=platform,
            sample_values=sample_values,
        )
        report.notes += await runbooks.broken_since(before)
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
    async with opened_state() as state:
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
    return listed(lines, "no schema group yet; `lexiquery catalog import FILE` adds one")


async def catalog_show(group: str) -> Result:
    async with opened_state() as state:
        catalog = await state.catalogs.get(group)
    return Result(catalog, catalog.render())


async def catalog_connect(group: str, url: str | None, check: bool = True) -> Result:
    """url: None disconnects the group."""
    from core_engine.connecting import connect, disconnect

    async with opened_state() as state:
        done = await (disconnect(group, state) if url is None else connect(group, url, state, check=check))
    return Result(done, done.render())


async def sop_search(text: str, limit: int, within: Mapping[str, object]) -> Result:
    asked = _request(SearchRequest, question=text, limit=limit, **within)
    async with _product() as product:
        hits = await product.search_procedures(asked.question, asked.limit, asked)
    shown = [hit.model_dump(include={"title", "source", "excerpt", "score"}) for hit in hits]
    return Result(shown, render_hits(hits))


async def models_list() -> Result:
    from core_engine.fetching import list_models

    return listed(list_models(quiet_settings()), "no model in the manifest")


async def models_pull(name: str | None) -> Result:
    from core_engine.fetching import pull_models

    return listed(await pull_models(quiet_settings(), [name] if name else None), "nothing to fetch")
