"""Which agents a question speaks of: `failed logins in Splunk`, `a KQL query for …`, `from the warehouse`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from shared.models import AvailableAgent, LinkedTable, Model

_BEFORE = r"\b(?:in|on|using|via|as|from (?:the|our)) (?:both |either )?(?:the |our |an? )?"
_AFTER = r" (?:quer(?:y|ies)|search(?:es)?)\b"
_AGAIN = r" (?:in |on |from )?(?:the |our )?"
_CLOSED = r"(?= *(?:$|[.,;:?!)]))"  # without a place word a name that goes on is a topic: "other than Splunk users"
# Hosts that *are* not in Splunk are a question about Splunk: neither a place to look nor one to leave out.
_STATE = re.compile(r"(?:\b(?:is|are|was|were|be|been)|n't)(?: \w+)? *$", re.IGNORECASE)
_DENIED = re.compile(
    r"(?:\b(?:not|never|except|excluding|without|outside|other than)"
    r"(?: for)?(?: (?:those|ones|the ones|what is))?|n't) *$",
    re.IGNORECASE,
)
_LEFT_OUT = r"\b(?:except|excluding|other than|(?:^|(?<=[,;:] )|(?<=but ))(?:not|without)) (?:for )?(?:the |our )?"
_GENERIC = frozenset({"data", "event", "events", "log", "logs", "index", "table", "tables"})
_LISTED = 5  # names of a list, before its last
_LONGEST = 60  # characters before a place that may deny it
_NAME = re.compile(r"\b[A-Z][\w-]*(?: [A-Z][\w-]*)*")


class Mentions(Model):
    """What a question says of places. places: agent → the words that say to look there; left_out: agent → the words
    that say not to."""

    places: dict[str, str] = {}
    left_out: dict[str, str] = {}


def mentioned(question: str, agents: Sequence[AvailableAgent], linked: Sequence[LinkedTable]) -> Mentions:
    """A name counts only where it says *where to look* ("in Splunk", "in Sentinel or Splunk", "a SQL query"), so that
    "errors of SQL Server" does not pick a platform."""
    owners = {name: agent for agent, names in _names(agents, linked).items() for name in names}
    found = Mentions()
    if not owners:
        return found
    # A capital after the name makes it part of a longer one: "in SQL Server".
    name = rf"(?:{'|'.join(map(re.escape, sorted(owners, key=lambda name: (-len(name), name))))})\b"
    one = rf"(?i:{name})(?! [A-Z])"
    more = rf"(?:(?:,(?i:{_AGAIN}){one}){{0,{_LISTED}}},? (?i:or|and)(?i:{_AGAIN}){one}){{0,{_LISTED}}}"
    for match in re.finditer(rf"(?i:{_BEFORE}){one}{more}|(?i:\b{name}{_AFTER})", question):
        before = question[max(0, match.start() - _LONGEST) : match.start()]
        if not (denied := _DENIED.search(before)):
            _note(found.places, match.group(), name, owners)
        elif not _STATE.search(before[: denied.start()]) and "n't" not in denied.group().lower():
            _note(found.left_out, denied.group() + match.group(), name, owners)
    for match in re.finditer(rf"(?i:{_LEFT_OUT}){one}{more}{_CLOSED}", question):
        _note(found.left_out, match.group(), name, owners)
    for agent in found.left_out:
        found.places.pop(agent, None)
    return found


def _note(told: dict[str, str], words: str, name: str, owners: dict[str, str]) -> None:
    for one in re.findall(name, words, re.IGNORECASE):
        told.setdefault(owners[one.lower()], words.strip())


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
