"""Commands that take fields apart or put them together: rex, regex, spath, makemv, mvexpand, convert, replace."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

import re
from dataclasses import replace as changed

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Convert, FieldRef, Fields, Generic, Replace, Rex, Value
from agents.data.spl.transpile.documents import every_path
from agents.data.spl.transpile.json_functions import json_value
from agents.data.spl.transpile.patterns import patterns_by_group, regular_expression
from agents.data.spl.transpile.relation import ORDER, Relation, Translation
from agents.data.spl.transpile.steps import ensured, field, matching
from agents.data.spl.transpile.times import duckdb_format
from agents.data.spl.transpile.values import Kind, Sql, as_mv, as_num, as_str, as_time, convert, quote, string, whole

_SED = re.compile(r"s(.)((?:\\.|(?!\1).)*)\1((?:\\.|(?!\1).)*)\1(g|\d*)", re.DOTALL)
_TRANSLATE = re.compile(r"y(.)((?:\\.|(?!\1).)*)\1((?:\\.|(?!\1).)*)\1", re.DOTALL)
_CTIME = "%m/%d/%Y %H:%M:%S"


def rex(t: Translation, relation: Relation, command: Rex) -> Relation:
    source = field(relation, command.field)
    if command.option("mode") == "sed":
        return t.with_columns(relation, {command.field.name: Sql(_sed(as_str(source), command.pattern.text), "str")})
    if "offset_field" in command.options:
        raise NotExecutable("rex's offset_field is not translated")
    regular_expression(command.pattern.text)
    many = whole(command.option("max_match", "1"))
    changes = {}
    for name, pattern in patterns_by_group(command.pattern.text).items():
        old = relation.get(name)
        if many == 1:
            found = Sql(f"nullif(regexp_extract({as_str(source)}, {string(pattern)}, 1), '')", "str")
        else:
            every = f"regexp_extract_all({as_str(source)}, {string(pattern)}, 1)"
            kept = f"list_slice({every}, 1, {many})" if many else every
            found = Sql(f"(CASE WHEN len({every}) > 0 THEN {kept} END)", "mv")
        # A field that did not match keeps what it had.
        changes[name] = found if old is None else Sql(f"coalesce({found.text}, {convert(old, found.kind)})", found.kind)
    return t.with_columns(relation, changes)


def _sed(text: str, script: str) -> str:
    if match := _SED.fullmatch(script.strip()):
        _, pattern, new, flags = match.groups()
        if flags.isdigit():
            raise NotExecutable("sed's numbered replacement is not translated")
        options = ", 'g'" if flags == "g" else ""
        return f"regexp_replace({text}, {string(regular_expression(pattern))}, {string(new)}{options})"
    if match := _TRANSLATE.fullmatch(script.strip()):
        return f"translate({text}, {string(match.group(2))}, {string(match.group(3))})"
    raise NotExecutable("this sed script is not translated")


def regex(t: Translation, relation: Relation, command: Rex) -> Relation:
    """Events whose field matches; `!=` keeps those that do not, the ones without the field too."""
    text = as_str(field(relation, command.field))
    matches = f"coalesce(regexp_matches({text}, {string(regular_expression(command.pattern.text))}), false)"
    negation = "NOT " if command.negated else ""
    return t.step(relation, f"SELECT * FROM {relation.name} AS r WHERE {negation}{matches}")


def spath(t: Translation, relation: Relation, command: Fields) -> Relation:
    path = command.option("path")
    source = field(relation, FieldRef(command.option("input", "_raw"), command.at))
    if not path:
        return every_path(t, relation, source)
    return t.with_columns(relation, {command.option("output") or path: json_value(as_str(source), path)})


def make_multivalue(t: Translation, relation: Relation, command: Fields) -> Relation:
    name = command.fields[0].name
    text = as_str(field(relation, command.fields[0]))
    if "tokenizer" in command.options:
        pattern = regular_expression(command.option("tokenizer"))
        values = f"regexp_extract_all({text}, {string(pattern)}, 1)"
    else:
        values = f"string_split({text}, {string(command.option('delim', ' '))})"
        if not command.flag("allowempty"):
            values = f"list_filter({values}, lambda e: e <> '')"
    return t.with_columns(relation, {name: Sql(values, "mv")})


def expand(t: Translation, relation: Relation, command: Fields) -> Relation:
    """mvexpand: a row for each value; a row without the field stays."""
    name = command.fields[0].name
    relation = t.pin(ensured(t, relation, [name]))
    values = as_mv(field(relation, command.fields[0]))
    if limit := whole(command.option("limit", "0")):
        values = f"list_slice({values}, 1, {limit})"
    values = f"(CASE WHEN len({values}) > 0 THEN {values} ELSE [NULL] END)"
    place = f"unnest(range(len({values}))) AS {quote('#place')}"
    replaced = f"* REPLACE (unnest({values}) AS {quote(name)})"
    rows = t.step(relation, f"SELECT {replaced}, {place} FROM {relation.name}", {**relation.columns, name: "str"})
    number = f"row_number() OVER (ORDER BY {relation.order}, {quote('#place')}) AS {quote(ORDER)}"
    star = f"* EXCLUDE ({quote(ORDER)}, {quote('#place')})"
    return changed(t.step(rows, f"SELECT {star}, {number} FROM {rows.name}"), order=quote(ORDER))


def combine_values(t: Translation, relation: Relation, command: Fields) -> Relation:
    """mvcombine: rows alike but for one field become one."""
    name = command.fields[0].name
    relation = t.pin(ensured(t, relation, [name]))
    others = [quote(other) for other in relation.columns if other != name]
    value = as_str(field(relation, command.fields[0]))
    items = [
        *others,
        f"list({value} ORDER BY {relation.order}) AS {quote(name)}",
        f"min({quote(ORDER)}) AS {quote(ORDER)}",
    ]
    columns: dict[str, Kind] = {other: kind for other, kind in relation.columns.items() if other != name}
    group = f" GROUP BY {', '.join(others)}" if others else ""
    result = t.step(relation, f"SELECT {', '.join(items)} FROM {relation.name}{group}", {**columns, name: "mv"})
    return changed(result, order=quote(ORDER))


def join_values(t: Translation, relation: Relation, command: Fields) -> Relation:
    """nomv: one text, its values on lines."""
    name = command.fields[0].name
    return t.with_columns(relation, {name: Sql(as_str(field(relation, command.fields[0])), "str")})


def conversion(t: Translation, relation: Relation, command: Convert) -> Relation:
    form = command.option("timeformat", _CTIME)
    for function, ref, alias in command.conversions:
        for name in matching(relation, ref):
            if relation.get(name) is None or function == "none":
                continue
            target = name if "*" in alias.name or alias is ref else alias.name
            relation = t.with_columns(
                relation, {target: _converted(function, field(relation, FieldRef(name, 0)), form)}
            )
    return relation


def _converted(function: str, value: Sql, form: str) -> Sql:
    if function == "ctime":
        return Sql(f"strftime({as_time(value)}, {duckdb_format(form)})", "str")
    if function == "mktime":
        return Sql(f"epoch(try_strptime({as_str(value)}, {duckdb_format(form)}))", "num")
    if function in ("num", "auto"):
        number = as_num(value)
        return (
            Sql(number, "num")
            if function == "num"
            else Sql(f"coalesce({as_str(Sql(number, 'num'))}, {as_str(value)})", "str")
        )
    if function == "rmcomma":
        return Sql(f"replace({as_str(value)}, ',', '')", "str")
    if function == "rmunit":
        return Sql(f"TRY_CAST(regexp_extract({as_str(value)}, '^-?[0-9.]+') AS DOUBLE)", "num")
    if function == "dur2sec":
        parts = [
            f"CAST(split_part({as_str(value)}, ':', {n}) AS BIGINT) * {size}"
            for n, size in ((1, 3600), (2, 60), (3, 1))
        ]
        return Sql(f"({' + '.join(parts)})", "int")
    raise NotExecutable(f"convert's {function} is not translated")


def replace_values(t: Translation, relation: Relation, command: Replace) -> Relation:
    """Whole values, `*` for any text; the first pair that matches wins."""
    names = [name for ref in command.fields for name in matching(relation, ref)] or [
        name for name, kind in relation.columns.items() if kind == "str"
    ]
    changes = {}
    for name in names:
        text = as_str(field(relation, FieldRef(name, 0)))
        cases = "".join(_when(text, old, new) for old, new in command.pairs)
        changes[name] = Sql(f"(CASE{cases} ELSE {text} END)", "str")
    return t.with_columns(relation, changes)


def _when(text: str, old: Value, new: Value) -> str:
    pattern = "^" + re.escape(old.text).replace(r"\*", "(.*)") + "$"
    parts = new.text.replace("\\", "\\\\").split("*")
    filled = parts[0] + "".join(f"\\{number}{part}" for number, part in enumerate(parts[1:], 1))
    condition = f"regexp_matches({text}, {string(pattern)})"
    return f" WHEN {condition} THEN regexp_replace({text}, {string(pattern)}, {string(filled)})"


def words(t: Translation, relation: Relation, command: Generic) -> Relation:
    """The commands known by their words that have a translation."""
    rule = _WORDS.get(command.name)
    if rule is None:
        raise NotExecutable(f"the command {command.name} is not translated")
    return rule(t, relation, command)


def _concatenate(t: Translation, relation: Relation, command: Generic) -> Relation:
    """strcat: fields and quoted strings, into the last word."""
    *parts, target = command.words
    values = [string(part.text) if part.quoted else _text_or_empty(relation, part.text) for part in parts]
    return t.with_columns(relation, {target.text: Sql(f"({' || '.join(values)})", "str")})


def _text_or_empty(relation: Relation, name: str) -> str:
    found = relation.get(name)
    return f"coalesce({as_str(found)}, '')" if found else "''"


def _accumulate(t: Translation, relation: Relation, command: Generic) -> Relation:
    relation = t.pin(relation)
    value = as_num(field(relation, FieldRef(command.words[0].text, command.at)))
    total = f"sum({value}) OVER (ORDER BY {relation.order} ROWS UNBOUNDED PRECEDING)"
    return t.with_columns(relation, {command.words[-1].text: Sql(total, "num")})


def _delta(t: Translation, relation: Relation, command: Generic) -> Relation:
    relation = t.pin(relation)
    name = command.words[0].text
    value = as_num(field(relation, FieldRef(name, command.at)))
    before = f"lag({value}, {whole(command.option('p', '1'))}) OVER (ORDER BY {relation.order})"
    target = command.words[-1].text if len(command.words) == 3 else f"delta({name})"
    return t.with_columns(relation, {target: Sql(f"({value} - {before})", "num")})


def _unchanged(t: Translation, relation: Relation, command: Generic) -> Relation:
    return relation


_WORDS = {
    "strcat": _concatenate,
    "accum": _accumulate,
    "delta": _delta,
    "highlight": _unchanged,
    "format": _unchanged,
    "iconify": _unchanged,
}
