"""The proof of a query: the same checks, in the same order, for every platform."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot.errors import SqlglotError

from agents.data.platform import NotExecutable, Platform
from agents.data.sandbox import PROVER, Sandbox
from shared.catalog import Catalog
from shared.errors import InvalidInput, QueryRejected
from shared.models import Check, CheckName, Problem, Proof, Rows

QUERY_LIMIT = 50_000  # characters; the longest query of the public corpora has 16,000
# Parsers take time that grows with the square of the depth; people and models stay below 20.
NESTING_LIMIT = 500
CHECKS: tuple[CheckName, ...] = ("parse", "bind", "safety", "cost", "dry_run")
_MISFIT = "its translation does not fit DuckDB"
_NAME = re.compile(r"[\w.$-]+")


def prove(platform: Platform, query: str, catalog: Catalog, sandbox: Sandbox) -> Proof:
    """parse, then bind and safety, then cost and the dry run; a check that an earlier one makes pointless is skipped.

    Never raises on any text. Blocks for milliseconds; what builds rows out of nothing, up to the limits of a dry run.
    """
    if problem := unreadable(query):
        return Proof.of([Check(name="parse", status="failed", prover="lexiquery", problems=[problem])])
    checks = [_made("parse", platform.parse, query, catalog)]
    if _failed(checks):
        return Proof.of([*checks, *(_skipped(name, checks) for name in CHECKS[1:])])
    checks += [_made("bind", platform.bind, query, catalog), _made("safety", platform.safety, query, catalog)]
    if _failed(checks):
        return Proof.of([*checks, _skipped("cost", checks), _skipped("dry_run", checks)])
    cost = sandbox.cost(platform.tables_of(query, catalog), catalog)
    return Proof.of([*checks, cost, _dry_run(platform, query, catalog, sandbox)])


def _made(name: CheckName, make: Callable[[str, Catalog], Check], query: str, catalog: Catalog) -> Check:
    """The platform's check; where its parser gives up on what the text means, a failed one."""
    try:
        return make(query, catalog)
    except (SqlglotError, RecursionError) as error:
        problem = Problem(code="not_understood", message=f"it can't be checked: {str(error).splitlines()[0]}")
        return Check(name=name, status="failed", prover="sqlglot", problems=[problem])


def unreadable(query: str) -> Problem | None:
    """What keeps any prover from reading the text at all: it is empty, huge, or not text."""
    if not query.strip():
        return Problem(code="empty_query", message="the query is empty")
    if len(query) > QUERY_LIMIT:
        return Problem(
            code="query_too_long", message=f"the query has {len(query):,} characters; at most {QUERY_LIMIT:,} are read"
        )
    depth = 0
    for place, character in enumerate(query):
        depth += (character in "([{") - (character in ")]}")
        if depth > NESTING_LIMIT:
            return Problem(code="too_deep", message=f"brackets are nested deeper than {NESTING_LIMIT}")
        if character == "\0" or "\ud800" <= character <= "\udfff":
            line, column = position(query, place)
            message = f"character U+{ord(character):04X} can't be part of a query"
            return Problem(code="bad_character", message=message, line=line, column=column)
    return None


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset in characters."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def check_proven(platform: Platform, query: str, catalog: Catalog, sandbox: Sandbox) -> Proof:
    """The gate before every run. Raises QueryRejected with the first problem of a query whose proof rejects it."""
    proof = prove(platform, query, catalog, sandbox)
    if proof.verdict == "rejected":
        first = proof.problems[0]
        raise QueryRejected(first.message, suggestion=advice(first))
    return proof


def run_proven(platform: Platform, query: str, catalog: Catalog, sandbox: Sandbox, limit: int, offset: int = 0) -> Rows:
    """The query's rows, if its proof allows. Raises QueryRejected with the first problem, InvalidInput if the sandbox
    can't run it, and what `Sandbox.execute` raises."""
    proof = check_proven(platform, query, catalog, sandbox)
    if (dry_run := proof.checks[-1]).detail.startswith(_MISFIT):
        raise InvalidInput(f"the sandbox can't run this {platform.language} query: {dry_run.detail}")
    try:
        sql = platform.to_duckdb_over_rows(query, catalog, lambda select: sandbox.values(select, catalog))
    except NotExecutable as error:
        raise InvalidInput(f"the sandbox can't run this {platform.language} query: {error}") from error
    rows = sandbox.execute(sql, catalog, limit=limit, offset=offset)
    if (columns := platform.columns_of(query, catalog)) is not None and rows.columns != columns:
        raise InvalidInput(f"the sandbox can't run this {platform.language} query: its translation gives other columns")
    return rows


def advice(problem: Problem) -> str | None:
    """What to do about it, in words: a suggestion is either the right name or advice already."""
    if problem.suggestion and _NAME.fullmatch(problem.suggestion):
        return f"did you mean '{problem.suggestion}'?"
    return problem.suggestion


def _failed(checks: list[Check]) -> Check | None:
    return next((check for check in checks if check.status == "failed"), None)


def _skipped(name: CheckName, checks: list[Check]) -> Check:
    failed = _failed(checks)
    detail = f"{failed.name} failed" if failed else ""
    return Check(name=name, status="skipped", prover=failed.prover if failed else "lexiquery", detail=detail)


def _dry_run(platform: Platform, query: str, catalog: Catalog, sandbox: Sandbox) -> Check:
    try:
        sql = platform.to_duckdb_over_rows(query, catalog, _no_rows)
        check = sandbox.dry_run(sql, catalog, platform.columns_of(query, catalog))
    except NotExecutable as error:
        return Check(name="dry_run", status="skipped", prover=PROVER, detail=f"the sandbox can't run it: {error}")
    real = [problem for problem in check.problems if not platform.is_gap(problem, catalog)]
    if check.status == "failed" and not real:
        reason = "; ".join(problem.message for problem in check.problems)
        return check.model_copy(update={"status": "skipped", "problems": [], "detail": f"{_MISFIT}: {reason}"})
    return check.model_copy(update={"problems": real})


def _no_rows(select: str) -> list[str]:
    """What empty tables answer."""
    return []
