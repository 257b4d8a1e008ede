"""stats and its kin: `sum(bytes) as total, count(eval(status>=500)) by host span=1h`."""

from __future__ import annotations

import re

from agents.data.spl.ast import Aggregate, Aggregation, Command, Expression, FieldRef, SeriesChoice
from agents.data.spl.functions import NO_ARGUMENT, is_stats_function
from agents.data.spl.parser.cursor import Cursor
from agents.data.spl.parser.expressions import parse_expression
from agents.data.spl.parser.options import read_options
from agents.data.spl.parser.searching import parse_search

_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.\d+)?")
_ARGUMENT = re.compile(r"(?:[^\s,()|\[\]\"'=<>!`]|\\.)+")
_BRACKETED = re.compile(r"[\w.:{}\-]+\([^()\s|]*\)")
_ORDER = re.compile(r"[<>]")
_DATASET = ("tstats", "mstats")
_CHARTS = ("chart", "timechart", "sichart", "sitimechart")
_STOPS = ("by", "over", "from", "where", "groupby")


def aggregate(c: Cursor, command: Command) -> Command:
    node = Aggregate(name=command.name, at=command.at, options=command.options, aggregations=[])
    _aggregations(c, node)
    if node.name in _DATASET:
        _source(c, node)
    if c.eat_word("over"):
        node.over = c.field("a field after OVER")
        read_options(c, node)
    if c.eat_word("by") or (node.name in _DATASET and c.eat_word("groupby")):
        _by(c, node)
    if node.name in _CHARTS:
        node.series = _chart_where(c)
    read_options(c, node)
    return node


def _aggregations(c: Cursor, node: Aggregate) -> None:
    while not c.at_end() and c.word() not in _STOPS:
        if macro := c.macro():
            node.aggregations.append(Aggregation("", None, None, macro.at, macro.name, macro=True))
        else:
            node.aggregations.append(_aggregation(c))
        c.eat(",")
        read_options(c, node)
    if not node.aggregations:
        c.fail(f"'{node.name}' needs at least one function, such as count, found {c.found()}", code="empty_clause")


def _aggregation(c: Cursor) -> Aggregation:
    at = c.space()
    match = c.match(_FUNCTION)
    if not match:
        c.fail(f"expected a function such as count or sum(field), found {c.found()}")
    function = match.group().lower()
    argument: FieldRef | Expression | None = None
    if c.text[c.pos : c.pos + 1] == "(" or (c.peek() == "(" and is_stats_function(function)):
        c.expect("(", "after the function's name")
        argument = _argument(c, function)
        c.expect(")", f"to close {function}(")
    elif is_stats_function(function) and function not in NO_ARGUMENT and function != "sparkline":
        c.fail(f"'{function}' needs a field: {function}(field)", suggestion=f"{function}(field)")
    text = "".join(c.text[at : c.pos].split())
    alias = _alias(c) if c.eat_word("as") else None
    return Aggregation(function, argument, alias, at, text)


def _alias(c: Cursor) -> FieldRef:
    at = c.space()
    match = c.match(_BRACKETED)
    return FieldRef(match.group(), at) if match else c.field("a name after AS")


def _argument(c: Cursor, function: str) -> FieldRef | Expression | None:
    at = c.space()
    if c.peek() == ")":
        if function in NO_ARGUMENT:
            return None
        c.fail(f"'{function}' needs a field between its brackets", code="empty_clause")
    if function == "sparkline":
        return _sparkline(c)
    if c.word() == "eval" and c.text[c.pos + 4 :].lstrip().startswith("("):
        c.eat_word("eval")
        c.expect("(", "after eval")
        inner = parse_expression(c)
        c.expect(")", "to close eval(")
        return inner
    if function == "eval":
        return parse_expression(c)
    if c.peek() in "\"'":
        return c.field()
    match = c.match(_ARGUMENT)
    if not match:
        c.fail(f"expected a field for {function}, found {c.found()}")
    if c.peek() not in (")", ""):
        c.fail(f"{function} takes one field; calculate with {function}(eval(...)), found {c.found()}")
    return FieldRef(match.group(), at)


def _sparkline(c: Cursor) -> FieldRef | Expression | None:
    inner = _aggregation(c)
    if c.eat(","):
        c.value()
    argument = inner.argument
    return argument


def _source(c: Cursor, node: Aggregate) -> None:
    """tstats' `from datamodel=X where ...`, mstats' `where ...`."""
    if c.eat_word("from"):
        named = c.option_name()
        if not named and not c.eat_word("datamodel", "sid"):
            c.fail(f"expected datamodel=NAME after FROM, found {c.found()}")
        node.dataset = c.value()
        read_options(c, node)
    if c.eat_word("where"):
        node.where = parse_search(c, ("by", "groupby"))
        if node.where is None:
            c.fail("nothing after WHERE", code="empty_clause")


def _by(c: Cursor, node: Aggregate) -> None:
    while True:
        _by_options(c, node)
        if c.at_end() or (node.name in _CHARTS and node.by and c.word() == "where"):
            break
        if c.word() == "by" or c.peek() in "()[":
            c.fail(f"expected a field after BY, found {c.found()}")
        node.by.append(c.field())
        c.eat(",")
    if not node.by:
        c.fail(f"expected at least one field after BY, found {c.found()}", code="empty_clause")


def _by_options(c: Cursor, node: Aggregate) -> None:
    """`_time span=1h`: a span belongs to the field before it; after another field of mstats and tstats, to `_time`."""
    while True:
        before = c.pos
        named = c.option_name()
        if named is None:
            return
        if named[0] == "span" and node.by:
            name = "_time" if node.name in _DATASET else node.by[-1].name
            node.spans[name] = c.value()
            c.eat(",")
        else:
            c.pos = before
            read_options(c, node)


def _chart_where(c: Cursor) -> SeriesChoice | None:
    """`where sum in top10`, `where max>5`: which series become columns."""
    if not c.eat_word("where"):
        return None
    named = c.match(_FUNCTION)
    if not named or not is_stats_function(named.group()):
        c.fail(f"expected a function such as sum after WHERE, found {c.found()}")
    function = named.group().lower()
    word = c.word()
    if c.eat_word("in", "notin"):
        return SeriesChoice(function, word, c.value().text)
    found = c.match(_ORDER)
    if not found:
        c.fail(f"expected IN top5, or < or > and a number, found {c.found()}")
    return SeriesChoice(function, found.group(), c.value().text)
