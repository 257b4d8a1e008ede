"""`python -m agents.data.measure`: what the provers of KQL and SQL make of the public queries, as Markdown.

Parse, bind and dry run of gold queries and hunting corpora, misspelt names in them, read-only queries that are
blocked, and times. SPL has its own: `python -m agents.data.spl.measure`. Rows are never read, and no model is asked.
"""

from __future__ import annotations

import argparse
import platform as machine
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from agents.data import corpora
from agents.data.kql import Kql
from agents.data.kql.fallback import DuckdbKql
from agents.data.platform import Platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from agents.data.sql.functions import known_functions
from shared.catalog import Catalog
from shared.models import CheckStatus, Proof
from shared.settings import Settings

_TIMES = 3  # the shortest counts: whatever else the machine does is not the prover's
_SHOWN = 12

Line = tuple[str, str, str]  # what, must reach, reached


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m agents.data.measure", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--failures", action="store_true", help="also list the queries that fall short, and why")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Settings(data_dir=Path(folder)))
        lines, failures = measure(sandbox)
        sandbox.close()
    sys.stdout.write(as_markdown(lines))
    if given.failures:
        sys.stdout.write("\n" + "\n".join(f"- {failure}" for failure in failures) + "\n")


def measure(sandbox: Sandbox) -> tuple[list[Line], list[str]]:
    """Every line of the table, and what fell short."""
    failures: list[str] = []
    lines = [*_kql(sandbox, failures), *_hunting(failures), *_sql(sandbox, failures)]
    return lines, failures


def as_markdown(lines: Iterable[Line]) -> str:
    head = (
        f"{datetime.now(UTC):%Y-%m-%d}, {machine.system()} {machine.machine()}, Python {machine.python_version()}\n\n"
    )
    table = ["| | must reach | reached |", "|---|---|---|", *(f"| {' | '.join(line)} |" for line in lines)]
    return head + "\n".join(table) + "\n"


def _kql(sandbox: Sandbox, failures: list[str]) -> list[Line]:
    kql, gold = Kql(), list(corpora.kql_gold())
    proofs = [prove(kql, query, catalog, sandbox) for catalog, query in gold]
    _note(failures, "NL2KQL", gold, proofs)
    found = _statuses(proofs)
    agreed = sum(
        kql.official_verdict(query, catalog) == (_status(proof, "parse"), _status(proof, "bind"))
        for (catalog, query), proof in zip(gold, proofs, strict=True)
    )
    without = Kql(DuckdbKql())
    same = sum(_accepts(without, query, catalog) == _accepts(kql, query, catalog) for catalog, query in gold)
    bound = found["bind", "passed"]
    return [
        ("NL2KQL gold: parse and bind as the official binder", "100%", _share(agreed, len(gold))),
        ("… of it parsed; bound (the rest names what its schema lacks)", "", f"{found['parse', 'passed']}; {bound}"),
        ("… without .NET, by duckdb-kql: the same verdict", "", _share(same, len(gold))),
        ("NL2KQL gold executed on empty typed tables", "≥ 95%", _share(found["dry_run", "passed"], len(gold))),
        ("… of those that bind", "", _share(found["dry_run", "passed"], bound)),
        *_misspelt("NL2KQL", kql, gold, sandbox, ("table", "column")),
        ("valid read-only KQL blocked, of NL2KQL", "≤ 0.5%", _share(found["safety", "failed"], len(gold))),
        ("time of KQL parse and bind, median and 95th percentile", "1, 5 ms", _times(Kql, gold)),
    ]


def _hunting(failures: list[str]) -> list[Line]:
    """The corpora have no schema of their own: parsed and judged, not bound."""
    kql, catalogs = Kql(), [corpora.kql_catalog(name) for name in ("sentinel", "defender")]

    def parses(text: str) -> bool:
        return kql.parse(text, catalogs[0]).status == "passed"

    queries = [query for text in corpora.hunting_files() for query in kql.split(text)]
    parsed = [query for query in queries if parses(query)]
    failures += [f"hunting, parse: {query[:80]!r}" for query in queries if query not in set(parsed)]
    codes = Counter(
        problem.code
        for query in parsed
        for problem in min((kql.safety(query, catalog).problems for catalog in catalogs), key=len)[:1]
    )
    outside = codes["external_data"] + codes["cross_reference"]
    reasons = f"reach outside the workspace {outside}, read every table for all time {codes['unbounded']}"
    blocked = codes.total() - outside - codes["unbounded"]
    return [
        ("hunting corpora parsed, after splitting", "≥ 98.5%", _share(len(parsed), len(queries))),
        (f"… blocked by rule: {reasons}; otherwise", "≤ 0.5%", _share(blocked, len(parsed))),
    ]


def _sql(sandbox: Sandbox, failures: list[str]) -> list[Line]:
    sql, gold = Sql(), list(corpora.sql_gold())
    proofs = [prove(sql, query, catalog, sandbox) for catalog, query in gold]
    _note(failures, "Defog", gold, proofs)
    accepted = sum(proof.verdict != "rejected" for proof in proofs)
    proven = sum(proof.verdict == "proven" for proof in proofs)
    found = _statuses(proofs)
    return [
        ("Defog gold accepted", "≥ 98%", _share(accepted, len(gold))),
        ("… proven", "", _share(proven, len(gold))),
        *_misspelt("Defog", sql, gold, sandbox, ("table", "column", "function")),
        ("valid read-only SQL blocked, of Defog", "≤ 0.5%", _share(found["safety", "failed"], len(gold))),
        ("time of SQL parse and bind, median and 95th percentile", "3, 10 ms", _times(Sql, gold)),
    ]


def _misspelt(
    name: str, platform: Platform, gold: list[corpora.Gold], sandbox: Sandbox, kinds: Iterable[str]
) -> list[Line]:
    lines = []
    for kind in kinds:
        total = caught = first = 0
        for catalog, query, _, right in corpora.faults(platform, gold, kind, known_functions("postgres")):
            proof = prove(platform, query, catalog, sandbox)
            suggestions = [(problem.suggestion or "").lower() for problem in proof.problems]
            total, caught = total + 1, caught + (proof.verdict == "rejected")
            first += right.lower() in suggestions
        must = "100%" if kind != "column" else "99%"
        reached = f"{_share(caught, total)}; {_share(first, caught)}"
        lines.append((f"{name}: misspelt {kind} caught; the right name suggested first", f"{must}; ≥ 90%", reached))
    return lines


def _times(make: Callable[[], Platform], gold: list[corpora.Gold]) -> str:
    """Of one query, caches warm but for the query itself."""
    shortest = [float("inf")] * len(gold)
    for _ in range(_TIMES):
        platform = make()
        for catalog in {catalog.version: catalog for catalog, _ in gold}.values():
            _accepts(platform, "print 1" if catalog.platform == "kql" else "SELECT 1", catalog)
        for number, (catalog, query) in enumerate(gold):
            began = time.perf_counter()
            _accepts(platform, query, catalog)
            shortest[number] = min(shortest[number], time.perf_counter() - began)
    ranked = sorted(shortest)
    return ", ".join(f"{1000 * ranked[int(len(ranked) * share)]:.1f} ms" for share in (0.5, 0.95))


def _accepts(platform: Platform, query: str, catalog: Catalog) -> bool:
    return platform.parse(query, catalog).status == platform.bind(query, catalog).status == "passed"


def _status(proof: Proof, name: str) -> CheckStatus:
    return next(check.status for check in proof.checks if check.name == name)


def _statuses(proofs: Iterable[Proof]) -> Counter[tuple[str, str]]:
    return Counter((check.name, check.status) for proof in proofs for check in proof.checks)


def _note(failures: list[str], name: str, gold: list[corpora.Gold], proofs: list[Proof]) -> None:
    for (catalog, query), proof in zip(gold, proofs, strict=True):
        for check in proof.checks:
            if check.status != "passed" and check.name != "cost":
                why = check.detail or "; ".join(problem.message for problem in check.problems)
                failures.append(f"{name} ({catalog.schema_group}), {check.name} {check.status}: {why}: {query[:80]!r}")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}% ({part}/{whole})" if whole else "none"


if __name__ == "__main__":
    main()
