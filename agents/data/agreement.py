"""Whether two queries give the same rows, also of two platforms; and what took the last row of a query without any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.data.comparing import same_rows
from agents.data.literals import missing_values
from agents.data.platform import NotExecutable, Platform, Stage
from agents.data.proof import run_proven
from agents.data.sandbox import PROVER, Sandbox
from agents.data.session import quoted
from shared.catalog import Catalog, Table
from shared.errors import InvalidInput, LexiQueryError, QueryRejected
from shared.models import Check, Problem, Rows

# More rows than this are not compared: the check is skipped, saying so.
_MOST_ROWS = 10_000
_ORDERED = ("int", "long", "real", "decimal", "datetime", "time", "date", "double", "float", "numeric", "number")


@dataclass(frozen=True)
class Derived:
    """A query and what it is about."""

    platform: Platform
    query: str
    catalog: Catalog


def agreement(one: Derived, other: Derived, sandbox: Sandbox, *, order_matters: bool = False) -> Check:
    """The check `agreement`: run on the groups' rows, both give the same bag of rows, whatever the columns are called
    and however many more there are. Skipped where one can't be run, or gives too many rows to compare.

    Blocks; raises what `Sandbox.execute` raises but for a query that fails.
    """
    try:
        found = [_rows(one, sandbox), _rows(other, sandbox)]
    except (InvalidInput, QueryRejected) as error:
        return Check(name="agreement", status="skipped", prover=PROVER, detail=str(error))
    if any(rows.truncated for rows in found):
        detail = f"more than {len(found[0].rows)} rows are not compared"
        return Check(name="agreement", status="skipped", prover=PROVER, detail=detail)
    few, many = sorted(found, key=lambda rows: len(rows.columns))
    if same_rows(few, many, order_matters=order_matters):
        detail = f"{len(few.rows)} rows of both are the same"
        return Check(name="agreement", status="passed", prover=PROVER, detail=detail)
    message = f"{len(found[0].rows)} and {len(found[1].rows)} rows, and not the same"
    problem = Problem(code="rows_differ", message=message)
    return Check(name="agreement", status="failed", prover=PROVER, problems=[problem])


def _rows(derived: Derived, sandbox: Sandbox) -> Rows:
    return run_proven(derived.platform, derived.query, derived.catalog, sandbox, _MOST_ROWS)


def why_empty(platform: Platform, query: str, catalog: Catalog, sandbox: Sandbox) -> list[str]:
    """Of a proven query without rows, in words: which of its conditions takes the last row, which of its values do not
    occur and the nearest that do, and between what the column lies that a condition is about.

    Nothing where its stages can't be told apart. Blocks; runs each stage once, up to the first that is empty.
    """
    tables = platform.tables_of(query, catalog)
    stages = platform.stages(query, catalog)
    culprit, before = _first_empty(platform, stages, catalog, sandbox)
    notes = missing_values(culprit.text if culprit else query, tables, catalog, sandbox)
    if culprit is not None:
        left = f"; {before:,} row{'s' * (before != 1)} before it" if before else ""
        notes = [f"no row is left after {_short(culprit.text)}{left}", *notes]
        notes += _ranges(culprit, tables, catalog, sandbox)
    return list(dict.fromkeys(notes))


def _first_empty(
    platform: Platform, stages: Sequence[Stage], catalog: Catalog, sandbox: Sandbox
) -> tuple[Stage | None, int]:
    """The first stage without rows, and how many there were before it."""
    before = 0
    for stage in stages:
        try:
            rows = _count(platform, stage.query, catalog, sandbox)
        except (NotExecutable, LexiQueryError):
            return None, 0
        if not rows:
            return stage, before
        before = rows
    return None, 0


def _count(platform: Platform, query: str, catalog: Catalog, sandbox: Sandbox) -> int:
    sql = platform.to_duckdb_over_rows(query, catalog, lambda select: sandbox.values(select, catalog))
    return int(sandbox.execute(f"SELECT count(*) FROM (\n{sql}\n)", catalog, limit=1).rows[0][0])  # noqa: S608 - proven


def _ranges(stage: Stage, tables: Sequence[Table], catalog: Catalog, sandbox: Sandbox) -> Iterator[str]:
    """`Risk lies between 0.1 and 0.9`, for the numbers and times that the stage is about."""
    for table in tables:
        for column in table.columns:
            named = column.name in stage.text or column.name in stage.about
            if not named or not column.type.lower().startswith(_ORDERED):
                continue
            name, source = quoted(column.name), quoted(table.name)
            sql = f"SELECT min({name}), max({name}) FROM {source}"  # noqa: S608 - quoted, and names of the catalog
            least, most = sandbox.execute(sql, catalog, limit=1).rows[0]
            if least is not None:
                yield f"{column.name} lies between {least} and {most}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return f"`{flat if len(flat) <= 80 else flat[:77] + '...'}`"
