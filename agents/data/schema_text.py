"""What a model gets to see of a catalog: few tables, few columns, compactly. Prompt tokens are the latency."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.data.columns import ColumnNames
from agents.data.linking import Linked
from agents.data.phrases import Mention
from agents.data.words import content_words
from shared.catalog import Column, Table

_COLUMNS = 40  # of a table; wider tables show what the question, the examples and the joins need
_DESCRIBED = 16  # of these, those most needed with type and values; the others by name
_EXPLAINED = 8  # of these, those most needed with a description; of a database all
_VALUES = 12  # of a column
_ROOM, _LITTLE_ROOM = 100, 40  # characters for the values of a column that the question speaks of, and of another
_DESCRIPTION = 90  # characters
_TABLES = 3
_SMALL = 80  # columns of a group's other tables that are all shown, by name
# Behind the best table, in log-odds of the score: so near that the model chooses, and so near that names may tell. Of
# NL2KQL's gold queries where the next table lies between the two, 70% read the first alone, 18% the next. The tables of
# a database are joined more often than logs are: there all that are not far are offered.
_NEAR_BEST, _NOT_FAR = 1.2, 2.5
_LEAST = 1e-12


def offered(linked: Linked) -> list[Table]:
    """The tables that a model gets to choose from: the best, those nearly as good, the one that a glossary term of the
    question is about, and what the nearest example joins. Few: of several a small model often picks the wrong one."""
    if not linked.links:
        return []
    chosen = _within(linked, _NOT_FAR if linked.is_database else _NEAR_BEST)[:_TABLES]
    terms = {table for one in linked.mentions if one.kind == "term" and len(one.tables) == 1 for table in one.tables}
    joined = {table for one in linked.examples[:1] if one.score > 0.7 for table in one.tables}
    for wanted in (terms, joined):
        chosen += [link.table for link in linked.links if link.table.name in wanted and link.table not in chosen]
    return chosen[: _TABLES + 1]


def may_be_meant(linked: Linked) -> list[Table]:
    """The tables that a query may be about though the model read another: those nearly as good as the best."""
    return _within(linked, _NOT_FAR)[: _TABLES + 1] if linked.links else []


def _within(linked: Linked, distance: float) -> list[Table]:
    least = _log_odds(linked.links[0].score) - distance
    return [link.table for link in linked.links if _log_odds(link.score) >= least]


def _log_odds(score: float) -> float:
    return math.log(max(score, _LEAST) / max(1 - score, _LEAST))


def schema_text(linked: Linked, tables: Sequence[Table], question: str, used: Collection[str] = ()) -> str:
    """The tables, one a block, a column a line; of a small group the others by their columns' names, for joins.

    used: identifiers of the examples shown; their columns are kept, and those that the question names.
    """
    catalog = linked.catalog
    said = set(content_words(question))
    named = {column for one in ColumnNames(catalog).mentions(question) for _, column in one.columns}
    joins = {end for one in linked.relationships for end in (one.from_, one.to)}
    explained = _DESCRIBED if linked.is_database else _EXPLAINED
    shown = [_without(table, linked.aside - {*used}) for table in tables]
    blocks = [_table_text(table, said, {*used, *named}, joins, linked.samples, explained) for table in shown]
    partners = _partners(linked, tables, said)
    names = [f"{table.name}: {', '.join(column.name for column in table.columns[:_COLUMNS])}" for table in partners]
    return "\n".join([*blocks, *names, *_join_lines(linked, [*tables, *partners])])


def _without(table: Table, aside: Collection[str]) -> Table:
    kept = [column for column in table.columns if column.name not in aside]
    return table.model_copy(update={"columns": kept}) if len(kept) < len(table.columns) else table


def mention_text(mentions: Iterable[Mention], tables: Sequence[Table]) -> str:
    """What words of the question mean in these tables: `failed sign-in: ResultType != 0`; may be empty."""
    names = {table.name for table in tables}
    lines = []
    for mention in mentions:
        if mention.kind == "term":
            lines.append(f"{mention.phrase}: {mention.text}")
        elif places := [f"{table}.{column}" for table, column in mention.places if table in names]:
            lines.append(f"'{mention.text}' is a value of {', '.join(places[:3])}")
    return "\n".join(dict.fromkeys(lines))


def _table_text(
    table: Table,
    said: set[str],
    used: Collection[str],
    joins: set[str],
    samples: Mapping[tuple[str, str], Sequence[str]],
    most_explained: int,
) -> str:
    head = f"{table.name} ({table.kind}): {_short(table.description)}" if table.kind != "table" else table.name
    if table.kind == "table" and table.description:
        head = f"{table.name}: {_short(table.description)}"
    values = {
        column.name: _values(column, samples.get((table.name, column.name), ()), said) for column in table.columns
    }
    need = {
        column.name: _need(column, table, said, used, joins) + 2 * values[column.name].are_said
        for column in table.columns
    }
    varied = [column.name for column in table.columns if list(column.values) != [table.name]]
    ranked = sorted(varied, key=lambda name: -need[name])[:_COLUMNS]
    explained, described = set(ranked[:most_explained]), set(ranked[:_DESCRIBED])
    lines = [
        f"  {_column_text(column, values[column.name].text, explained=column.name in explained)}"
        for column in table.columns
        if column.name in described
    ]
    also = ", ".join(column.name for column in table.columns if column.name in set(ranked) - described)
    return "\n".join([head, *lines, *([f"  also: {also}"] if also else [])])


def _need(column: Column, table: Table, said: set[str], used: Collection[str], joins: set[str]) -> float:
    """How likely a query needs the column: its words in the question, its use in examples, time, joins."""
    name, about = set(content_words(column.name)), set(content_words(column.description))
    score = 3 * len(name & said) / max(1, len(name)) + len(about & said) / max(3, len(about))
    score += 2.0 * (column.name in used) + 1.0 * (f"{table.name}.{column.name}" in joins)
    return score + 1.5 * column.type.lower().startswith(("datetime", "timestamp", "date"))


@dataclass(frozen=True)
class _Shown:
    """Values of a column as the model reads them. are_said: the question says a word of one."""

    text: str = ""
    are_said: bool = False


def _values(column: Column, sampled: Sequence[str], said: set[str]) -> _Shown:
    """Those that the question speaks of, then others as long as there is room; of many that occur in rows only those
    that it speaks of."""
    own = set(content_words(column.name))
    words = {value: set(content_words(value)) - own for value in column.values or sampled}
    near = [value for value, its in words.items() if its & said]
    near.sort(key=lambda value: -len(words[value] & said) / len(words[value]))
    others = [value for value in words if value not in near and len(value) <= _LITTLE_ROOM]
    others = others if column.values or len(words) <= _VALUES else []
    room = _ROOM if near else _LITTLE_ROOM
    shown: list[str] = []
    for value in [*near, *others][:_VALUES]:
        room -= len(value) + 2
        if shown and room < 0:
            break
        shown.append(value)
    if not shown:
        return _Shown()
    more = ", ..." if len(shown) < len(words) else ""
    return _Shown(f" [{', '.join(shown)}{more}]", bool(near))


def _column_text(column: Column, values: str, *, explained: bool) -> str:
    text = f"{column.name} {column.type}{values}"
    return f"{text} - {_short(column.description)}" if explained and column.description else text


def _partners(linked: Linked, tables: Sequence[Table], said: set[str]) -> list[Table]:
    """Tables shown by their columns' names alone: those that the best one can be joined with and that the question
    names; of a small group of related tables, all that lie between or next to those shown."""
    if not tables:
        return []
    ends = _ends(linked)
    others = [table for table in linked.catalog.tables if table not in tables]
    if sum(len(table.columns) for table in others) <= _SMALL:
        shown = {table.name for table in tables}
        near = {name for pair in ends if shown & set(pair) for name in pair}
        return [table for table in others if table.name in near]
    partners = {name for pair in ends if tables[0].name in pair for name in pair}
    return [table for table in others if table.name in partners and said & set(content_words(table.name))]


def _ends(linked: Linked) -> list[tuple[str, str]]:
    return [(one.from_.rpartition(".")[0], one.to.rpartition(".")[0]) for one in linked.relationships]


def _join_lines(linked: Linked, tables: Sequence[Table]) -> list[str]:
    names = {table.name for table in tables}
    return [
        f"join {one.from_} = {one.to}"
        for one, pair in zip(linked.relationships, _ends(linked), strict=True)
        if names.issuperset(pair)
    ]


def _short(text: str) -> str:
    """The first sentence, cut at a word."""
    sentence = text.split(". ")[0].strip().rstrip(".")
    return sentence if len(sentence) <= _DESCRIPTION else sentence[:_DESCRIPTION].rsplit(" ", 1)[0]
