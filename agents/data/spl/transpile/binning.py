"""bin: `_time` into buckets of time, numbers into ranges."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from dataclasses import replace

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Bin, FieldRef, Value
from agents.data.spl.transpile.relation import Relation, Translation
from agents.data.spl.transpile.steps import field, settled
from agents.data.spl.transpile.times import Span, automatic_span, span
from agents.data.spl.transpile.values import Sql, as_num, is_number, number_text, whole


def bin_command(t: Translation, relation: Relation, command: Bin) -> Relation:
    if command.options.keys() & {"start", "end", "aligntime", "minspan"}:
        raise NotExecutable("bin is translated with span and bins")
    return binned(t, relation, command.field, command.alias, command.options)


def binned(
    t: Translation, relation: Relation, name: FieldRef, alias: FieldRef | None, options: dict[str, Value]
) -> Relation:
    """The field, or its alias, in buckets of options' span, or as many as bins says."""
    value = field(relation, name)
    target = alias.name if alias else name.name
    size = options["span"].text if "span" in options else ""
    bins = whole(options["bins"].text) if "bins" in options else 100
    if value.kind == "time":
        chosen = chosen_span(relation, size, bins)
        bucket = settled(target, Sql(chosen.bucket(value.text), "time"))
        return replace(t.with_columns(relation, {target: bucket}), span=chosen)
    return t.with_columns(relation, {target: _range(as_num(value), size)})


def chosen_span(relation: Relation, text: str, bins: int = 100) -> Span:
    """The span asked for, or the one Splunk would choose for the range of the data."""
    if text:
        return span(text)
    low = relation.low or f'(SELECT min("_time") FROM {relation.name})'
    high = relation.high or f'(SELECT max("_time") FROM {relation.name})'
    return automatic_span(low, high, bins)


def _range(number: str, size: str) -> Sql:
    """`200-300`, as Splunk names a range; with a span of time, the start of the slot of epoch seconds."""
    if not is_number(size) and size and (seconds := span(size).seconds):
        return Sql(f"(floor({number} / {seconds}) * {seconds})", "num")
    if not is_number(size) or float(size) <= 0:
        raise NotExecutable("bin of numbers is translated with a span")
    low = f"(floor({number} / {size}) * {size})"
    return Sql(f"({number_text(low)} || '-' || {number_text(f'({low} + {size})')})", "str")
