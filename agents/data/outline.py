"""Route `outline`, for when the SQL that the model writes can't be proven: it fills in a form instead.

The form is JSON that the runtime holds to a schema whose names are the real tables and columns, so what comes out
binds, as one SELECT. A form hides what the model does not know (it has to choose an existing column), which SQL shows;
so it comes after SQL, and only where that failed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from pydantic import ValidationError
from sqlglot import exp

from agents.data.shape import forms
from shared.catalog import Column, Table
from shared.models import Model

_CONDITIONS, _MEASURES, _GROUPS, _SHOWN = 4, 3, 3, 6
_LARGEST = 10_000  # rows
_NUMBERS = ("int", "bigint", "smallint", "tinyint", "hugeint", "double", "float", "real", "decimal", "numeric")
_TIMES = ("timestamp", "date")
_BOOLEANS = ("bool",)
_IS_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_BEYOND = re.compile(
    r"\b(?:percentiles?|median|p\d\d|ratio|compared?|differen(?:ce|t)|both|without|never)\b", re.IGNORECASE
)
Operator: TypeAlias = Literal["=", "<>", ">", ">=", "<", "<=", "contains", "starts with", "ends with"]
Function: TypeAlias = Literal["count", "count distinct", "sum", "avg", "min", "max"]
Order: TypeAlias = Literal["none", "highest first", "lowest first", "newest first", "oldest first"]


class Condition(Model):
    column: str
    is_: Operator
    value: str


class Measure(Model):
    function: Function
    column: str


class Outline(Model):
    """One table's rows: which (where), grouped by what, what is computed of them or shown, and in which order."""

    table: str
    where: list[Condition]
    compute: list[Measure]
    by: list[str]
    show: list[str]
    order: Order
    limit: int


def outline_schema(tables: Sequence[Table]) -> dict[str, Any]:
    """The JSON schema of an Outline over these tables. Times are no conditions: the question's are set by code."""
    columns = list(dict.fromkeys(column.name for table in tables for column in table.columns))
    times = {column.name for table in tables for column in table.columns if _is(column, _TIMES)}
    condition = _object(
        column={"enum": [name for name in columns if name not in times] or columns},
        is_={"enum": list(get_args(Operator))},
        value={"type": "string", "maxLength": 80},
    )
    measure = _object(function={"enum": list(get_args(Function))}, column={"enum": ["*", *columns]})
    return _object(
        table={"enum": [table.name for table in tables]},
        where=_list(condition, _CONDITIONS),
        compute=_list(measure, _MEASURES),
        by=_list({"enum": columns}, _GROUPS),
        show=_list({"enum": columns}, _SHOWN),
        order={"enum": list(get_args(Order))},
        limit={"type": "integer", "minimum": 0, "maximum": _LARGEST},
    )


def can_say(question: str) -> bool:
    """Whether the form has a place for what the question asks to compute: it has none for shares and percentiles."""
    return "share" not in forms(question) and not _BEYOND.search(question)


def read_outline(text: str, tables: Sequence[Table], dialect: str) -> str | None:
    """The SQL that a filled-in form says; None where it is none, or of no such table."""
    try:
        outline = Outline.model_validate_json(text)
    except ValidationError:
        return None
    table = next((one for one in tables if one.name == outline.table), None)
    return _select(outline, table).sql(dialect=dialect, pretty=True) if table else None


def _select(outline: Outline, table: Table) -> exp.Select:
    """Names that are another table's are left out."""
    measures = [one for one in outline.compute if one.column == "*" or one.column in table.by_name]
    groups = [name for name in dict.fromkeys(outline.by) if name in table.by_name]
    shown = [name for name in dict.fromkeys(outline.show) if name in table.by_name]
    if groups and not measures:
        measures = [Measure(function="count", column="*")]
    computed = [exp.alias_(_computed(one), _called(one)) for one in measures]
    columns = [*map(_column, groups), *computed] if computed else [_column(name) for name in shown]
    *schema, name = table.name.split(".")
    select = exp.select(*(columns or ["*"])).from_(exp.table_(name, db=".".join(schema) or None, quoted=True))
    for one in outline.where:
        column = table.by_name.get(one.column)
        if column and (condition := _condition(one, column)):
            select.where(condition, copy=False)
    if computed and groups:
        select.group_by(*map(_column, groups), copy=False)
    if key := _key(outline, table, computed):
        select.order_by(exp.Ordered(this=key, desc=outline.order in ("highest first", "newest first")), copy=False)
    return select.limit(outline.limit, copy=False) if outline.limit else select


def _key(outline: Outline, table: Table, computed: Sequence[exp.Expr]) -> exp.Expr | None:
    """What it orders by: of groups the first number, of rows their time or the first number shown."""
    if outline.order == "none":
        return None
    if computed:
        return exp.column(computed[0].alias)
    kind = _TIMES if outline.order in ("newest first", "oldest first") else _NUMBERS
    names = [*outline.show, *table.by_name]
    found = [name for name in names if name in table.by_name and _is(table.by_name[name], kind)]
    return _column(found[0]) if found else None


def _called(measure: Measure) -> str:
    return "_".join([*measure.function.split(), *([measure.column] if measure.column != "*" else [])])


def _computed(measure: Measure) -> exp.Expr:
    if measure.column == "*" or measure.function == "count":
        return exp.Count(this=exp.Star())
    column = _column(measure.column)
    if measure.function == "count distinct":
        return exp.Count(this=exp.Distinct(expressions=[column]))
    functions: dict[str, type[exp.AggFunc]] = {"sum": exp.Sum, "avg": exp.Avg, "min": exp.Min, "max": exp.Max}
    return functions[measure.function](this=column)


def _condition(condition: Condition, column: Column) -> exp.Expr | None:
    """None where a number is compared with what is none."""
    node, text = _column(column.name), condition.value
    patterns = {"contains": f"%{text}%", "starts with": f"{text}%", "ends with": f"%{text}"}
    if condition.is_ in patterns:
        return exp.ILike(this=node, expression=exp.Literal.string(patterns[condition.is_]))
    kinds: dict[str, type[exp.Binary]] = {
        "=": exp.EQ, "<>": exp.NEQ, ">": exp.GT, ">=": exp.GTE, "<": exp.LT, "<=": exp.LTE,
    }  # fmt: skip
    value = _value(text, column)
    return kinds[condition.is_](this=node, expression=value) if value else None


def _value(text: str, column: Column) -> exp.Expr | None:
    said = text.strip()
    if _is(column, _BOOLEANS):
        return exp.Boolean(this=said.lower() in ("true", "1", "yes"))
    if _is(column, _NUMBERS):
        return exp.Literal.number(said) if _IS_NUMBER.fullmatch(said) else None
    return exp.Literal.string(text)


def _column(name: str) -> exp.Column:
    return exp.column(name, quoted=True)


def _is(column: Column, kinds: Sequence[str]) -> bool:
    return column.type.lower().startswith(tuple(kinds))


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most}
