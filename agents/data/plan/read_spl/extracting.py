"""Commands that take values out of text."""

from __future__ import annotations

from agents.data.plan.model import Call, Cast, Column, Constant, Expand, Expr, Filter, Match, Named, Unsayable
from agents.data.plan.nulls import negated
from agents.data.plan.read_spl.expressions import Eval, call
from agents.data.plan.read_spl.functions import path
from agents.data.plan.read_spl.shaping import extended
from agents.data.plan.read_spl.state import Rows
from agents.data.spl.ast import Convert, Fields, Rex
from agents.data.spl.transpile.patterns import patterns_by_group, without_names


def rex(rows: Rows, command: Rex) -> Rows:
    """A field for each named group; one that did not match keeps what it had."""
    if command.options.keys() - {"field"}:
        raise Unsayable("rex with options", "a plan")
    source = Eval(rows).text(rows.column(command.field.name))
    columns = []
    for name, pattern in patterns_by_group(command.pattern.text).items():
        group = Constant(type="int", value=1)
        found: Expr = call("regex_extract", source, _text(pattern), group)
        value = call("null_if", found, _text(""))
        columns.append(Named(name=name, value=_or_before(rows, name, value)))
    return extended(rows, *columns)


def _or_before(rows: Rows, name: str, value: Call) -> Expr:
    return call("coalesce", value, Eval(rows).text(Column(name=name))) if name in rows.columns else value


def _text(text: str) -> Constant:
    return Constant(type="string", value=text)


def regex(rows: Rows, command: Rex) -> Rows:
    pattern = without_names(command.pattern.text)
    ignore_case = pattern.startswith("(?i)")
    operand = Eval(rows).text(rows.column(command.field.name))
    found = Match(op="regex", operand=operand, pattern=_text(pattern.removeprefix("(?i)")), ignore_case=ignore_case)
    return rows.then(Filter(condition=negated(found, rows.present) if command.negated else found))


def spath(rows: Rows, command: Fields) -> Rows:
    where = command.option("path")
    if not where:
        raise Unsayable("spath without a path", "a plan")
    source = Eval(rows).text(rows.column(command.option("input", "_raw")))
    return extended(rows, Named(name=command.option("output", where), value=path(source, where)))


def make_multivalue(rows: Rows, command: Fields) -> Rows:
    name = command.fields[0].name
    if command.options.keys() - {"delim"}:
        raise Unsayable("makemv with tokenizer, allowempty or setsv", "a plan")
    text = Eval(rows).text(rows.column(name))
    return extended(rows, Named(name=name, value=call("split", text, _text(command.option("delim", " ")))))


def expand(rows: Rows, command: Fields) -> Rows:
    """mvexpand: a row without the field stays."""
    name = command.fields[0].name
    if command.options or rows.columns.get(name) != "dynamic":
        raise Unsayable("mvexpand of a field with one value, or with a limit", "a plan")
    found = rows.without(name).then(Expand(name=name, value=Column(name=name), keep_empty=True))
    return extended(found, Named(name=name, value=Cast(operand=Column(name=name), to="string")))


def convert(rows: Rows, command: Convert) -> Rows:
    columns = []
    for function, source, target in command.conversions:
        column = rows.column(source.name)
        if function == "ctime" and not command.options:
            value: Expr = call("format_time", Eval(rows).time(column), _text("%m/%d/%Y %H:%M:%S"))
        elif function in ("num", "auto", "none"):
            value = Eval(rows).number(column) if function == "num" else column
        else:
            raise Unsayable(f"convert {function}()", "a plan")
        columns.append(Named(name=target.name, value=value))
    return extended(rows, *columns)
