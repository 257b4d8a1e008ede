"""Defog's sql-eval as a suite: questions over 11 small databases, with the rows of their dumps.

Categories are `classic/…` (questions_gen), `basic/…` and `advanced/…`. The set comes without solved examples, and its
questions are answered without any; asked for, they are the other dev items of the same database.
"""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from agents.data.corpora import items, public
from agents.data.ddl import read_ddl
from core_engine.evaluation.bringing import Group, Suite, write_catalog
from core_engine.evaluation.suite import Item
from shared.catalog import Catalog

# What `now` means to the groups: their dumps write rows relative to the day they are loaded.
CLOCK = datetime(2024, 6, 15, 12, tzinfo=UTC)
_SETS = {"classic": "questions_gen", "basic": "instruct_basic", "advanced": "instruct_advanced"}
_MOST = 16  # accepted queries of one gold
_CLOCK_READ = {
    re.compile(r"\bCURRENT_DATE\b", re.IGNORECASE): f"DATE '{CLOCK:%Y-%m-%d}'",
    re.compile(r"\bCURRENT_TIMESTAMP\b|\bNOW\(\)", re.IGNORECASE): f"TIMESTAMP '{CLOCK:%Y-%m-%d %H:%M:%S}'",
    # Dialect that the dumps have wrong, or sqlglot does not know.
    re.compile(r"'%Y%m%d %H:%i:%s'"): "'YYYYMMDD HH24:MI:SS'",
    re.compile(r"(?<=\d) min'"): " minutes'",
}
_BRACES = re.compile(r"\{([^{}]*)\}")


def defog() -> Suite:
    """Raises NotFound where the public data is not there."""
    lines = [(kind, line) for kind, name in _SETS.items() for line in items("defog", f"{name}_dev.jsonl")]
    databases = sorted({line["schema_group"] for _, line in lines})
    asked = [_item(kind, line) for kind, line in lines]
    return Suite("defog", asked, [_group(name) for name in databases], examples=False)


def _item(kind: str, line: dict[str, Any]) -> Item:
    return Item(
        id=line["id"],
        platform="sql",
        schema_group=f"defog_{line['schema_group']}",
        question=_question(line),
        gold=accepted(line["gold"]),
        category=f"{kind}/{line['category']}",
    )


def _question(line: dict[str, Any]) -> str:
    """With the instructions that the set gives along with some questions: they say what words mean."""
    return "\n".join(filter(None, (line["question"], line.get("instructions"))))


def accepted(gold: str) -> list[str]:
    """The queries that a gold accepts: several by `;`, and of `{a, b}` any choice of those columns; an empty `{}`
    stands for the chosen ones again."""
    queries = [query.strip() for query in gold.split(";") if query.strip()]
    return list(dict.fromkeys(itertools.islice((one for query in queries for one in _chosen(query)), _MOST)))


def _chosen(query: str) -> list[str]:
    """Every choice of the first columns in braces; others in braces are taken whole."""
    choices = next((found for found in map(str.strip, _BRACES.findall(query)) if found), "")
    columns = [column.strip() for column in choices.split(",")]
    some = [", ".join(one) for size in range(len(columns), 0, -1) for one in itertools.combinations(columns, size)]
    return [_BRACES.sub(partial(_filled, choices, one), query) for one in some]


def _filled(choices: str, chosen: str, found: re.Match[str]) -> str:
    return chosen if found[1].strip() in ("", choices) else found[1]


def _group(name: str) -> Group:
    sources = [public("defog", "databases", f"{name}{suffix}") for suffix in (".sql", ".json")]
    sources += [public("defog", f"{one}_dev.jsonl") for one in _SETS.values()]

    def write(target: Path) -> None:
        dump = sources[0].read_text(encoding="utf-8")
        for pattern, instead in _CLOCK_READ.items():
            dump = pattern.sub(instead, dump)
        (target / f"{name}.sql").write_text(dump, encoding="utf-8")
        write_catalog(_catalog(name, target / f"{name}.sql"), target)

    return Group(f"defog_{name}", write, sources)


def _catalog(name: str, dump: Path) -> Catalog:
    """From the dump, with what the set says of the columns, and its dev items as examples."""
    about = json.loads(public("defog", "databases", f"{name}.json").read_text(encoding="utf-8"))["table_metadata"]
    read = read_ddl(dump, f"defog_{name}").model_dump(by_alias=True)
    for table in read["tables"]:
        known = {one["column_name"]: one["column_description"] for one in about.get(table["name"], [])}
        for column in table["columns"]:
            column["description"] = known.get(column["name"]) or column["description"]
    own = [
        line for one in _SETS.values() for line in items("defog", f"{one}_dev.jsonl") if line["schema_group"] == name
    ]
    examples = [{"question": _question(line), "query": accepted(line["gold"])[0]} for line in own]
    return Catalog.model_validate(read | {"clock": CLOCK, "examples": examples})
