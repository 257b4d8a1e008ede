"""From what a runbook says a term means to a condition over columns that exist; and the check that every condition
passes before it may stand in a query, whoever wrote it.

A condition is SQL (DuckDB's) whatever the group's platform: queries are mended as SQL, and become KQL or SPL from
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlglot import exp

from agents.data.platform import load_platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql.parsing import PARSER
from agents.data.through_sql import ThroughSql
from agents.data.words import content_words, pieces
from shared.catalog import Catalog, Column, Table
from shared.errors import InvalidInput

LONGEST = 500  # characters
_ALLOWED = (
    exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is,
    exp.Like, exp.ILike, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Add, exp.Sub,
    exp.Mul, exp.Div, exp.Interval, exp.Var, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Lower, exp.Upper,
    exp.Coalesce, exp.DateDiff, exp.Extract, exp.CurrentTimestamp, exp.CurrentDate, exp.Tuple, exp.Abs, exp.Length,
)  # fmt: skip
_CLOCKS = ("now", "today")
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is, exp.Like, exp.ILike)


@dataclass(frozen=True)
class Condition:
    """sql: over columns of the table alone, without its name."""

    sql: str
    table: str


def checked_condition(text: str, catalog: Catalog, sandbox: Sandbox, table: str | None = None) -> Condition:
    """The condition as it may stand in a query over one table of the group.

    table: whose columns it is over; None finds the one table that has them all. It may only compare columns with
    values and with one another: no subquery, no function but a few that compute, nothing that holds of every row or
    none whatever is in it; and a query with it is proven. Blocks. Raises InvalidInput saying what is wrong.
    """
    tree = _read(text)
    names = list(dict.fromkeys(one.name for one in tree.find_all(exp.Column)))
    owner = _owner(names, catalog, table)
    for column in tree.find_all(exp.Column):
        known = next(name for name in owner.by_name if name.lower() == column.name.lower())
        column.replace(exp.column(exp.to_identifier(known, quoted=not known.islower())))
    sql = tree.sql(dialect="duckdb", comments=False)
    for part in _parts(tree):
        if isinstance(part, exp.Column) and not owner.by_name[part.name].type.lower().startswith("bool"):
            raise InvalidInput(f"a part of the condition compares nothing: '{part.name}'")
    _check_numbers(tree, owner, text)
    _prove(sql, owner, catalog, sandbox)
    return Condition(sql, owner.name)


def _read(text: str) -> exp.Expr:
    """The one expression, of nodes that only compare."""
    if not text.strip() or len(text) > LONGEST:
        raise InvalidInput(f"a condition has 1 to {LONGEST} characters")
    parsed = PARSER.parse(f"SELECT 1 WHERE {text}", "duckdb")
    select = parsed.select
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    if where is None or parsed.comments or _clauses(select) != {"where", "expressions"}:
        raise InvalidInput(f"'{_short(text)}' is no single condition", suggestion="such as status = 'open'")
    tree: exp.Expr = where.this.copy()
    for node in tree.walk():
        if not isinstance(node, _ALLOWED) and not (isinstance(node, exp.Anonymous) and node.name.lower() in _CLOCKS):
            raise InvalidInput(f"a condition can't hold {type(node).__name__.lower()}: '{_short(text)}'")
    _check_says_something(tree, text)
    return tree


def _clauses(select: exp.Query | None) -> set[str]:
    return {name for name, value in select.args.items() if value} if select else set()


def _check_says_something(tree: exp.Expr, text: str) -> None:
    """Every part compares a column with something else: `1 = 1 OR x`, `true` and `status = status` say nothing."""
    for part in _parts(tree):
        columns = {one.name.lower() for one in part.find_all(exp.Column)}
        if not columns:
            raise InvalidInput(f"a part of the condition names no column: '{_short(part.sql())}'")
        bare = part.this if isinstance(part, exp.Not) else part
        if isinstance(bare, _COMPARISONS) and bare.this == bare.args.get("expression"):
            raise InvalidInput(f"a part of the condition holds of every row: '{_short(part.sql())}'")
        if not isinstance(bare, (*_COMPARISONS, exp.Column)):
            raise InvalidInput(f"a part of the condition compares nothing: '{_short(text)}'")


def _check_numbers(tree: exp.Expr, table: Table, text: str) -> None:
    """Empty tables don't show that a number is compared with a word, rows do."""
    for part in _parts(tree):
        numeric = [
            one.name for one in part.find_all(exp.Column) if table.by_name[one.name].type.lower().startswith(_NUMERIC)
        ]
        words = [one.name for one in part.find_all(exp.Literal) if one.is_string and not _NUMBER.fullmatch(one.name)]
        if numeric and words and not part.find(exp.Interval):
            raise InvalidInput(f"'{numeric[0]}' is a number, '{words[0]}' is none: '{_short(text)}'")


def _parts(tree: exp.Expr) -> Iterator[exp.Expr]:
    bare = tree.unnest()
    if isinstance(bare, exp.And | exp.Or):
        yield from _parts(bare.left)
        yield from _parts(bare.right)
    elif isinstance(bare, exp.Not) and isinstance(bare.this.unnest(), exp.And | exp.Or):
        yield from _parts(bare.this)
    else:
        yield bare


def _owner(names: Sequence[str], catalog: Catalog, table: str | None) -> Table:
    found = [one for one in catalog.tables if _has(one, names)]
    if table is not None:
        wanted = catalog.find(table)
        if wanted is None:
            raise InvalidInput(f"schema group '{catalog.schema_group}' has no table '{table}'")
        if wanted not in found:
            missing = next(name for name in names if not _has(wanted, [name]))
            raise InvalidInput(f"table '{wanted.name}' has no column '{missing}'")
        return wanted
    if not found:
        shown = ", ".join(f"'{name}'" for name in names)
        raise InvalidInput(f"no table of schema group '{catalog.schema_group}' has the columns {shown}")
    if len(found) > 1:
        some = ", ".join(one.name for one in found[:4])
        raise InvalidInput(f"several tables have these columns: {some}", suggestion="name one with --table")
    return found[0]


def _has(table: Table, names: Sequence[str]) -> bool:
    known = {name.lower() for name in table.by_name}
    return all(name.lower() in known for name in names)


def _prove(sql: str, table: Table, catalog: Catalog, sandbox: Sandbox) -> None:
    """As any query is: the columns bind, the types fit, and it runs on empty tables."""
    shaped = catalog if catalog.platform == "sql" else ThroughSql(load_platform(catalog.platform)).catalog(catalog)
    source = exp.to_table(table.name) if catalog.platform == "sql" else exp.table_(table.name, quoted=True)
    query = exp.select("1").from_(source).where(sql, dialect="duckdb").sql(dialect=shaped.dialect)
    proof = prove(load_platform("sql"), query, shaped, sandbox)
    if proof.verdict == "rejected":
        raise InvalidInput(f"the condition can't be proven: {proof.problems[0].message}")


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


_VALUE = r"\"[^\"\n]*\"|'[^'\n]*'|[A-Za-z0-9](?:[\w.+:/-]*\w)?"
_FURTHER = r"(?!(?:above|more|higher|over|later|below|less|lower|under|earlier|whose|that|which|with|where|has|is)\b)"
_MORE = rf"(?:\s*,\s*(?:or |and )?|\s+(?:or|and)\s+){_FURTHER}(?:{_VALUE})"
_OPERATORS = (
    ("<>", r"(?:is|was|are)? ?(?:not|other than|anything but|!=|<>)"),
    (">=", r"(?:is |of |was |has )?(?:>=|at least|no less than|from)"),
    ("<=", r"(?:is |of |was |has )?(?:<=|at most|no more than|up to)"),
    (">", r"(?:is |of |was |has )?(?:>|above|over|more than|longer than|greater than|higher than|beyond)"),
    ("<", r"(?:is |of |was |has )?(?:<|below|under|less than|shorter than|fewer than|lower than)"),
    ("=", r"(?:==?|is|are|of|equals|in|was)"),
)
_CLAUSE = [
    (
        operator,
        re.compile(
            rf"\s*:?\s*(?:{words})\s*(?P<list>(?:{_VALUE})(?:{_MORE})*)(?P<after>[^,;.]{{0,24}})", re.IGNORECASE
        ),
    )
    for operator, words in _OPERATORS
]
_BARE_LIST = re.compile(rf"\s+(?P<list>(?:{_VALUE})(?:{_MORE})*)(?P<after>[^,;.]{{0,24}})")
_MEASURE = re.compile(r"(?:the|a) (?:share|number|sum|average|count|time|part|rate|percentage)\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:not|never|without|except|neither|nor|no|un\w+less)\b|n't\b", re.IGNORECASE)
_OR_MORE = re.compile(
    r"^\s*(?:%|ms|percent|EUR|euros?)?\s*(?:or|and) (?:above|more|higher|over|below|less|lower|under)", re.IGNORECASE
)
_FILLING = frozenset(
    content_words("row rows one ones event events record records entry whose that which with has table index")
)
_AND_MORE = re.compile(r"^\s*(?:%\s*)?(?:or|and) (?:above|more|higher|over|later)", re.IGNORECASE)
_AND_LESS = re.compile(r"^\s*(?:%\s*)?(?:or|and) (?:below|less|lower|under|earlier)", re.IGNORECASE)
_EMPTY = re.compile(r"\s*(?:is |are )?(?:null|empty|missing|not set|unset)\b", re.IGNORECASE)
_SET = re.compile(r"\s*(?:is |are )(?:not (?:null|empty)|set|filled)\b", re.IGNORECASE)
_SPAN = re.compile(
    r"\s*(?:is |was |lies )?(?P<more>more than|over|later than|less than|within|under) (?P<n>\d+) "
    r"(?P<unit>second|minute|hour|day|week)s? (?P<way>after|before|of) (?:the )?(?:its )?",
    re.IGNORECASE,
)
_NUMERIC = ("int", "long", "real", "double", "float", "decimal", "numeric", "number", "bigint", "smallint")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_LITERAL = re.compile(rf"{_VALUE}")
_UNIT = re.compile(
    r"^\s*(?:%|percent|ms|milliseconds|seconds?|minutes?|hours?|days?|GB|MB|EUR|euros?|points?)\b", re.IGNORECASE
)


def read_condition(meaning: str, tables: Sequence[Table], term: str = "") -> Condition | None:
    """The condition that the words say of one of the tables, the first that they fit; None where they don't say one.

    `status open or in_progress` of a table with a column status; `response_time over 1000`; `ResultType is not "0"`;
    `delivered_at more than 72 hours after shipped_at`. Not yet checked.
    """
    if _MEASURE.match(meaning):
        return None
    for table in tables:
        found = list(_clauses_in(meaning, table))
        if found and _is_all(meaning, found, table, term) and (sql := _joined(meaning, found)):
            return Condition(sql, table.name)
    return None


def _is_all(meaning: str, found: Sequence[tuple[int, int, str]], table: Table, term: str) -> bool:
    """Whether the clauses say all that the words do: what is left speaks of the table or of the term, and denies
    nothing. What follows a colon, a semicolon, or a comma behind the last clause, is a remark."""
    left, before = "", 0
    for start, end, _ in found:
        left, before = f"{left} {meaning[before:start]}", end
    left = f"{re.split('[:;]', left)[0]} {re.split('[:;,.(]', _OR_MORE.sub('', meaning[before:]))[0]}"
    if _DENIED.search(left) or re.search(r"[\d'\"=<>()]", left):
        return False
    known = set(content_words(f"{table.name} {table.description} {term} {table.kind}")) | _FILLING
    return set(content_words(left)) <= known


def _joined(meaning: str, found: Sequence[tuple[int, int, str]]) -> str | None:
    """The clauses with the word between them; None where nothing says how they belong together."""
    text = found[0][2]
    for (_, end, _), (start, _, sql) in pairwise(found):
        between = meaning[end:start].lower()
        word = re.search(r"\b(and|or|with|but|whose|that)\b|,", between)
        if word is None:
            return None
        text += f" {'OR' if word[0] == 'or' else 'AND'} {sql}"
    return text


def _clauses_in(meaning: str, table: Table) -> Iterator[tuple[int, int, str]]:
    """(start, end, SQL) of each clause, in order, none within another."""
    after = 0
    for start, end, column in _columns_in(meaning, table):
        if start < after or column.values == [table.name]:
            continue
        if found := _clause(meaning, end, column, table):
            after = found[0]
            yield start, *found


def _columns_in(meaning: str, table: Table) -> list[tuple[int, int, Column]]:
    """Where the text names a column: as it is written, or its words (`first response` of first_response_at)."""
    found: dict[int, tuple[int, int, Column]] = {}
    for column in sorted(table.columns, key=lambda one: -len(one.name)):
        spoken = r"[ _-]".join(re.escape(part) for part in pieces(column.name)) or re.escape(column.name)
        for pattern in (rf"(?<![\w.-]){re.escape(column.name)}(?![\w-])", rf"(?<![\w.-]){spoken}(?![\w-])"):
            for match in re.finditer(pattern, meaning, re.IGNORECASE):
                if all(match.end() <= start or end <= match.start() for start, end, _ in found.values()):
                    found.setdefault(match.start(), (match.start(), match.end(), column))
    return [found[start] for start in sorted(found)]


def _clause(meaning: str, end: int, column: Column, table: Table) -> tuple[int, str] | None:
    """What follows the column's name: the clause's end in the text, and its SQL."""
    name = _name(column)
    if found := _SET.match(meaning, end):
        return found.end(), f"{name} IS NOT NULL"
    if found := _EMPTY.match(meaning, end):
        return found.end(), f"{name} IS NULL"
    if span := _SPAN.match(meaning, end):
        return _span(meaning, span, column, table)
    for operator, pattern in _CLAUSE:
        if (match := pattern.match(meaning, end)) and (sql := _compared(operator, match, column)):
            return match.end("list"), sql
    if (match := _BARE_LIST.match(meaning, end)) and column.values and (sql := _compared("=", match, column)):
        return match.end("list"), sql
    return None


def _span(meaning: str, span: re.Match[str], column: Column, table: Table) -> tuple[int, str] | None:
    """`delivered_at more than 72 hours after shipped_at`."""
    other = next((one for one in _columns_in(meaning, table) if one[0] == span.end()), None)
    if other is None or span["way"].lower() == "before":
        return None
    operator = "<=" if span["more"].lower() in ("less than", "within", "under") else ">"
    edge = f"{_name(other[2])} + INTERVAL {span['n']} {span['unit'].upper()}"
    return other[1], f"{_name(column)} {operator} {edge}"


def _compared(operator: str, match: re.Match[str], column: Column) -> str | None:
    """None where what stands there is no value of the column."""
    after = match["after"]
    operator = _turned(operator, after)
    raw = [one for one in _LITERAL.findall(match["list"]) if one.lower() not in ("or", "and")]
    if column.type.lower().startswith(_NUMERIC):
        if not all(re.fullmatch(r"-?\d+(?:\.\d+)?", one.strip("\"'")) for one in raw):
            return None
        if _UNIT.match(after) and not _fits_unit(after, column):
            return None
        values = [one.strip("\"'") for one in raw]
    elif column.type.lower().startswith("bool"):
        values = [one.upper() for one in raw if one.lower() in ("true", "false")]
    else:
        values = [value for one in raw if (value := _text_value(one, column)) is not None]
        if operator not in ("=", "<>"):
            return None
    if not values or len(values) != len(raw):
        return None
    if len(values) == 1:
        return f"{_name(column)} {operator} {values[0]}"
    if operator not in ("=", "<>"):
        return None
    return f"{_name(column)} {'NOT ' if operator == '<>' else ''}IN ({', '.join(values)})"


def _turned(operator: str, after: str) -> str:
    if operator == "=" and _AND_MORE.match(after):
        return ">="
    return "<=" if operator == "=" and _AND_LESS.match(after) else operator


def _fits_unit(after: str, column: Column) -> bool:
    """Whether the column is said to hold that unit: `ms` of `response time in milliseconds`."""
    said = {"%": "percent", "ms": "milliseconds", "eur": "euros", "gb": "gb"}
    unit = re.split(r"[\s,.;]", after.strip().lower())[0]
    about = f"{column.name} {column.description}".lower()
    return said.get(unit, unit).rstrip("s") in about or unit in about.replace("_", " ").split()


def _text_value(raw: str, column: Column) -> str | None:
    """A value that the column knows, as it knows it; or, where it lists none, one in quotes or formed like a code."""
    bare = raw.strip("\"'")
    known = next((value for value in column.values if value.lower() == bare.lower()), None)
    if known is None and column.values:
        return None
    if known is None and raw == bare and not re.search(r"[\d_.]|[a-z][A-Z]|^[A-Z]{2,}", bare):
        return None
    return "'" + (known or bare).replace("'", "''") + "'"


def _name(column: Column) -> str:
    return column.name if re.fullmatch(r"[a-z_][a-z0-9_]*", column.name) else f'"{column.name}"'
