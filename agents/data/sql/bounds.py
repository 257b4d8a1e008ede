"""Whether a SELECT says how much it makes: no text, list or rows out of numbers, no every row with every row, no
recursion without an end.

Judged on the text: DuckDB works constants out before it runs anything, holds such a list beyond its memory limit and
can't be interrupted in it; and on the empty tables of the dry run every product is empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from agents.data.sql.binding import Source, output_columns, sources_of, too_complex
from shared.catalog import Catalog
from shared.models import Problem

# Longest text that repeat(), lpad() and the like may be asked for by a number in the query: functions that take time
# with the square of it (levenshtein) can't be interrupted.
LONGEST_TEXT = 10_000
_LONGEST_LIST, _MOST_ROWS = 1_000_000, 10_000_000
_NAMES_OF_TEXTS = "repeat pad space lpad rpad replicate zeroblob randomblob randstr bitstring bit_string"
_TEXTS = frozenset(_NAMES_OF_TEXTS.split())
_REPEATING = frozenset(("repeat", "replicate"))
_NAMES_OF_SERIES = """range generate_series exploding_generate_series generate_array generateseries generate_date_array
    generate_timestamp_array array_fill list_resize array_resize array_generate_range array_repeat sequence
    generator"""
_SERIES = frozenset(_NAMES_OF_SERIES.split())
# Functions that don't make a large number of nothing.
_NAMES_OF_SMALL = """length len char_length character_length strlen array_length list_length json_array_length
    cardinality array_size least greatest coalesce abs floor ceil ceiling round case if iff iif nullif sign mod
    extract year month day hour minute second quarter week day_of_week day_of_month day_of_year date_part datediff
    date_diff timestamp_diff date_trunc timestamp_trunc date_add date_sub ts_or_ds_add ts_or_ds_to_date now
    current_date current_timestamp current_datetime current_time today date timestamp interval pow power strpos
    str_position position instr upper lower trim substring substr concat char chr list array array_agg str_to_time
    parse_json json_extract json_extract_scalar date_from_parts make_date make_timestamp to_timestamp to_date
    localtimestamp"""
_SMALL = frozenset(_NAMES_OF_SMALL.split()) | _TEXTS | _SERIES
_WIDE = re.compile(r"%[^A-Za-z%]*\d{5}|\{[^}]*:[^}]*\d{5}")
_SECONDS = {"SECOND": 1.0, "MINUTE": 60.0, "HOUR": 3600.0, "MILLISECOND": 0.001, "MICROSECOND": 1e-6}
_DAY = 86_400.0
_SPANS = {"DAY": _DAY, "WEEK": 7 * _DAY, "MONTH": 28 * _DAY, "QUARTER": 90 * _DAY, "YEAR": 365 * _DAY}


def unbounded(select: exp.Query, catalog: Catalog) -> Iterator[Problem]:
    for function in select.find_all(exp.Func):
        yield from too_large(function)
    scopes = _scopes(select)
    for scope in [] if too_complex(scopes) else scopes:  # the bind check says so
        yield from _too_many_rows(scope.expression)
        if isinstance(scope.expression, exp.Select) and (names := _unjoined(scope, catalog)):
            message = f"{names[0]} and {names[1]} are not joined: every row of one meets every row of the other"
            yield Problem(code="cross_join", message=message, suggestion="say in ON how they belong together")
    for cte in select.find_all(exp.CTE):
        if _never_ends(cte):
            message = f"the recursion of '{cte.alias}' has no condition that ends it"
            yield Problem(code="endless_recursion", message=message, suggestion="add a WHERE to its second SELECT")


def _scopes(select: exp.Query) -> list[Scope]:
    try:
        return traverse_scope(select)
    except (SqlglotError, RecursionError):
        return []


def function_name(function: exp.Expr) -> str:
    """As written for a function that sqlglot has no class for, else its class's SQL name; lowercase."""
    if isinstance(function, exp.Anonymous):
        return str(function.name).lower()
    return function.sql_name().lower() if isinstance(function, exp.Func) else ""


def too_large(function: exp.Func) -> Iterator[Problem]:
    """A call that asks for longer text, or a longer list, than anyone reads."""
    name = function_name(function)
    if name in _TEXTS | _SERIES and not isinstance(function.parent, exp.Table) and (unsure := _unsure(function)):
        yield _large(f"how much {name}() makes can't be told from {unsure}()", function)
    if name in _TEXTS and _asked(function) > LONGEST_TEXT:
        yield _large(f"{name}() asks for more than {LONGEST_TEXT:,} characters", function)
    if name in _SERIES and not isinstance(function.parent, exp.Table) and _elements(function) > _LONGEST_LIST:
        yield _large(f"{name}() asks for more than {_LONGEST_LIST:,} elements", function)
    if name in ("printf", "format", "tochar", "to_char") and any(
        _WIDE.search(literal.name) for literal in function.find_all(exp.Literal) if literal.is_string
    ):
        yield _large(f"{name}() asks for a very wide text", function)


def _too_many_rows(expression: exp.Expr) -> Iterator[Problem]:
    """Table functions of one FROM, times each other."""
    asked = 1.0
    for table in _sources(expression):
        found = [one for one in table.find_all(exp.Func) if function_name(one) in _SERIES]
        asked *= max(1.0, _elements(found[0]) if found else 1.0)
    if asked > _MOST_ROWS:
        yield Problem(code="too_large", message=f"the query makes more than {_MOST_ROWS:,} rows out of numbers")


def _sources(expression: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(expression, exp.Select):
        found = expression.args.get("from_") or expression.args.get("from")
        for source in [found.this if found else None, *(join.this for join in expression.args.get("joins") or [])]:
            if source is not None and not isinstance(source, exp.Subquery):
                yield source


def _unsure(function: exp.Func) -> str | None:
    """A function in what says how much is made, whose result may be any number: `range(epoch(now())::INT)`."""
    arguments = list(function.iter_expressions())
    for argument in arguments[1:] if function_name(function) in _TEXTS else arguments:
        for call in argument.find_all(exp.Func):
            if isinstance(call, exp.Extract) and call.name.lower().startswith("epoch"):
                return "extract"
            if isinstance(call, exp.Cast) and not isinstance(call.this, exp.Literal):
                texts = [one for one in call.this.find_all(exp.Literal) if one.is_string and one.name[:1].isdigit()]
                if texts and call.to.is_type(*exp.DataType.NUMERIC_TYPES):
                    return "cast"
            if not isinstance(call, exp.Cast | exp.AggFunc | exp.And | exp.Or) and function_name(call) not in _SMALL:
                return function_name(call)
    return None


def _asked(function: exp.Expr) -> float:
    """The characters that numbers in the query ask for; of a repeat within repeats the product."""
    asked, around = _most(function), function.parent
    while around is not None:
        asked *= max(1.0, _most(around)) if function_name(around) in _REPEATING else 1.0
        around = around.parent
    return asked


def _most(function: exp.Expr) -> float:
    return max((_bound(argument) for argument in function.iter_expressions()), default=0.0)


def _bound(node: exp.Expr) -> float:
    """What a number comes to at most, worked out from the numbers in it; 0 for what only the rows can tell."""
    if isinstance(node, exp.Literal):
        return 0.0 if node.is_string else float(node.this)
    parts = [_bound(one) for one in node.iter_expressions()]
    left, right = (*parts, 0.0, 0.0)[:2]
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        return _number(node.this.name)
    if isinstance(node, exp.Mul):
        return max(1.0, left) * max(1.0, right)
    if isinstance(node, exp.Add):
        return left + right
    if isinstance(node, exp.Pow):
        return float(max(1.0, left) ** min(right, 64.0))
    if isinstance(node, exp.BitwiseLeftShift):
        return float(max(1.0, left) * 2 ** min(right, 64.0))
    if isinstance(node, exp.Div | exp.Mod):
        return left
    return float(10 ** min(left, 64.0)) if isinstance(node, exp.Exp) else max(parts, default=0.0)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _elements(function: exp.Func) -> float:
    """Of a series: (end - start) / step, by numbers or by moments; 0 where only the rows can tell."""
    arguments = [one for one in function.iter_expressions() if not isinstance(one, exp.DataType)]
    start, stop = ([_moment(one) for one in arguments[:2]] + [None, None])[:2]
    if start is not None and stop is not None:
        seconds = abs((stop - start).total_seconds())
        return seconds / (_seconds(arguments[2]) if len(arguments) > 2 else _DAY)
    numbers = [_bound(one) for one in arguments]
    if function_name(function) == "array_fill":  # one bound for each dimension
        return math.prod(max(1.0, _number(literal.name)) for literal in function.find_all(exp.Literal))
    if function_name(function) in ("generator", "array_repeat", "list_resize", "array_resize"):
        return max(numbers, default=0.0)
    if len(numbers) < 2:
        return max(numbers, default=0.0)
    negative = isinstance(arguments[0], exp.Neg)
    span = numbers[1] + numbers[0] if negative else max(numbers[1] - numbers[0], numbers[0] - numbers[1])
    return span / max(numbers[2], 1e-9) if len(numbers) > 2 and numbers[2] else span


def _moment(node: exp.Expr) -> datetime | None:
    if isinstance(node, exp.CurrentDate | exp.CurrentTimestamp | exp.CurrentDatetime):
        return datetime.now(UTC).replace(tzinfo=None)
    if isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Interval):
        moment = _moment(node.this)
        span = timedelta(seconds=min(_seconds(node.expression), 1e9))
        return None if moment is None else moment + (span if isinstance(node, exp.Add) else -span)
    literal = node if isinstance(node, exp.Literal) else node.find(exp.Literal)
    if literal is None or not literal.is_string or isinstance(node, exp.Interval):
        return None
    try:
        return datetime.fromisoformat(literal.name).replace(tzinfo=None)
    except ValueError:
        return None


def _seconds(node: exp.Expr) -> float:
    """Of an interval: `'1 second'`, `INTERVAL 5 MINUTE`; a day where it can't be read."""
    words = " ".join([*(literal.name for literal in node.find_all(exp.Literal)), *_unit(node)])
    found = re.search(r"(\d+(?:\.\d+)?)?\s*([A-Za-z]+)", words)
    if found is None:
        return _DAY
    unit = {**_SECONDS, **_SPANS}.get(found[2].upper().rstrip("S"), _DAY)
    return max(1e-6, float(found[1] or 1) * unit)


def _unit(node: exp.Expr) -> list[str]:
    unit = node.args.get("unit")
    return [str(unit.name)] if isinstance(unit, exp.Expr) else []


def _unjoined(scope: Scope, catalog: Catalog) -> list[str]:
    """Two sources, each of any number of rows, that no condition brings together.

    Just two, of different tables, may be meant so (a ratio of their counts); the limits of running bound them.
    """
    sources = {name.lower(): source for name, source in sources_of(scope).items()}
    many = [name for name, source in sources.items() if _is_long(source)]
    if len(many) < 2:
        return []
    columns = {name: output_columns(source, catalog) for name, source in sources.items()}
    group = {name: name for name in sources}
    for names in _conditions(scope, columns):
        first, *others = sorted(names)
        for other in others:
            old, new = group[other], group[first]
            group = {name: new if one == old else one for name, one in group.items()}
    apart = list({group[name]: name for name in many}.values())
    meant = len(apart) == 2 and not _tables(sources[apart[0]]) & _tables(sources[apart[1]])
    return apart if len(apart) > 1 and not meant else []


def _tables(source: Source) -> set[str]:
    node = source.expression if isinstance(source, Scope) else source
    return {table.name.lower() for table in node.find_all(exp.Table)}


_Columns = dict[str, list[str] | None]


def _conditions(scope: Scope, columns: _Columns) -> Iterator[set[str]]:
    """The sources that each condition of the scope reads together."""
    expression = scope.expression
    joins = expression.args.get("joins") or []
    order = [name.lower() for name, _ in scope.references if name.lower() in columns]
    for join in joins:
        name = join.alias_or_name.lower()
        if _joins_by_itself(join) and name in columns:
            yield {*order[: order.index(name) + 1]} if name in order else {name}
    clauses = [expression.args.get(key) for key in ("where", "qualify", "having")]
    conditions = [join.args.get("on") for join in joins] + [clause.this for clause in clauses if clause is not None]
    for condition in filter(None, conditions):
        for part in condition.flatten() if isinstance(condition, exp.And) else [condition]:
            names = {_source_of(column, columns) for column in part.find_all(exp.Column)} - {""}
            if len(names) > 1:
                yield names


def _joins_by_itself(join: exp.Join) -> bool:
    """USING, NATURAL and the like name no column; what is LATERAL reads the row before it."""
    by_name = bool(join.args.get("using")) or join.method.upper() in ("NATURAL", "POSITIONAL", "ASOF")
    return by_name or isinstance(join.this, exp.Lateral | exp.Unnest) or join.find(exp.Lateral) is not None


def _source_of(column: exp.Column, columns: _Columns) -> str:
    """The source that the column names, or the first that has it or may have it."""
    if column.table:
        return column.table.lower() if column.table.lower() in columns else ""
    name = column.name.lower()
    has = [source for source, known in columns.items() if known and name in {one.lower() for one in known}]
    return next(iter([*has, *(source for source, known in columns.items() if known is None)]), "")


def _is_long(source: Source) -> bool:
    """Whether a source may have any number of rows: no aggregate of one row, no LIMIT, no list of values."""
    if isinstance(source, exp.Table):
        return isinstance(source.this, exp.Identifier)
    if not isinstance(source, Scope) or not isinstance(source.expression, exp.Query):
        return False
    query = source.expression
    if query.args.get("limit") is not None:
        return False
    if not isinstance(query, exp.Select):
        return True
    aggregated = any(item.find(exp.AggFunc) and not item.find(exp.Window) for item in query.selects)
    if query.args.get("group") is None and aggregated:
        return False
    inner = [source.sources[name] for name, _ in source.references if name in source.sources]
    return any(_is_long(one) for one in inner if one is not source)


def _never_ends(cte: exp.CTE) -> bool:
    """UNION ALL with a second part that reads the CTE itself under no condition on a column."""
    query = cte.this
    owner = cte.parent
    if not isinstance(query, exp.Union) or query.args.get("distinct") or not isinstance(owner, exp.With):
        return False
    again = [table for table in query.expression.find_all(exp.Table) if table.name.lower() == cte.alias.lower()]
    if not again:
        return False
    conditions = [
        *(where.this for where in query.expression.find_all(exp.Where)),
        *(join.args["on"] for join in query.expression.find_all(exp.Join) if join.args.get("on")),
        *(join for join in query.expression.find_all(exp.Join) if join.args.get("using")),
    ]
    limited = query.args.get("limit") is not None or query.expression.find(exp.Limit) is not None
    return not limited and not any(isinstance(one, exp.Join) or one.find(exp.Column) for one in conditions)


def _large(message: str, node: exp.Expr) -> Problem:
    return Problem(code="too_large", message=message, line=node.meta.get("line"))
