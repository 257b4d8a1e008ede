"""`python -m agents.data.plan.measure`: how much of what people write a plan can say, as Markdown.

Public gold queries (LEXIQUERY_PUBLIC_DATA) and the golden queries of the seed (`lexiquery seed` loads their rows into
LEXIQUERY_DATA_DIR). Each is read into a plan and written again, in its own language and as SQL; where there are rows,
both must give the same, as bags, column names aside. No model is asked.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.data import corpora
from agents.data.plan.model import QueryPlan
from agents.data.plan.read_kql import read_kql
from agents.data.plan.read_spl import read_spl
from agents.data.plan.read_sql import read_sql
from agents.data.plan.schema import neutral_type
from agents.data.plan.to_kql import to_kql
from agents.data.plan.to_spl import to_spl
from agents.data.plan.to_sql import to_sql
from agents.data.platform import NotExecutable, load_platform
from agents.data.rows import load_rows
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog, read_catalog
from shared.errors import InvalidInput, LexiQueryError, QueryFailed
from shared.models import Rows
from shared.settings import Settings

_SEED = Path("data/seed")
_LIMIT = 100_000
Gold = tuple[Catalog, str]
_READ: dict[str, Callable[[str, Catalog], QueryPlan]] = {"kql": read_kql, "spl": read_spl, "sql": read_sql}
_WRITE: dict[str, Callable[[QueryPlan, Catalog], str]] = {
    "kql": to_kql,
    "spl": to_spl,
    "sql": lambda plan, catalog: to_sql(plan, catalog, catalog.dialect if catalog.platform == "sql" else "duckdb"),
}
_KUSTO_TYPES = {"int": "long", "date": "datetime", "duration": "timespan"}


@dataclass
class Counts:
    """written: of those read, per language; ran: the gold and what was written both gave rows; same: the same rows."""

    queries: int = 0
    read: int = 0
    written: Counter[str] = field(default_factory=Counter)
    bound: Counter[str] = field(default_factory=Counter)
    ran: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)


def measure(golds: Iterable[Gold], sandbox: Sandbox, languages: Sequence[str], failures: list[str]) -> Counts:
    """languages: those to write the plans in. failures: takes what fell short, with the reason."""
    counts = Counts()
    for catalog, gold in golds:
        counts.queries += 1
        try:
            plan = _READ[catalog.platform](_as_duckdb(gold, catalog), catalog)
        except LexiQueryError as error:
            failures.append(f"not read: {error}: {gold}")
            continue
        counts.read += 1
        wanted = _rows(catalog.platform, gold, catalog, sandbox)
        for language in languages:
            _write(counts, language, plan, catalog, wanted, sandbox, failures)
    return counts


def _as_duckdb(gold: str, catalog: Catalog) -> str:
    """SQL of another dialect is read as DuckDB runs it, so that both sides mean the same."""
    return load_platform("sql").to_duckdb(gold, catalog) if catalog.platform == "sql" else gold


def _write(
    counts: Counts,
    language: str,
    plan: QueryPlan,
    catalog: Catalog,
    wanted: Counter[str] | None,
    sandbox: Sandbox,
    failures: list[str],
) -> None:
    if language == "kql" and catalog.platform == "sql":
        catalog = _as_kusto(catalog)
    try:
        text = _WRITE[language](plan, catalog)
    except LexiQueryError as error:
        failures.append(f"not written as {language}: {error}")
        return
    counts.written[language] += 1
    if language == catalog.platform:
        problems = load_platform(language).bind(text, catalog).problems
        counts.bound[language] += not problems
        failures += [f"not bound as {language}: {problem.message}: {text}" for problem in problems]
    found = _rows(language, text, catalog, sandbox) if wanted is not None else None
    if found is not None and wanted is not None:
        counts.ran[language] += 1
        counts.same[language] += found == wanted
        if found != wanted:
            failures.append(f"other rows as {language}: {text}")


def _as_kusto(catalog: Catalog) -> Catalog:
    """The same tables as Kusto's."""
    tables = [table.model_dump() for table in catalog.tables]
    for table in tables:
        for column in table["columns"]:
            kind = neutral_type(catalog.platform, column["type"])
            column["type"] = _KUSTO_TYPES.get(kind, kind)
    return Catalog.model_validate(catalog.model_dump(by_alias=True) | {"platform": "kql", "tables": tables})


def _rows(language: str, query: str, catalog: Catalog, sandbox: Sandbox) -> Counter[str] | None:
    """The rows as a bag; None where it can't be run, or there are none to run on."""
    if not sandbox.has_rows(catalog):
        return None
    own = language == catalog.platform or language != "sql"
    try:
        statement = load_platform(language).to_duckdb(query, catalog) if own else query
        return _bag(sandbox.execute(statement, catalog, limit=_LIMIT))
    except (NotExecutable, QueryFailed, InvalidInput):
        return None


def _bag(rows: Rows) -> Counter[str]:
    return Counter(json.dumps([_cell(cell) for cell in row], sort_keys=True) for row in rows.rows)


def _cell(value: Any) -> Any:
    """Numbers to six digits; a day is its midnight; Kusto has no null text."""
    if isinstance(value, int | float):
        return f"{float(value):.6g}"
    if isinstance(value, str):
        return value.removesuffix("Z").removesuffix("T00:00:00") or None
    return value


def _defog(sandbox: Sandbox) -> Iterator[Gold]:
    """Loads the rows of each database when it is first met; some can't be loaded."""
    met: set[str] = set()
    for catalog, gold in corpora.sql_gold():
        if catalog.schema_group not in met:
            met.add(catalog.schema_group)
            try:
                load_rows(catalog, corpora.public("defog", "databases"), sandbox.path(catalog.schema_group))
            except LexiQueryError as error:
                sys.stderr.write(f"no rows for {catalog.schema_group}: {error}\n")
        yield catalog, gold


def _seed(platform: str) -> Iterator[Gold]:
    lines = (_SEED / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    for item in map(json.loads, lines):
        if item["platform"] == platform:
            gold = item["gold"] if isinstance(item["gold"], str) else item["gold"][0]
            yield read_catalog(_SEED / item["schema_group"] / "catalog.yaml"), gold


def _line(name: str, counts: Counts, languages: Sequence[str]) -> list[str]:
    cells = [name, str(counts.queries), f"{counts.read / counts.queries:.1%}" if counts.queries else ""]
    for language in languages:
        rows = f"; rows equal {counts.same[language]} of {counts.ran[language]}" if counts.ran[language] else ""
        bound = f", {counts.bound[language]} bind" if counts.bound[language] else ""
        cells.append(f"{language.upper()}: {counts.written[language]}{bound}{rows}")
    return [*cells, *[""] * (2 - len(languages))]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m agents.data.plan.measure", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--failures", action="store_true", help="also list the queries that fall short, and why")
    given = parser.parse_args()
    failures: list[str] = []
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        public = Sandbox(Settings(data_dir=Path(folder), row_limit=_LIMIT))
        seed = Sandbox(Settings(row_limit=_LIMIT))
        suites: list[tuple[str, Iterable[Gold], Sandbox, list[str]]] = [
            ("NL2KQL", corpora.kql_gold(), public, ["kql", "sql"]),
            ("Defog", _defog(public), public, ["sql", "kql"]),
            ("seed, KQL", _seed("kql"), seed, ["kql", "sql"]),
            ("seed, SPL", _seed("spl"), seed, ["spl", "sql"]),
            ("seed, SQL", _seed("sql"), seed, ["sql", "kql"]),
        ]
        for name, golds, sandbox, languages in suites:
            lines.append(_line(name, measure(golds, sandbox, languages, failures), languages))
        public.close()
        seed.close()
    table = [["gold queries", "number", "read", "written again", "as another language"], ["---"] * 5, *lines]
    sys.stdout.write("\n".join(f"| {' | '.join(line)} |" for line in table) + "\n")
    if given.failures:
        sys.stdout.write("\n" + "\n".join(f"- {' '.join(failure.split())}" for failure in failures) + "\n")


if __name__ == "__main__":
    main()
