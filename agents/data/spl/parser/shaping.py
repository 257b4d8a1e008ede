"""Commands that change fields or choose rows."""

from __future__ import annotations

import re

from agents.data.names import nearest_name
from agents.data.spl.ast import (
    Bin,
    Command,
    Convert,
    Dedup,
    Eval,
    FieldRef,
    Fields,
    Head,
    Rename,
    Replace,
    Sort,
    SortKey,
    Top,
    Where,
)
from agents.data.spl.functions import CONVERSIONS
from agents.data.spl.parser.cursor import Cursor
from agents.data.spl.parser.expressions import parse_expression
from agents.data.spl.parser.options import read_options

_COUNT = re.compile(r"\d+(?![\w.])")
_CAST = re.compile(r"(auto|str|num|ip|desc|asc)\s*\(", re.IGNORECASE)
_TARGET = re.compile(r"(?:<<\w+>>|[^\s,|()\[\]\"'=<>!`])+(?=\s*=)")
_CONVERSION = re.compile(r"(\w+)\s*\(")
_LAST_WORD = re.compile(r"(?:d|desc|a|asc)(?=\s*(?:$|\||\]))", re.IGNORECASE)


def none(c: Cursor, command: Command) -> Command:
    return command


def where(c: Cursor, command: Command) -> Command:
    if c.at_end():
        c.fail("where needs a condition", code="empty_clause")
    return Where(name=command.name, at=command.at, expression=parse_expression(c))


def evaluate(c: Cursor, command: Command) -> Command:
    assignments = []
    while True:
        target = _target(c)
        c.expect("=", f"after the field '{target.name}'")
        assignments.append((target, parse_expression(c)))
        if not c.eat(","):
            break
    return Eval(name=command.name, at=command.at, assignments=assignments)


def _target(c: Cursor) -> FieldRef:
    at = c.space()
    if match := c.match(_TARGET):
        return FieldRef(match.group(), at)
    return c.field("the field to set")


def rename(c: Cursor, command: Command) -> Command:
    pairs = []
    while not c.at_end():
        old = c.field()
        if not c.eat_word("as"):
            c.fail(f"expected AS after '{old.name}', found {c.found()}", suggestion=f"rename {old.name} AS new_name")
        pairs.append((old, c.field("the new name")))
        c.eat(",")
    if not pairs:
        c.fail("rename needs `old AS new`", code="empty_clause")
    return Rename(name=command.name, at=command.at, pairs=pairs)


def fields(c: Cursor, command: Command) -> Command:
    """fields, table, fillnull, mvexpand, tags ...: options and a list of fields."""
    remove = command.name == "fields" and c.eat("-")
    if not remove and command.name == "fields":
        c.eat("+")
    if command.name in ("fields", "table", "mvexpand", "nomv", "mvcombine"):
        found = c.some_fields(f"after '{command.name}'")
    else:
        found = c.fields()
    read_trailing(c, command, found)
    return Fields(name=command.name, at=command.at, options=command.options, fields=found, remove=remove)


def read_trailing(c: Cursor, command: Command, found: list[FieldRef]) -> None:
    """Options written after the fields: the last "field" read was an option's name if `=` follows."""
    while c.peek() == "=" and found:
        c.pos = found.pop().at
        name = c.pos
        read_options(c, command)
        if c.pos == name:
            c.fail(f"{c.found()} is no option of '{command.name}'", code="unknown_option")
        found.extend(c.fields())


def top(c: Cursor, command: Command) -> Command:
    count = c.match(_COUNT)
    read_options(c, command)
    found = c.fields("by")
    read_trailing(c, command, found)
    if not found:
        c.fail(f"{command.name} needs at least one field", code="empty_clause")
    by: list[FieldRef] = []
    if c.eat_word("by"):
        by = c.some_fields("after BY")
        read_trailing(c, command, by)
    limit = c.number(count.group() if count else command.option("limit", "10"), command.at)
    return Top(name=command.name, at=command.at, options=command.options, limit=limit, fields=found, by=by)


def sort(c: Cursor, command: Command) -> Command:
    count = c.match(_COUNT)
    read_options(c, command)
    limit = c.number(count.group() if count else command.option("limit", "10000"), command.at)
    keys = _sort_keys(c)
    if not keys:
        c.fail("sort needs at least one field", code="empty_clause")
    if len(keys) and (match := c.match(_LAST_WORD)) and match.group().lower().startswith("d"):
        keys = [SortKey(key.field, not key.descending, key.cast) for key in keys]
    return Sort(name=command.name, at=command.at, limit=limit, keys=keys)


def _sort_keys(c: Cursor) -> list[SortKey]:
    keys: list[SortKey] = []
    while not c.at_end():
        if keys and _LAST_WORD.match(c.text, c.space()):
            break
        descending = c.eat("-")
        if not descending:
            c.eat("+")
        cast = c.match(_CAST)
        field = c.field("a field to sort by")
        if cast:
            c.expect(")", f"to close {cast.group(1)}(")
        keys.append(SortKey(field, descending, cast.group(1).lower() if cast else "auto"))
        c.eat(",")
    return keys


def dedup(c: Cursor, command: Command) -> Command:
    count = c.match(_COUNT)
    read_options(c, command)
    found = c.fields("sortby")
    read_trailing(c, command, found)
    if not found:
        c.fail("dedup needs at least one field", code="empty_clause")
    keys = _sort_keys(c) if c.eat_word("sortby") else []
    number = c.number(count.group(), command.at) if count else 1
    return Dedup(name=command.name, at=command.at, options=command.options, count=number, fields=found, keys=keys)


def head(c: Cursor, command: Command) -> Command:
    condition = None
    count = c.match(_COUNT)
    if not count and not c.at_end():
        condition = parse_expression(c)
    read_options(c, command)
    number = c.number(count.group() if count else command.option("limit", "10"), command.at)
    return Head(name=command.name, at=command.at, options=command.options, count=number, condition=condition)


def binning(c: Cursor, command: Command) -> Command:
    field: FieldRef | None = None
    alias: FieldRef | None = None
    while not c.at_end():
        read_options(c, command)
        if c.at_end():
            break
        if field is not None and c.eat_word("as"):
            alias = c.field("a name after AS")
        elif field is None:
            field = c.field()
        else:
            return c.fail(f"{command.name} takes one field, found {c.found()}")
    if field is None:
        return c.fail(f"{command.name} needs a field, such as _time", code="empty_clause")
    return Bin(name=command.name, at=command.at, options=command.options, field=field, alias=alias)


def make_multivalue(c: Cursor, command: Command) -> Command:
    field = c.field("the field to split")
    read_options(c, command)
    return Fields(name=command.name, at=command.at, options=command.options, fields=[field])


def convert(c: Cursor, command: Command) -> Command:
    found = []
    while not c.at_end():
        at = c.space()
        match = c.match(_CONVERSION)
        if not match:
            c.fail(f"expected a conversion such as ctime(field), found {c.found()}")
        function = match.group(1).lower()
        if function not in CONVERSIONS:
            c.pos = at
            c.fail(
                f"unknown conversion '{function}'",
                code="unknown_function",
                suggestion=nearest_name(function, CONVERSIONS),
            )
        field = c.field()
        c.expect(")", f"to close {function}(")
        alias = c.field("a name after AS") if c.eat_word("as") else field
        found.append((function, field, alias))
        c.eat(",")
        read_options(c, command)
    if not found:
        c.fail("convert needs a conversion such as ctime(field)", code="empty_clause")
    return Convert(name=command.name, at=command.at, options=command.options, conversions=found)


def replace(c: Cursor, command: Command) -> Command:
    pairs = []
    while not c.at_end() and c.word() != "in":
        old = c.value()
        if not c.eat_word("with"):
            c.fail(f"expected WITH after '{old.text}', found {c.found()}")
        pairs.append((old, c.value()))
        c.eat(",")
    if not pairs:
        c.fail("replace needs `old WITH new`", code="empty_clause")
    found = c.some_fields("after IN") if c.eat_word("in") else []
    return Replace(name=command.name, at=command.at, pairs=pairs, fields=found)
