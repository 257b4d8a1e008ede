"""What is fuzzed: the SPL parser, and `prove` of each platform, over the seed's groups and the suite's small ones. Each
target takes any text."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from agents.data.platform import load_platform, platform_names
from agents.data.proof import prove
from agents.data.sandbox import DRY_RUN_SECONDS, Sandbox
from agents.data.spl import Parsed
from agents.data.sql import DIALECTS
from shared.catalog import Catalog, read_catalog
from shared.settings import Settings
from tests.agents.data import queries
from tests.agents.data.conftest import small_catalog
from tests.agents.data.spl import test_commands, test_results, test_values
from tests.agents.data.spl.small import CATALOG as SPLUNK

SEED = Path(__file__).parents[2] / "data" / "seed"
FOUND = Path(__file__).parent / "found"
# What a text may compute, beyond what its dry run may.
MOST_SECONDS = DRY_RUN_SECONDS + 3
_SMALL = {"kql": small_catalog("kql"), "spl": SPLUNK, "sql": small_catalog("sql")}
_GROUPS = {"kql": "ops_logs", "spl": "ops_splunk", "sql": "ops_warehouse"}
# Loaded here, where the fuzzer instruments what is imported.
_PLATFORMS = {name: load_platform(name) for name in platform_names()}
_SANDBOX = Sandbox(Settings(data_dir=Path(tempfile.mkdtemp(prefix="lexiquery-fuzz-"))))


def parse_spl(text: str) -> None:
    """Parse, bind and safety without a schema; each problem has its place."""
    parsed = Parsed(text)
    for check in (parsed.parse(), parsed.bind(None), parsed.safety(None)):
        assert all(problem.line and problem.column for problem in check.problems), check


def proving(platform: str) -> Callable[[str], None]:
    """A proof comes back, and a check that failed says why. Group and dialect go by the text's length."""
    groups = [read_catalog(SEED / _GROUPS[platform] / "catalog.yaml"), _SMALL[platform]]
    dialects = DIALECTS if platform == "sql" else ("duckdb",)
    catalogs = [
        Catalog.model_validate({**group.model_dump(by_alias=True), "dialect": dialect})
        for dialect in dialects
        for group in groups
    ]

    def target(text: str) -> None:
        proof = prove(_PLATFORMS[platform], text, catalogs[len(text) % len(catalogs)], _SANDBOX)
        assert all(bool(check.problems) == (check.status == "failed") for check in proof.checks), proof

    return target


def timed(target: Callable[[str], None]) -> Callable[[str], None]:
    """The target, which fails where it computes for longer than MOST_SECONDS."""

    def one(text: str) -> None:
        began = time.process_time()
        target(text)
        took = time.process_time() - began
        assert took < MOST_SECONDS, f"it computed for {took:.1f} s"

    return one


TARGETS: dict[str, Callable[[], Callable[[str], None]]] = {
    "spl-parser": lambda: timed(parse_spl),
    "spl": lambda: timed(proving("spl")),
    "kql": lambda: timed(proving("kql")),
    "sql": lambda: timed(proving("sql")),
}


def cases(name: str) -> list[str]:
    """The queries that the suite has of a target's language: right, wrong and hostile."""
    platform = name.partition("-")[0]
    if platform == "spl":
        return [spl for spl, _ in (*test_results.CASES, *test_values.CASES, *test_commands.CASES)]
    texts = (queries.KQL_GOOD, queries.KQL_BAD) if platform == "kql" else (queries.SQL_GOOD, queries.SQL_BAD)
    return [query for text in texts for query in queries.lines(text)]


def seeds(name: str) -> Iterator[str]:
    """The queries of the seed's examples and questions, and what was found by fuzzing before."""
    platform = name.partition("-")[0]
    yield from (example.query for example in read_catalog(SEED / _GROUPS[platform] / "catalog.yaml").examples)
    for file in ("questions.jsonl", "spl_questions.jsonl"):
        items = map(json.loads, (SEED / file).read_text(encoding="utf-8").splitlines())
        for item in items:
            if item["platform"] == platform:
                yield from item["gold"] if isinstance(item["gold"], list) else [item["gold"]]
    for path in sorted(FOUND.glob(f"{name}-*")):
        yield path.read_bytes().decode("utf-8", errors="surrogateescape")
