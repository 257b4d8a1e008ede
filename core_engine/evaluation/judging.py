"""One item measured: what the answer is worth beside the gold queries."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from agents.data.comparing import same_rows
from agents.data.literals import Comparison, comparisons, is_time
from core_engine.evaluation.suite import Item, Measures, Outcome
from shared.errors import LexiQueryError
from shared.models import Answer, Proof, Rows

_STRING = re.compile(r"\"((?:\\.|[^\"\\\n])*)\"|'((?:''|\\.|[^'\\\n])*)'")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_WORD = re.compile(r"[\w.*:@/\\%-]+")


@dataclass(frozen=True)
class Reading:
    """The tables that a query reads, and their columns that it uses."""

    tables: frozenset[str]
    columns: frozenset[str]


@dataclass(frozen=True)
class Bench:
    """What an item is measured with. ask: the question, to its answer; execute: a query's whole result, raising
    LexiQueryError where it can't run; read: None for a query that isn't well-formed."""

    ask: Callable[[Item], Awaitable[Answer]]
    execute: Callable[[Item, str], Awaitable[Rows]]
    read: Callable[[Item, str], Awaitable[Reading | None]]


def counted(outcome: Outcome, seconds: float) -> Measures:
    """What the answer itself says."""
    answer, one = outcome.answer, outcome.query_answer
    cost = answer.cost if answer else None
    chats = [line for line in cost.by_operation if line.key != "embeddings"] if cost else []
    return Measures(
        answered=one is not None,
        proven=one is not None and one.proof.verdict == "proven",
        parsed=_passed(one.proof, "parse") if one else None,
        bound=_passed(one.proof, "bind") if one else None,
        abstained=answer is not None and not answer.answers and answer.status == "needs_clarification",
        confidence=one.confidence if one else None,
        route=one.route if one else None,
        calls=sum(line.calls for line in chats),
        prompt_tokens=_sum(line.prompt_tokens for line in chats),
        completion_tokens=_sum(line.completion_tokens for line in chats),
        seconds=round(seconds, 2),
        cost=cost.cost if cost else None,
    )


async def judge(item: Item, outcome: Outcome, bench: Bench) -> None:
    """Compare with each accepted query, best first in every measure: one that agrees is enough."""
    if not item.is_answerable:
        return
    measures, answer = outcome.measures, outcome.query_answer
    golds = [rows for gold in item.accepted if (rows := await _gold_rows(item, gold, bench)) is not None]
    measures.rows_equal = False if golds else None
    measures.parsed, measures.bound = bool(measures.parsed), bool(measures.bound)
    readings = [one for gold in item.accepted if (one := await bench.read(item, gold))]
    query = answer.query if answer else ""
    found = await bench.read(item, query) if query else None
    if readings:
        measures.tables_right = found is not None and any(found.tables == one.tables for one in readings)
        measures.columns = max(_jaccard(found.columns, one.columns) for one in readings) if found else 0.0
    measures.literals = literals_there(item.accepted, query, item.platform)
    measures.executed = False
    if answer and answer.proof.verdict != "rejected":
        rows = await bench.execute(item, query)
        measures.executed = True
        if golds:
            measures.rows_equal = any(same_rows(gold, rows, order_matters=item.order_matters) for gold in golds)


def literals_there(accepted: Iterable[str], query: str, platform: str) -> bool | None:
    """Whether the query has every literal that some accepted one compares a column with; None where none has any.

    Times don't count (`ago(7d)` and a date say the same), nor does case or a wildcard at an end. In KQL a word without
    quotes is a kind of a join or a column's new name (`kind=inner`), not a value; in SPL it is one.
    """
    wanted = [literals for gold in accepted if (literals := literals_of(gold, platform))]
    if not wanted:
        return None
    said = {_plain(found[1] or found[2] or "") for found in _STRING.finditer(query)}
    said |= {_plain(found[0]) for pattern in (_NUMBER, _WORD) for found in pattern.finditer(query)}
    return any(literals <= said for literals in wanted)


def columns_used(query: str, columns: Iterable[str], platform: str) -> frozenset[str]:
    """Those of the columns that stand in the query as names. In SPL names may be quoted as text is."""
    text = {"kql": _STRING.sub(" ", query), "sql": re.sub(r"'(?:''|[^'])*'", " ", query)}.get(platform, query)
    names = {name.lower() for name in re.findall(r"[A-Za-z_]\w*", text)}
    return frozenset(column.lower() for column in columns if column.lower() in names)


def literals_of(query: str, platform: str) -> set[str]:
    """What the query compares columns with, in lower case: no times, and in KQL nothing but texts, numbers, true and
    false."""
    found = (one.literal for one in comparisons(query) if not is_time(one.literal) and _is_value(one, query, platform))
    return {plain for literal in found if (plain := _plain(literal))}


def _is_value(one: Comparison, query: str, platform: str) -> bool:
    if platform != "kql" or query[one.start - 1] in "\"'":
        return True
    return one.literal.lower() in ("true", "false") or bool(_NUMBER.fullmatch(one.literal))


def _plain(literal: str) -> str:
    return literal.strip("%*").replace("\\\\", "\\").lower()


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return round(len(one & other) / len(one | other), 3) if one | other else 1.0


async def _gold_rows(item: Item, gold: str, bench: Bench) -> Rows | None:
    try:
        return await bench.execute(item, gold)
    except LexiQueryError:
        return None


def _passed(proof: Proof, name: str) -> bool | None:
    """A check that was skipped since an earlier one failed did not pass; one that could not be made is not known."""
    status = next((check.status for check in proof.checks if check.name == name), "skipped")
    rejected = proof.verdict == "rejected"
    return status == "passed" if status != "skipped" or rejected else None


def _sum(counts: Iterable[int | None]) -> int | None:
    """None as soon as one is unknown, and where there is nothing to sum."""
    known = list(counts)
    return sum(count for count in known if count is not None) if known and None not in known else None
