"""Plan requests as the discovery stage makes them."""

from __future__ import annotations

from typing import Any

from shared.models import AvailableAgent, KnowledgeHit, LinkedTable, PlanRequest

DATA_AGENTS = {
    "kql": "Kusto: Azure Monitor, Log Analytics and Microsoft Sentinel",
    "spl": "Answers with SPL searches for Splunk",
    "sql": "Answers with SQL queries for warehouses",
}
AVAILABLE = [
    *(AvailableAgent(agent=name, skill=skill, description=text, platform=name)
      for name, text in DATA_AGENTS.items() for skill in ("link", "query", "prove", "execute")),
    *(AvailableAgent(agent=name, skill="search", description="Finds passages") for name in ("sop", "known_errors")),
]  # fmt: skip
GROUPS = {"kql": "ops_logs", "spl": "ops_splunk", "sql": "ops_warehouse"}


def link(platform: str, table: str, score: float, why: str = "") -> LinkedTable:
    return LinkedTable(platform=platform, schema_group=GROUPS[platform], table=table, score=score, why=why)


def hit(agent: str, title: str, score: float) -> KnowledgeHit:
    return KnowledgeHit(agent=agent, title=title, source=f"{agent}.md", excerpt="...", score=score)


def request(question: str, *linked: LinkedTable, **fields: Any) -> PlanRequest:
    return PlanRequest(question=question, linked=list(linked), **{"available": AVAILABLE, **fields})
