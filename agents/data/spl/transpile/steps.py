"""What the translations of commands share: compilers over a relation, subsearches, fields that must exist."""

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
from agents.data.spl.transpile.values import Sql, as_num


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


def matching(relation: Relation, ref: FieldRef) -> list[str]:
    """The fields a name, maybe with `*`, stands for."""
    if "*" not in ref.name:
        return [ref.name]
    if relation.open:
        raise NotExecutable(f"which fields '{ref.name}' stands for depends on the data")
    return [name for name in relation.columns if wildcard(name, ref.name)]


def number_of(relation: Relation, name: str) -> str:
    found = relation.get(name)
    return as_num(found) if found else "NULL"


def settled(name: str, value: Sql) -> Sql:
    """Only `_time` is a time; anywhere else it is a number of seconds."""
    return Sql(as_num(value), "num") if value.kind == "time" and name != "_time" else value
