"""Commands that hold other searches."""

from __future__ import annotations

import re

from agents.data.spl.ast import Combine, Command, FieldRef, Generic, Value
from agents.data.spl.parser.cursor import Cursor
from agents.data.spl.parser.options import read_options
from agents.data.spl.parser.shaping import read_trailing

_ALIASED = re.compile(r"where\s+[\w.\"' =,]+(?=\[)", re.IGNORECASE)
_DATASET = re.compile(r"[\w:.\-]+")


def subsearch(c: Cursor, command: Command) -> Command:
    """append, appendcols, appendpipe: options on either side of one subsearch."""
    found = c.subsearch()
    read_options(c, command)
    return Combine(name=command.name, at=command.at, options=command.options, fields=[], subsearches=[found])


def join(c: Cursor, command: Command) -> Command:
    if {"left", "right"} & command.options.keys():
        c.match(_ALIASED)
        fields: list[FieldRef] = []
    else:
        fields = c.fields()
        read_trailing(c, command, fields)
    return Combine(name="join", at=command.at, options=command.options, fields=fields, subsearches=[c.subsearch()])


def subsearches(c: Cursor, command: Command) -> Command:
    """multisearch and union: several subsearches; union also takes datasets by name."""
    node = Combine(name=command.name, at=command.at, options=command.options, fields=[], subsearches=[])
    while not c.at_end():
        at = c.space()
        if c.peek() == "[":
            node.subsearches.append(c.subsearch())
        elif command.name == "union" and (match := c.match(_DATASET)):
            node.fields.append(FieldRef(match.group(), at))
        else:
            c.fail(f"expected a subsearch in [ ], found {c.found()}")
        c.eat(",")
    if not node.subsearches and not node.fields:
        c.fail(f"{command.name} needs subsearches in [ ]", code="empty_clause")
    return node


def foreach(c: Cursor, command: Command) -> Command:
    """Fields with wildcards, or mode=..., then a template in [ ] whose `<<FIELD>>` is each of them."""
    read_options(c, command)
    fields = c.fields()
    read_trailing(c, command, fields)
    return Combine(name="foreach", at=command.at, options=command.options, fields=fields, subsearches=[c.subsearch()])


def map_search(c: Cursor, command: Command) -> Command:
    node = Generic(name="map", at=command.at, options=command.options)
    while not c.at_end():
        if c.peek() == "[":
            node.subsearches.append(c.subsearch())
            continue
        named = c.option_name()
        if named is None:
            node.words.append(c.value())
        else:
            node.options[named[0]] = Value(c.value().text, True, named[1])
    return node
