"""What the translations of commands share: compilers over a relation, subsearches, fields that must exist."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from agents.data.platform import NotExecutable
from agents.data.spl.ast import FieldRef, SearchExpression
from agents.data.spl.binder.scope import wildcard
from agents.data.spl.parser.cursor import Cursor
from agents.data.spl.parser.searching import parse_search
from agents.data.spl.source import SplError
from agents.data.spl.transpile.expressions import Compiler
from agents.data.spl.transpile.relation import Relation, Translation
from agents.data.spl.transpile.searching import Condition
from agents.data.spl.transpile.values import Kind, Sql, as_num, quote


def compiler(t: Translation, relation: Relation) -> Compiler:
    return Compiler(relation, t.now, lambda text: condition(t, relation, _parsed(text)))


def _parsed(text: str) -> SearchExpression | None:
    try:
        return parse_search(Cursor(text, Cursor.no_subsearch))
    except SplError as error:
        raise NotExecutable(f"searchmatch's search can't be read: {error.message}") from error


def condition(t: Translation, relation: Relation, expression: SearchExpression | None) -> str:
    return Condition(relation, t.now, t.subsearch).compile(expression)


def field(relation: Relation, ref: FieldRef) -> Sql:
    """Raises NotExecutable for one that is not there."""
    found = relation.get(ref.name)
    if found is None:
        raise NotExecutable(f"there is no field '{ref.name}' here")
    return found


def needs_time(relation: Relation, command: str) -> None:
    if relation.columns.get("_time") != "time":
        raise NotExecutable(f"{command} needs events with _time")


def matching(relation: Relation, ref: FieldRef) -> list[str]:
    """The fields a name, maybe with `*`, stands for."""
    if "*" not in ref.name:
        return [ref.name]
    return [name for name in relation.columns if wildcard(name, ref.name)]


def ensured(t: Translation, relation: Relation, names: list[str]) -> Relation:
    """After a chart, fields that these rows did not make are there, as nulls."""
    missing = [name for name in names if name not in relation.columns]
    if not missing or not relation.open:
        return relation
    return t.with_columns(relation, {name: Sql("CAST(NULL AS DOUBLE)", "num") for name in missing})


def expanded(t: Translation, relation: Relation, keys: list[str]) -> Relation:
    """A multivalue key counts the event under each of its values."""
    for key in keys:
        if relation.columns.get(key) == "mv":
            columns: dict[str, Kind] = {**relation.columns, key: "str"}
            sql = f"SELECT * REPLACE (unnest({quote(key)}) AS {quote(key)}) FROM {relation.name}"
            relation = t.step(relation, sql, columns)
    return relation


def number_of(relation: Relation, name: str) -> str:
    found = relation.get(name)
    return as_num(found) if found else "NULL"


def settled(name: str, value: Sql) -> Sql:
    """Only `_time` is a time; anywhere else it is a number of seconds."""
    return Sql(as_num(value), "num") if value.kind == "time" and name != "_time" else value
