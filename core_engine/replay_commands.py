"""What `lexiquery journey replay` does: a past journey again, and what came out otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

from core_engine.bootstrap import open_lexiquery
from core_engine.product import asked_again
from core_engine.results import DONE, FAILED, Result, as_table, money, opened_state, quiet_settings
from core_engine.session import open_product
from core_engine.state import State
from shared.errors import Conflict
from shared.models import Answer, Model, QueryAnswer


class Difference(Model):
    """What changed from the first journey to its replay."""

    what: str
    before: Any
    after: Any


class Replay(Model):
    """model: which was asked; None when the log answered. differences: of status, problem, queries, proofs, rows and
    confidence; what the two took is in their answers' cost."""

    journey_id: str
    replay_id: str
    model: str | None
    before: Answer
    after: Answer
    differences: list[Difference]


async def journey_replay(journey_id: str, model: str | None) -> Result:
    """Exit code 1 when the answers differ. Raises NotFound, Conflict (it still runs), AlreadyRunning (with a model)."""
    async with opened_state() as state:
        await asked_again(state.store, journey_id)
        before = await _answer(state, journey_id)
    after = await (_on(model, journey_id) if model else _from_log(journey_id))
    found = Replay(
        journey_id=journey_id,
        replay_id=after.journey_id,
        model=model,
        before=before,
        after=after,
        differences=list(differences(before, after)),
    )
    return Result(found, _text(found), FAILED if found.differences else DONE)


async def _from_log(journey_id: str) -> Answer:
    async with open_product(quiet_settings()) as product:
        return await product.answer(await product.replay(journey_id))


async def _on(model: str, journey_id: str) -> Answer:
    """In this process, which must own the data directory: a running server has a model of its own."""
    settings = quiet_settings(model=model, response_cache_days=0)
    async with open_lexiquery(settings) as lexiquery:
        question, rejected = await asked_again(lexiquery.state.store, journey_id)
        return await lexiquery.product.answer(await lexiquery.product.start(question, rejected))


async def _answer(state: State, journey_id: str) -> Answer:
    answer = await state.store.answer(journey_id)
    if answer is None:
        raise Conflict(f"journey '{journey_id}' still runs")
    return answer


def differences(before: Answer, after: Answer) -> Iterator[Difference]:
    """Where two answers to one question say different things."""
    yield from _difference("status", before.status, after.status)
    yield from _difference("problem", _problem(before), _problem(after))
    yield from _difference("steps", _steps(before), _steps(after))
    yield from _difference("knowledge", _passages(before), _passages(after))
    yield from _difference("asked back", _asked_back(before), _asked_back(after))
    yield from _difference("missing", _missing(before), _missing(after))
    old, new = _by_place(before), _by_place(after)
    for place in dict.fromkeys([*old, *new]):
        yield from _of_queries(place, old.get(place), new.get(place))


def _of_queries(place: str, old: QueryAnswer | None, new: QueryAnswer | None) -> Iterator[Difference]:
    yield from _difference(f"{place}: query", old and old.query, new and new.query)
    if old and new:
        yield from _difference(f"{place}: verdict", old.proof.verdict, new.proof.verdict)
        yield from _difference(f"{place}: checks", _checks(old), _checks(new))
        yield from _difference(f"{place}: assumptions", old.assumptions, new.assumptions)
        yield from _difference(f"{place}: route", old.route, new.route)
        yield from _difference(f"{place}: rows", _rows(old), _rows(new))
        yield from _difference(f"{place}: confidence", _percent(old), _percent(new))


def _difference(what: str, before: Any, after: Any) -> Iterator[Difference]:
    if before != after:
        yield Difference(what=what, before=before, after=after)


def _by_place(answer: Answer) -> dict[str, QueryAnswer]:
    """Several of one place are numbered."""
    places: dict[str, QueryAnswer] = {}
    for one in answer.answers:
        place, number = f"{one.platform} on {one.schema_group}", 1
        while (name := place if number == 1 else f"{place} ({number})") in places:
            number += 1
        places[name] = one
    return places


def _passages(answer: Answer) -> list[str]:
    return [f"{hit.title} ({hit.source})" for hit in answer.knowledge]


def _asked_back(answer: Answer) -> str | None:
    return f"{answer.clarification.question} {answer.clarification.options}" if answer.clarification else None


def _missing(answer: Answer) -> list[str]:
    return [one.detail for one in answer.missing]


def _checks(one: QueryAnswer) -> list[str]:
    """Without details, which hold times and counts of rows."""
    return [
        f"{check.name} {check.status}{''.join(f'; {problem.message}' for problem in check.problems)}"
        for check in one.proof.checks
    ]


def _problem(answer: Answer) -> str | None:
    return answer.problem.detail if answer.problem else None


def _steps(answer: Answer) -> list[str]:
    return [f"{step.agent}.{step.skill}" for step in answer.plan.steps]


def _rows(one: QueryAnswer) -> Any:
    return None if one.result is None else one.result.model_dump(mode="json")


def _percent(one: QueryAnswer) -> int | None:
    return None if one.confidence is None else round(one.confidence * 100)


def _text(found: Replay) -> str:
    how = f"on {found.model}" if found.model else "from its log"
    said = "the same answer" if not found.differences else "another answer"
    parts = [f"{found.journey_id} again {how}: {said} ({found.replay_id})"]
    parts += ["\n".join(_shown(one)) for one in found.differences]
    return "\n\n".join([*parts, _costs(found)])


def _shown(one: Difference) -> Iterator[str]:
    yield one.what
    if isinstance(one.before, str) and isinstance(one.after, str) and "query" in one.what:
        lines = unified_diff(one.before.splitlines(), one.after.splitlines(), "before", "after", lineterm="")
        yield from (f"  {line}" for line in lines)
    elif one.what.endswith("rows"):
        yield f"  before: {_counted(one.before)}; after: {_counted(one.after)}"
    else:
        yield f"  before: {one.before}\n  after: {one.after}"


def _counted(rows: Any) -> str:
    return "none asked for" if rows is None else f"{len(rows['rows'])} rows of {', '.join(rows['columns'])}"


def _costs(found: Replay) -> str:
    before, after = found.before.cost, found.after.cost
    names = ("calls", "cached_calls", "prompt_tokens", "completion_tokens", "seconds", "unpriced_calls")
    rows = [(name.replace("_", " "), getattr(before, name), getattr(after, name)) for name in names]
    cost = ("cost", *(money(one.cost, one.currency) for one in (before, after)))
    return as_table([*rows, cost], ("", "before", "after"))
