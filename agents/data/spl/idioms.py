"""What a search says in the ways of other languages, said in SPL: by its text (borrowed.py) or, where it parses, by
its tree."""

from __future__ import annotations

from collections.abc import Iterator

from agents.data.names import nearest_name
from agents.data.spl.ast import Aggregate, Binary, Call, Expression, FieldRef, Name, Pipeline, Search
from agents.data.spl.borrowed import Change, applied, borrowed, changed, has_macro
from agents.data.spl.check import Parsed
from agents.data.spl.sources import commands, index_values, indexes, matching_indexes, tables_read, walk
from agents.data.spl.transpile.types import column_type
from shared.catalog import Catalog, Column
from shared.models import Proof

_MANY = 12
_EVENT_FIELDS = frozenset(("_time", "_raw", "host", "source", "sourcetype", "index"))
_ANY_INDEX = frozenset(("main", "index", "default", "events", "logs", "name", "index_name", "your_index", "splunk"))
_COMPARES = frozenset(("=", "!="))
_FOLDS = {"lower": str.lower, "upper": str.upper}
# Their result depends on each event's own time.
_OF_TIME = frozenset(("earliest", "latest", "earliest_time", "latest_time", "rate", "rate_avg", "rate_sum"))


def idioms(query: str, proof: Proof, parsed: Parsed, catalog: Catalog) -> tuple[str, list[str]]:
    """The search as SPL says it, and each change in words; the same search and no notes where nothing is sure.

    proof, parsed: of the query."""
    rejected = proof.verdict == "rejected"
    columns = {column.name for table in catalog.tables for column in table.columns}
    if changes := list(borrowed(query, columns, rejected=rejected)):
        return applied(query, changes)
    # Places in a tree are places in the query only where no macro was expanded.
    if parsed.pipeline is None or len(parsed.source.text) != len(query) or has_macro(query):
        return query, []
    changes = list(_by_span(query, parsed.pipeline))
    if rejected and not changes:
        changes = [*_texts(query, proof, parsed.pipeline, catalog), *_index(query, proof, parsed, catalog)]
    return applied(query, changes)


def _by_span(query: str, pipeline: Pipeline) -> Iterator[Change]:
    """`stats count by _time span=1d` groups by the raw times: `bin _time span=1d` before it is meant. Left alone
    where stats asks more of the times than their buckets."""
    for command in commands(pipeline):
        if not isinstance(command, Aggregate) or command.name != "stats" or set(command.spans) != {"_time"}:
            continue
        if any(one.macro or one.function in _OF_TIME or "_time" in one.text for one in command.aggregations):
            continue
        value = command.spans["_time"]
        option = query.rfind("span", command.at, value.at)
        before = query[:option].rstrip()
        if value.quoted or option < 0 or not before:
            continue
        first = query.rfind("|", 0, command.at)
        if first < 0 or query[first + 1 : command.at].strip():
            continue
        new = f"bin _time span={value.text} | {query[command.at : len(before)]}"
        yield changed(query, command.at, value.at + len(value.text), new)


def _texts(query: str, proof: Proof, pipeline: Pipeline, catalog: Catalog) -> Iterator[Change]:
    """`where x='y'` and `where x=y` compare two fields in SPL: a text, where no field is called y. In the quotes of
    fields also none of a like name."""
    # Each unknown field, with the field that it is near to.
    unknown = {
        one.message.removeprefix("unknown field '").partition("'")[0]: one.suggestion
        for one in proof.problems
        if one.code == "unknown_field" and one.message.startswith("unknown field '")
    }
    if not unknown:
        return
    known = {column.name: column for table in tables_read(pipeline, catalog) for column in table.columns}
    for node in walk(pipeline):
        for left, fold, right in _compared(node):
            column = known.get(left.name)
            if right.name not in unknown or column is None or column_type(column.type) != "VARCHAR":
                continue
            if query.startswith("'", left.at):
                continue
            if query.startswith(f"'{right.name}'", right.at) and not unknown[right.name]:
                text, end = right.name, right.at + len(right.name) + 2
            elif (value := _value_of(right, column)) and query.startswith(right.name, right.at):
                text, end = value, right.at + len(right.name)
            else:
                continue
            if not set(text) & {'"', "\\"}:
                yield changed(query, right.at, end, f'"{_FOLDS[fold](text) if fold else text}"')


def _value_of(name: Name, column: Column) -> str | None:
    """The value of the column that the word spells; None where none or several do."""
    alike = [value for value in column.values if value.lower() == name.name.lower()]
    return name.name if name.name in alike else alike[0] if len(alike) == 1 else None


def _compared(node: object) -> Iterator[tuple[Name, str | None, Name]]:
    """A field, the function of case that is called on it, and each name that it is compared with."""
    if isinstance(node, Binary) and node.op in _COMPARES:
        found: list[Expression] = [node.left, node.right]
    elif isinstance(node, Call) and node.name == "in":
        found = node.args
    else:
        return
    left, fold = (found[0] if found else None), None
    if isinstance(left, Call) and left.name in _FOLDS and len(left.args) == 1:
        fold, left = left.name, left.args[0]
    if isinstance(left, Name):
        yield from ((left, fold, right) for right in found[1:] if isinstance(right, Name))


def _index(query: str, proof: Proof, parsed: Parsed, catalog: Catalog) -> Iterator[Change]:
    """An index that the group has not, and none of a like name: the one index in which all else that the search names
    is found."""
    names = [table.name for table in indexes(catalog)]
    bases = [one for one in commands(parsed.pipeline) if isinstance(one, Search)] if parsed.pipeline else []
    wrong = [
        value for one in bases for value in index_values(one.expression) if not matching_indexes(value.text, catalog)
    ]
    if len(wrong) != 1 or wrong[0].quoted or "*" in wrong[0].text or not 0 < len(names) <= _MANY:
        return
    (value,) = wrong
    found = [one.code for check in proof.checks if check.name == "bind" for one in check.problems]
    others = [code for code in found if code != "unknown_index"]
    if others or nearest_name(value.text, names) or not query.startswith(value.text, value.at):
        return
    end = value.at + len(value.text)
    fitting = [name for name in names if _fits(f"{query[: value.at]}{name}{query[end:]}", parsed, catalog)]
    if len(fitting) != 1:
        return
    own = {column.name for table in indexes(catalog) if table.name == fitting[0] for column in table.columns}
    is_any = len(names) == 1 and value.text.lower() in {*_ANY_INDEX, catalog.schema_group.lower()}
    if is_any or _used(parsed) & own - _EVENT_FIELDS:
        yield changed(query, value.at, end, fitting[0])


def _fits(query: str, parsed: Parsed, catalog: Catalog) -> bool:
    other = Parsed(query, parsed.macros)
    return other.pipeline is not None and other.bind(catalog).status == "passed"


def _used(parsed: Parsed) -> set[str]:
    """The fields that a search names."""
    found: set[str] = set()
    for node in walk(parsed.pipeline):
        if isinstance(node, FieldRef | Name):
            found.add(node.name)
    return found
