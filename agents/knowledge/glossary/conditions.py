"""The check that every condition passes before it may stand in a query, whoever wrote it.

A condition is SQL (DuckDB's) whatever the group's platform: queries are mended as SQL, and become KQL or SPL from
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from agents.data.platform import load_platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql.parsing import PARSER
from agents.data.through_sql import ThroughSql
from agents.knowledge.glossary.holding import NUMBER, NUMERIC, holds_always
from shared.catalog import Catalog, Table
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
    if said := holds_always([*_parts(tree), *tree.find_all(exp.Or), tree], owner):
        raise InvalidInput(f"a part of the condition holds of every row: '{_short(said.sql(dialect='duckdb'))}'")
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
        if not _columns(part):
            raise InvalidInput(f"a part of the condition names no column: '{_short(part.sql())}'")
        bare = part.this if isinstance(part, exp.Not) else part
        if isinstance(bare, exp.Binary) and (named := _columns(bare.left)) and named == _columns(bare.right):
            raise InvalidInput(f"a part of the condition compares '{min(named)}' with itself: '{_short(part.sql())}'")
        if not isinstance(bare, (*_COMPARISONS, exp.Column)):
            raise InvalidInput(f"a part of the condition compares nothing: '{_short(text)}'")


def _columns(tree: exp.Expr) -> set[str]:
    return {one.name.lower() for one in tree.find_all(exp.Column)}


def _check_numbers(tree: exp.Expr, table: Table, text: str) -> None:
    """Empty tables don't show that a number is compared with a word, rows do."""
    for part in _parts(tree):
        numeric = [
            one.name for one in part.find_all(exp.Column) if table.by_name[one.name].type.lower().startswith(NUMERIC)
        ]
        words = [one.name for one in part.find_all(exp.Literal) if one.is_string and not NUMBER.fullmatch(one.name)]
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
