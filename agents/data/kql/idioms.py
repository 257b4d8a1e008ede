"""What a query borrows from SQL, Splunk's SPL and Python, said in KQL: only what Kusto has no other reading of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agents.data.kql.idiom_calls import calls
from agents.data.kql.idiom_conditions import conditions
from agents.data.kql.idiom_steps import lost_pipes, steps
from agents.data.kql.idiom_times import times
from agents.data.kql.marks import Change, Reading, applied
from shared.catalog import Catalog
from shared.models import Proof

_SPAN = re.compile(r"\d+(?:\.\d+)?(?:d|h|m|s|ms)")
_ROUNDS = 3  # what one change makes plain, a later one may need


def mended(query: str, proof: Proof, catalog: Catalog) -> tuple[str, list[str]]:
    """The query in KQL's own words and a note of each change; the same query and no notes where nothing is sure.

    A query that parses and binds is only changed where it groups by a length of time that was meant for a bin.
    """
    status = {check.name: check.status for check in proof.checks}
    passes: list[Callable[[Reading], Iterator[Change]]] = [bins]
    if "failed" in (status.get("parse"), status.get("bind")):
        passes = [steps, conditions, times, calls, bins]
    if status.get("parse") == "failed":
        passes.insert(0, lost_pipes)
    notes: list[str] = []
    read = Reading(query, catalog)
    if read[0].lower in ("select", "with"):
        return query, []  # a statement of SQL, which no change of words makes KQL
    for _ in range(_ROUNDS):
        before = query
        for find in passes:
            query, told = applied(query, find(read))
            notes += told
            if told:
                read = Reading(query, catalog)
        if query == before:
            break
    return query, list(dict.fromkeys(notes))


def bins(read: Reading) -> Iterator[Change]:
    """`by TimeGenerated, 1d` and `by TimeGenerated(1d)`: the length of time is the step of a bin, no column."""
    for at, one in enumerate(read.pieces):
        if one.kind != "number" or not _SPAN.fullmatch(one.text) or read.operator(at) != "summarize":
            continue
        if read[at - 1].text == "(" and read[at + 1].text == ")" and _is_time(read, at - 2):
            called = (at - 2, at + 1) if _is_by(read, at - 2) else None
        else:
            called = _listed(read, at)
        if called:
            first, last = called
            name = read[at - 2].text if read[at - 1].text in ("(", ",") else read[at - 1].text
            name = read[first + 2].text if read[first].text == "bin" else name
            text = f"bin({name}, {one.text})"
            note = f"used '{text}' for '{' '.join(read.text(first, last).split())}'"
            yield Change([(read[first].start, read[last].end, text)], note)


def _listed(read: Reading, at: int) -> tuple[int, int] | None:
    """First and last token of `T, 1d`, `T 1d` and `bin(T), 1d` in a list of groups."""
    if not read.is_boundary(at + 1) or not read.is_flat(at):
        return None
    before = at - 2 if read[at - 1].text == "," else at - 1
    if read[before].text == ")" and read[before - 3].text == "bin" and _is_time(read, before - 1):
        return (before - 3, at) if _is_by(read, before - 3) else None
    return (before, at) if _is_time(read, before) and _is_by(read, before) else None


def _is_time(read: Reading, at: int) -> bool:
    return read[at].kind == "word" and read.types.get(read[at].text) == "datetime"


def _is_by(read: Reading, at: int) -> bool:
    """Whether a group of a `summarize` begins at the token: after `by`, or a comma after that."""
    if not read.is_flat(at) or read[at - 1].lower not in ("by", ","):
        return False
    return read.last_by(at) > read.step[at]
