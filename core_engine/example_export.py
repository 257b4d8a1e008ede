"""`lexiquery examples export`: the proven pairs of question and query, as JSON lines to fine-tune a model with.

Form `plain` is the pair as the catalog has it. Form `chat` is the conversation that a model is asked with: the same
system prompt over the tables that the query reads, the question, and as answer what is wanted of the model, which for
KQL and SPL is SQL wherever a plan can say the query.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from agents.data.derive import Brief, Deriver
from agents.data.linking import Linked
from agents.data.platform import Platform, load_platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.through_sql import ThroughSql
from shared.catalog import Catalog, Example
from shared.llm.client import Models

Form = Literal["chat", "plain"]


async def export_examples(
    catalogs: Sequence[Catalog], form: Form, sandbox: Sandbox, models: Models, prompts_dir: Path | None = None
) -> list[str]:
    """A line a pair, without line ends; pairs that can't be proven any more are left out. No model is asked.

    prompts_dir: prompts of the operator's own.
    """
    lines = []
    for catalog in catalogs:
        writer = _Writer(catalog, models, prompts_dir) if form == "chat" else None
        for example in catalog.examples:
            platform = load_platform(catalog.platform)
            proof = await asyncio.to_thread(prove, platform, example.query, catalog, sandbox)
            if proof.verdict == "proven":
                line = await writer.conversation(example) if writer else _plain(example, catalog)
                lines.append(json.dumps(line, ensure_ascii=False))
    return lines


def _plain(example: Example, catalog: Catalog) -> dict[str, Any]:
    place = {"platform": catalog.platform, "schema_group": catalog.schema_group}
    return {**place, **example.model_dump(exclude_defaults=True)}


class _Writer:
    """Conversations over one group."""

    def __init__(self, catalog: Catalog, models: Models, prompts_dir: Path | None) -> None:
        self._catalog = catalog
        self._models = models
        self._prompts_dir = prompts_dir
        self._platform = load_platform(catalog.platform)
        self._through_sql = None if catalog.platform == "sql" else ThroughSql(self._platform)

    async def conversation(self, example: Example) -> dict[str, Any]:
        tables = await asyncio.to_thread(self._platform.tables_of, example.query, self._catalog)
        brief = Brief(example.question, Linked(self._catalog, []), tables, [])
        platform, query = self._platform, example.query
        if self._through_sql and (said := await self._in_sql(self._through_sql, brief)):
            brief, query, platform = *said, self._through_sql.sql
        return self._turns(platform, brief, query)

    async def _in_sql(self, through: ThroughSql, brief: Brief) -> tuple[Brief, str] | None:
        """The brief and the answer as SQL; None where no plan says the query."""
        in_sql = await through.brief(brief)
        examples = {one.question: one.query for one in in_sql.linked.catalog.examples}
        return (in_sql, examples[brief.question]) if brief.question in examples else None

    def _turns(self, platform: Platform, brief: Brief, query: str) -> dict[str, Any]:
        messages = Deriver(platform, self._models, self._prompts_dir).messages(brief)
        return {"messages": [*messages, {"role": "assistant", "content": query.strip()}]}
