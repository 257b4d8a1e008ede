"""What `lexiquery sop check`, `lexiquery glossary` and `lexiquery graph` do, as commands.py has it of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from core_engine.groups import Groups
from core_engine.results import DONE, FAILED, Result, listed, opened_state
from core_engine.state import State
from shared.errors import InvalidInput

if TYPE_CHECKING:
    from agents.knowledge.checks.check import CheckedQuery
    from agents.knowledge.glossary.store import Status, Term
    from core_engine.runbooks import Runbooks

_NONE = "no term yet; `lexiquery glossary propose` reads the runbooks"


@asynccontextmanager
async def opened_runbooks(group: str | None = None) -> AsyncIterator[Runbooks]:
    """group: that is asked about. Raises NotFound for one that isn't there."""
    async with opened_state() as state:
        if group is not None:
            await state.catalogs.get(group)
        yield await runbooks_of(state)


async def runbooks_of(state: State) -> Runbooks:
    """With their tables."""
    from core_engine.runbooks import Runbooks

    groups = Groups(state.catalogs, state.sandbox, state.connections)
    runbooks = Runbooks(state.engine, state.catalogs, state.sandbox, groups)
    await runbooks.prepare()
    return runbooks


async def broken_queries() -> list[CheckedQuery]:
    """Of all runbooks, when what was just added is learned."""
    async with opened_runbooks() as runbooks:
        report = await runbooks.check(labels=None)
    return [one for one in report.queries if one.status == "broken"]


async def sop_check(group: str | None, every: bool) -> Result:
    async with opened_runbooks() as runbooks:
        report = await runbooks.check(group, every=every, labels=None)
    return Result(report, report.render(), FAILED if report.broken else DONE)


async def glossary_list(group: str | None, status: str | None) -> Result:
    async with opened_runbooks(group) as runbooks:
        return _terms(await runbooks.terms.all(group=group, status=_statuses(status), labels=None))


async def glossary_propose(group: str | None) -> Result:
    """Read the runbooks, and show what waits for a decision."""
    async with opened_runbooks(group) as runbooks:
        await runbooks.learn()
        return _terms(await runbooks.terms.all(group=group, status=("proposed",), labels=None))


async def glossary_accept(
    ids: Sequence[str], every: bool, condition: str | None, table: str | None, group: str | None
) -> Result:
    """every: all proposals of the group (or of all) that say a condition, and whose term is free. None is accepted
    where one can't be."""
    if every == bool(ids):
        raise InvalidInput("name the terms to accept, or say --all", suggestion="`lexiquery glossary list` shows them")
    if condition is not None and len(ids) != 1:
        raise InvalidInput("a condition is of one term", suggestion="name the one that --condition is for")
    async with opened_runbooks(group) as runbooks:
        if not every:
            accepted = await runbooks.accept_each(ids, condition=condition, table=table, group=group, labels=None)
            return _terms(accepted)
        proposed = await runbooks.terms.all(group=group, status=("proposed",))
        return _terms(await runbooks.accept_each([one.id for one in proposed if one.condition], free=True))


async def glossary_reject(ids: Sequence[str]) -> Result:
    """None is rejected where an id is unknown."""
    async with opened_runbooks() as runbooks:
        await _check_known(ids, runbooks)
        return _terms([await runbooks.reject(one, None) for one in ids])


async def _check_known(ids: Sequence[str], runbooks: Runbooks) -> None:
    """Raises NotFound for an id that no term has."""
    for one in ids:
        await runbooks.terms.get(one, None)


async def graph_about(text: str, limit: int) -> Result:
    async with opened_runbooks() as runbooks:
        await runbooks.learn()
        survey = await runbooks.graph.about(text, limit=limit)
    return Result(survey, survey.render())


async def graph_show() -> Result:
    async with opened_runbooks() as runbooks:
        await runbooks.learn()
        counts = await runbooks.graph.counts()
    lines = [f"{kind}: {number}" for part in (counts.nodes, counts.links) for kind, number in part.items()]
    return Result(counts, "\n".join(lines) or "nothing is known yet; `lexiquery sop add` adds runbooks")


def _statuses(status: str | None) -> Sequence[Status]:
    """Raises InvalidInput for what is no status."""
    known: tuple[Status, ...] = ("proposed", "accepted", "rejected")
    if status is None:
        return ()
    found: list[Status] = [one for one in known if one == status]
    if not found:
        raise InvalidInput(f"'{status}' is no status of a term", suggestion=f"known: {', '.join(known)}")
    return found


def _terms(terms: Sequence[Term]) -> Result:
    shown = [
        {
            "id": one.id,
            "status": one.status if one.current else f"{one.status}, runbook changed",
            "group": one.schema_group or None,
            "term": one.term or "(rule)",
            "meaning": one.meaning,
            "condition": one.condition or None,
            "source": one.source,
        }
        for one in terms
    ]
    return Result(list(terms), listed(shown, _NONE).text)
