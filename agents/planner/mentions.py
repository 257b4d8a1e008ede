"""Which agents a question speaks of: `failed logins in Splunk`, `a KQL query for …`, `from the warehouse`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from shared.models import AvailableAgent, LinkedTable

_BEFORE = r"\b(?:in|on|using|via|as|from (?:the|our)) (?:the |our |an? )?"
_AFTER = r" (?:quer(?:y|ies)|search(?:es)?)\b"
_GENERIC = frozenset({"data", "event", "events", "log", "logs", "index", "table", "tables"})
_NAME = re.compile(r"\b[A-Z][\w-]*(?: [A-Z][\w-]*)*")


def mentioned(question: str, agents: Sequence[AvailableAgent], linked: Sequence[LinkedTable]) -> dict[str, str]:
    """Agent → the words that speak of it.

    A name counts only where it says *where to look* ("in Splunk", "a SQL query"), so that "errors of SQL Server" does
    not pick a platform.
    """
    found = {}
    for agent, names in _names(agents, linked).items():
        for name in sorted(names, key=lambda name: (-len(name), name)):
            if match := _pattern(name).search(question):
                found[agent] = match.group().strip()
                break
    return found


def _pattern(name: str) -> re.Pattern[str]:
    # A capital after the name makes it part of a longer one: "in SQL Server".
    return re.compile(rf"(?i:{_BEFORE}{re.escape(name)})\b(?! [A-Z])|(?i:\b{re.escape(name)}{_AFTER})")


def _names(agents: Sequence[AvailableAgent], linked: Sequence[LinkedTable]) -> dict[str, set[str]]:
    """Each agent's names, without those that another agent has too."""
    names = {agent.agent: _names_of(agent, linked) for agent in agents}
    owners = Counter(name for own in names.values() for name in own)
    return {agent: {name for name in own if owners[name] == 1} for agent, own in names.items()}


def _names_of(agent: AvailableAgent, linked: Sequence[LinkedTable]) -> set[str]:
    """Lower-case: the agent, its platform, the proper names of its description, its schema groups and their parts."""
    groups = {link.schema_group for link in linked if link.platform == agent.platform}
    parts = {part for group in groups for part in group.split("_")}
    # A sentence's first word is capitalised anyway: "Answers with …" names nothing.
    text = re.sub(r"^[A-Z]\w*s (?=[a-z])", "", agent.description)
    described = {form for name in _NAME.findall(text) for form in (name, name.removeprefix("Microsoft "))}
    names = {agent.agent, agent.platform or "", *groups, *parts, *described}
    return {name.lower() for name in names if len(name) > 2} - _GENERIC
