"""Commands that extract from events or read lookups, and those known by their words only."""

from __future__ import annotations

import re

from agents.data.spl.ast import (
    Command,
    Expression,
    FieldRef,
    Fields,
    From,
    Generic,
    InputLookup,
    Lookup,
    Rex,
    SearchExpression,
    Term,
    Transaction,
    Value,
)
from agents.data.spl.catalogue import COMMANDS
from agents.data.spl.parser.cursor import Cursor
from agents.data.spl.parser.expressions import parse_expression
from agents.data.spl.parser.options import read_options
from agents.data.spl.parser.searching import parse_search
from agents.data.spl.parser.shaping import read_trailing

_ANY_WORD = re.compile(r'(?:\\\S|[^\s|()\[\]",`\\]|\\)+')
_NOT_EQUAL = re.compile(r"!=")
_KINDS = {"inputlookup": "lookup"}
NAMED_GROUP = re.compile(r"\(\?P?<([A-Za-z_][\w.\-]*)>")


def rex(c: Cursor, command: Command) -> Command:
    pattern: Value | None = None
    while not c.at_end():
        read_options(c, command)
        if c.at_end():
            break
        if pattern is not None:
            c.fail(f"rex takes one pattern, found {c.found()}")
        pattern = c.string("rex's regular expression")
    if pattern is None:
        return c.fail("rex needs a regular expression in double quotes", code="empty_clause")
    if command.option("mode") != "sed" and not NAMED_GROUP.search(pattern.text):
        c.pos = pattern.at
        c.fail("rex extracts nothing without a named group", suggestion="write (?<name>...)")
    source = command.options.get("field", Value("_raw", False, command.at))
    field = FieldRef(source.text, source.at)
    return Rex(name="rex", at=command.at, options=command.options, field=field, pattern=pattern)


def regex(c: Cursor, command: Command) -> Command:
    field, negated = FieldRef("_raw", command.at), False
    if c.peek() != '"' or re.match(r'"[^"]*"\s*!?=', c.text[c.pos :]):
        field = c.field()
        negated = c.match(_NOT_EQUAL) is not None
        if not negated:
            c.expect("=", f"after the field '{field.name}'")
    pattern = c.value()
    return Rex(name="regex", at=command.at, field=field, pattern=pattern, negated=negated)


def spath(c: Cursor, command: Command) -> Command:
    found = c.fields()
    read_trailing(c, command, found)
    if found and "path" not in command.options:
        command.options["path"] = Value(found[0].name, True, found[0].at)
    return Fields(name="spath", at=command.at, options=command.options, fields=found)


def lookup(c: Cursor, command: Command) -> Command:
    table = c.field("the lookup's name")
    pairs = _pairs(c, "output", "outputnew")
    if not pairs:
        c.fail("lookup needs the field to match on", code="empty_clause")
    overwrite = c.word() != "outputnew"
    outputs = []
    if c.eat_word("output", "outputnew"):
        outputs = _pairs(c)
        if not outputs:
            c.fail("expected fields after OUTPUT", code="empty_clause")
    return Lookup(
        name="lookup",
        at=command.at,
        options=command.options,
        table=table,
        pairs=pairs,
        outputs=outputs,
        overwrite=overwrite,
    )


def _pairs(c: Cursor, *stops: str) -> list[tuple[FieldRef, FieldRef]]:
    pairs = []
    while not c.at_end() and c.word() not in stops:
        left = c.field()
        pairs.append((left, c.field("a name after AS") if c.eat_word("as") else left))
        c.eat(",")
    return pairs


def input_lookup(c: Cursor, command: Command) -> Command:
    table = c.field("the lookup's name")
    read_options(c, command)
    condition = None
    if c.eat_word("where"):
        condition = parse_search(c)
        if condition is None:
            c.fail("nothing after WHERE", code="empty_clause")
    return InputLookup(name=command.name, at=command.at, options=command.options, table=table, where=condition)


def from_source(c: Cursor, command: Command) -> Command:
    """`from KIND:NAME` or `from KIND NAME`, either in quotes or not."""
    written = c.value()
    kind, colon, name = written.text.partition(":")
    source = FieldRef(name, written.at)
    if not colon or not name:
        if c.at_end():
            c.fail("from needs a kind and a name: datamodel:NAME or lookup:NAME", code="empty_clause")
        source = c.field()
    return From(name="from", at=command.at, kind=_KINDS.get(kind.lower(), kind.lower()), source=source)


def data_model(c: Cursor, command: Command) -> Command:
    """`datamodel MODEL DATASET search`: its events; with fewer words it shows the models' own definitions."""
    words = c.fields()
    read_trailing(c, command, words)
    mode = words[2].name.lower() if len(words) > 2 else ""
    if mode not in ("search", "flat", "acceleration_search"):
        return Generic(name="datamodel", at=command.at, options=command.options)
    source = FieldRef(f"{words[0].name}.{words[1].name}", words[0].at)
    return From(name="datamodel", at=command.at, kind="datamodel", source=source, prefixed=mode != "flat")


def transaction(c: Cursor, command: Command) -> Command:
    node = Transaction(name=command.name, at=command.at, options=command.options, fields=[])
    while not c.at_end():
        before = c.pos
        named = c.option_name()
        if named and named[0] in ("startswith", "endswith"):
            if named[0] == "startswith":
                node.starts = _boundary(c)
            else:
                node.ends = _boundary(c)
            continue
        c.pos = before
        if named:
            read_options(c, node)
        else:
            node.fields.append(c.field())
            c.eat(",")
    return node


def _boundary(c: Cursor) -> Expression | SearchExpression:
    """`"text"`, `eval(expression)`, or `(search expression)`."""
    if c.eat_word("eval"):
        c.expect("(", "after eval")
        inner = parse_expression(c)
        c.expect(")", "to close eval(")
        return inner
    if c.eat("("):
        condition = parse_search(c)
        c.expect(")", "to close the condition")
        if condition is None:
            c.fail("nothing between these brackets", code="empty_clause")
        return condition
    value = c.value()
    return Term(value.text, value.quoted, value.at)


def words(c: Cursor, command: Command) -> Command:
    """Any balanced text: options into `options`, the rest into `words`."""
    node = Generic(name=command.name, at=command.at, options=command.options)
    closing: list[str] = []
    known = COMMANDS[command.name].options if command.name in COMMANDS else frozenset()
    while c.peek() not in ("", "|") and not (c.peek() == "]" and "]" not in closing):
        before = c.pos
        named = c.option_name()
        if named and named[0] in known:
            node.options[named[0]] = c.value()
        else:
            c.pos = before
            _balanced_word(c, node, closing)
    if closing:
        c.fail(f"expected '{closing[-1]}', found {c.found()}", code="unclosed_bracket")
    return node


def _balanced_word(c: Cursor, node: Generic, closing: list[str]) -> None:
    at = c.space()
    if c.peek() == "[":
        node.subsearches.append(c.subsearch())
    elif c.eat("("):
        closing.append(")")
    elif c.peek() == ")":
        if not closing:
            c.fail("')' closes nothing", code="unclosed_bracket")
        c.eat(closing.pop())
    elif c.eat(","):
        pass
    elif match := c.match(_ANY_WORD):
        node.words.append(Value(match.group(), False, at))
    else:
        node.words.append(c.value())
