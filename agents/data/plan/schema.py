"""Which columns a plan has, in order, and of which type: what renderers and readers must know to write it right."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias, get_args

from agents.data.plan.model import (
    Aggregate,
    Arithmetic,
    Between,
    Call,
    Case,
    Cast,
    Column,
    Compare,
    Constant,
    DataType,
    Distinct,
    Drop,
    Duration,
    Expand,
    Expr,
    Extend,
    Filter,
    In,
    InPlan,
    IsNull,
    Join,
    Limit,
    Logic,
    Match,
    Measure,
    Not,
    Path,
    Project,
    QueryPlan,
    Rename,
    Scalar,
    Sort,
    Source,
    Step,
    Table,
    Top,
    Union,
    Values,
    WindowColumn,
)
from agents.data.platform import load_platform
from shared.catalog import Catalog

# Names in order, each with its type; None: not known.
Columns: TypeAlias = dict[str, DataType | None]

_DUCKDB: dict[str, DataType] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "INT"), "int"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "int"),
    **dict.fromkeys(("DOUBLE", "FLOAT", "REAL", "DECIMAL", "NUMERIC"), "real"),
    **dict.fromkeys(("VARCHAR", "TEXT", "UUID", "BLOB", "ENUM"), "string"),
    "BOOLEAN": "bool",
    "DATE": "date",
    "INTERVAL": "duration",
    **dict.fromkeys(("JSON", "STRUCT", "MAP", "UNION"), "dynamic"),
}
_RESULTS: dict[str, DataType] = {
    **dict.fromkeys(("now", "from_epoch", "parse_time", "date_trunc"), "datetime"),
    **dict.fromkeys(("date_part", "date_diff", "length", "position", "list_length", "sign"), "int"),
    **dict.fromkeys(("to_seconds", "to_epoch", "sqrt", "power", "exp", "ln", "log10", "log2"), "real"),
    **dict.fromkeys(("format_time", "lower", "upper", "substring", "concat", "append", "replace"), "string"),
    **dict.fromkeys(("replace_regex", "split_part", "regex_extract", "trim", "trim_start", "trim_end"), "string"),
    **dict.fromkeys(("reverse", "list_join"), "string"),
    **dict.fromkeys(("is_empty", "list_contains", "any_true", "all_true"), "bool"),
    **dict.fromkeys(("split", "list", "set"), "dynamic"),
    **dict.fromkeys(("count", "count_distinct", "row_number", "rank", "dense_rank", "ntile"), "int"),
    **dict.fromkeys(("avg", "stddev", "variance", "percentile", "median", "percent_rank"), "real"),
}
_TIMES = ("date", "datetime")


@lru_cache(maxsize=4096)
def neutral_type(platform: str, type_name: str) -> DataType:
    """The plan's type of a catalog column: `long` on KQL and `BIGINT` on SQL are `int`."""
    held = load_platform(platform).duckdb_type(type_name)
    if held.endswith("]"):
        return "dynamic"
    base = held.partition("(")[0].strip()
    return "datetime" if base.startswith("TIMESTAMP") else _DUCKDB.get(base, "string")


def table_columns(name: str, catalog: Catalog | None) -> Columns | None:
    """The columns of a catalog's table; None where the catalog has none of that name."""
    table = catalog.find(name) if catalog else None
    if table is None or catalog is None:
        return None
    return {column.name: neutral_type(catalog.platform, column.type) for column in table.columns}


def columns_of(plan: QueryPlan, catalog: Catalog | None) -> Columns | None:
    """The columns that come out of a plan; None where they can't be known (a table that no catalog has)."""
    columns = source_columns(plan.source, catalog)
    for step in plan.steps:
        columns = after(step, columns, catalog)
    return columns


def source_columns(source: Source, catalog: Catalog | None) -> Columns | None:
    if isinstance(source, Table):
        return table_columns(source.name, catalog)
    if isinstance(source, Values):
        return {name: _common([row[number].type for row in source.rows]) for number, name in enumerate(source.columns)}
    return _union_columns(source, catalog)


def _union_columns(union: Union, catalog: Catalog | None) -> Columns | None:
    found = [columns_of(plan, catalog) for plan in union.plans]
    if any(columns is None for columns in found):
        return None
    united: Columns = {union.origin: "string"} if union.origin else {}
    for columns in found:
        for name, kind in (columns or {}).items():
            united[name] = united.get(name) or kind
    return united


def after(step: Step, columns: Columns | None, catalog: Catalog | None) -> Columns | None:
    """The columns after a step."""
    known = columns if columns is not None else {}
    if isinstance(step, Project):
        return {one.name: type_of(one.value, known) for one in step.columns}
    if isinstance(step, Aggregate):
        groups: Columns = {one.name: type_of(one.value, known) for one in step.groups}
        return groups | {one.name: call_type(one, known) for one in step.measures}
    if columns is None or isinstance(step, Filter | Sort | Limit | Top | Distinct):
        return columns
    if isinstance(step, Extend):
        return columns | {one.name: type_of(one.value, columns) for one in step.columns}
    if isinstance(step, Rename):
        new = {one.was: one.name for one in step.columns}
        return {new.get(name, name): kind for name, kind in columns.items()}
    if isinstance(step, Drop):
        return {name: kind for name, kind in columns.items() if name not in step.names}
    if isinstance(step, Join):
        return _joined(step, columns, catalog)
    if isinstance(step, Expand):
        return columns | {step.name: "dynamic"}
    return columns | {one.name: call_type(one, columns) for one in step.columns}


def _joined(step: Join, columns: Columns, catalog: Catalog | None) -> Columns | None:
    if step.how in ("semi", "anti"):
        return columns
    right = columns_of(step.right, catalog)
    return None if right is None else columns | {name: kind for name, kind in right.items() if name not in columns}


def call_type(call: Measure | WindowColumn, columns: Columns) -> DataType | None:
    """The type of an aggregate or a window's column; most have that of their first argument."""
    if call.function in _RESULTS:
        return _RESULTS[call.function]
    return type_of(call.args[0], columns) if call.args else None


def type_of(value: Expr, columns: Columns) -> DataType | None:
    """The type of an expression over these columns; None where it can't be known."""
    if isinstance(value, Column):
        return columns.get(value.name)
    if isinstance(value, Constant):
        return value.type
    if isinstance(value, Cast):
        return value.to
    if isinstance(value, Arithmetic):
        return _arithmetic(value, columns)
    if isinstance(value, Case):
        results = [*(when.result for when in value.whens), *([value.otherwise] if value.otherwise else [])]
        return _common([type_of(result, columns) for result in results])
    if isinstance(value, Call):
        return _call(value, columns)
    if isinstance(value, Duration):
        return "duration"
    if isinstance(value, Path):
        return "dynamic"
    if isinstance(value, Scalar):
        return None
    return "bool" if isinstance(value, _CONDITIONS) else None


_CONDITIONS = (Compare, Logic, Not, In, InPlan, Between, IsNull, Match)


def _call(call: Call, columns: Columns) -> DataType | None:
    if call.function in _RESULTS:
        return _RESULTS[call.function]
    if call.function == "round":
        return type_of(call.args[0], columns)
    return _common([type_of(arg, columns) for arg in call.args])


def _arithmetic(value: Arithmetic, columns: Columns) -> DataType | None:
    left, right = type_of(value.left, columns), type_of(value.right, columns)
    if left in _TIMES or right in _TIMES:
        both = left in _TIMES and right in _TIMES
        return "duration" if both else "datetime" if value.op in "+-" else None
    if value.op == "/":
        return "duration" if left == "duration" and right != "duration" else "real"
    if value.op == "*" and "duration" in (left, right):
        return "duration"
    return "int" if value.op == "//" else _common([left, right])


def _common(types: list[DataType | None]) -> DataType | None:
    """The type that holds all: reals hold whole numbers, datetimes days; nulls fit any."""
    kinds = {kind for kind in types if kind is not None}
    if kinds == {"int", "real"}:
        return "real"
    if kinds == {"date", "datetime"}:
        return "datetime"
    return kinds.pop() if len(kinds) == 1 and kinds <= set(get_args(DataType)) else None
