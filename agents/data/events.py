"""Words of a question that tell what happened: `opened`, of a table with opened_at, does not say that it is `open`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from agents.data.words import plain
from shared.catalog import Table

_WORD = re.compile(r"[^\W\d_]+")
_TIMES = ("timestamp", "datetime", "date")
_PARTICIPLE = "ed"


def events_of(tables: Iterable[Table]) -> frozenset[str]:
    """Participles in the names of the tables' columns of times, lowercase: `opened` of `opened_at`, `resolved` of
    `TimeResolved`."""
    return frozenset(
        word
        for table in tables
        for column in table.columns
        if column.type.lower().startswith(_TIMES)
        for word in plain(column.name).split()
        if word.endswith(_PARTICIPLE)
    )


def without_events(question: str, own: str, events: Collection[str]) -> str:
    """The question without the words that tell an event and that the term or value has in another form: `closed` says
    the value closed, and `opened` does not say `open`.

    own: the term or the value; events: of its tables.
    """
    told = {*events} - {*plain(own).split()}
    return _WORD.sub(lambda word: " " if word[0].lower() in told else word[0], question) if told else question
