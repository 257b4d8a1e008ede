"""Why a table was linked, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agents.data.entities import column_kinds
from agents.data.signals import Heard
from shared.catalog import Table

_IN_WORDS = {
    "meaning": "its columns and description are near the question",
    "words": "it shares words with the question",
    "value_words": "values of its columns share words with the question",
    "description": "its description shares words with the question",
    "name": "the question says words of its name",
    "name_run": "the question says its name",
    "examples": "similar solved questions read it",
    "example_words": "solved questions of these words read it",
    "knowledge": "a runbook names it",
}
_MOST = 4
_WORTH_TELLING = 0.3  # of the logistic's argument


def why(
    table: Table,
    own: Mapping[str, float],
    every: Sequence[Mapping[str, float]],
    weights: Mapping[str, float],
    heard: Heard,
) -> str:
    """What of the question the table knows, then the signals that lift it above the group's average, the strongest
    first. every: the signals of all tables of the group."""
    found = [mention.in_words(table.name) for mention in heard.mentions if table.name in mention.tables][:2]
    found += _named(table, heard)
    found += _held(table, heard)
    lift = {name: weights[name] * (value - _elsewhere(name, every)) for name, value in own.items() if name in _IN_WORDS}
    strongest = sorted(lift, key=lambda name: -lift[name])
    found += [_IN_WORDS[name] for name in strongest if lift[name] > _WORTH_TELLING][:2]
    return "; ".join(found[:_MOST])


def _elsewhere(name: str, every: Sequence[Mapping[str, float]]) -> float:
    return sum(one[name] for one in every) / len(every) if len(every) > 1 else 0.0


def _named(table: Table, heard: Heard) -> Iterator[str]:
    names = dict.fromkeys(column for one in heard.columns for owner, column in one.columns if owner == table.name)
    if names:
        yield f"it has {' and '.join(list(names)[:2])}"


def _held(table: Table, heard: Heard) -> Iterator[str]:
    for entity in heard.entities:
        columns = [column.name for column in table.columns if entity.kind in column_kinds(column)]
        if columns and entity.kind not in ("text", "number"):
            yield f"'{entity.text}' may be in {columns[0]}"
            return
