"""What the evidence says by itself: who holds the answer, why, and whether a model must be asked.

Scores of linked tables and of knowledge hits are 0 to 1 and comparable between agents (shared/models.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from agents.planner.mentions import mentioned
from shared.errors import did_you_mean
from shared.models import AvailableAgent, KnowledgeHit, LinkedTable, Model, Plan, PlanRequest, Step

LINK_FLOOR = 0.05  # below it a table has nothing to do with the question
KNOWLEDGE_FLOOR = 0.3  # the same for a passage
AHEAD = 0.15  # a lead that other wordings of the question would not turn around
STRONG = 0.5  # a table that may hold a part of the answer even where another one leads

_WORD = re.compile(r"[A-Za-z][a-z]{3,}|[A-Z]{2,}")
_COMMON_WORDS = (
    "a all an and any are as at by did do does each every find for from get give had has have how in is it its last "
    "list many me most much of on or our per show than that the their them there these they this those to top was "
    "were what when where which who whose why with you"
)
_COMMON = frozenset(_COMMON_WORDS.split())


class Contender(Model):
    """A data agent and its linked tables above LINK_FLOOR, best first."""

    agent: str
    platform: str
    links: list[LinkedTable]

    @property
    def score(self) -> float:
        return self.links[0].score if self.links else 0.0


class Choice(Model):
    """A data agent that goes into the plan; how: what decided, in words."""

    agent: str
    how: str


class Evidence(Model):
    """contenders: every available data agent that the question does not leave out, best first. choices: None where the
    evidence doesn't decide; then `rivals` (at least two) are who the model chooses among. absent: agent → the
    question's words for it, where none of its tables matches."""

    contenders: list[Contender]
    choices: list[Choice] | None
    rivals: list[Contender] = []
    notes: list[str] = []
    absent: dict[str, str] = {}


def weigh(request: PlanRequest) -> Evidence:
    """Decides where the user, the question's own words or the scores decide; else names the rivals."""
    agents = _data_agents(request.available)
    contenders = _contenders(agents, request.linked)
    if request.platforms:
        choices, notes = _named_by_user(request.platforms, contenders)
        return Evidence(contenders=contenders, choices=choices, notes=notes)
    said = mentioned(request.question, agents, request.linked)
    notes = [f"left out {agent}: the question says '{words}'" for agent, words in said.left_out.items()]
    contenders = [contender for contender in contenders if contender.agent not in said.left_out]
    linked = [contender for contender in contenders if contender.links]
    absent = {c.agent: said.places[c.agent] for c in contenders if c.agent in said.places and not c.links}
    evidence = Evidence(contenders=contenders, choices=None, notes=notes, absent=absent)
    if spoken := [c for c in linked if c.agent in said.places]:
        choices = [Choice(agent=c.agent, how=f"the question says '{said.places[c.agent]}'") for c in spoken]
        return evidence.model_copy(update={"choices": choices})
    rivals = _rivals(request.question, linked)
    if parts := _parts(request.question, rivals):
        choices = [Choice(agent=part.agent, how="holds a part of what is asked") for part in parts]
        return evidence.model_copy(update={"choices": choices})
    if rivals:
        return evidence.model_copy(update={"rivals": rivals})
    how = "the only one with a matching table" if len(linked) == 1 else "clearly ahead of the others"
    return evidence.model_copy(update={"choices": [Choice(agent=c.agent, how=how) for c in linked[:1]]})


def best(question: str, rivals: Sequence[Contender], how: str) -> list[Choice]:
    """The choice without a model."""
    return [Choice(agent=contender.agent, how=how) for contender in _cover(question, rivals)]


def build(request: PlanRequest, evidence: Evidence, choices: Sequence[Choice]) -> Plan:
    """Knowledge steps, then a `query` step for each choice that is available; the others are noted."""
    by_agent = {contender.agent: contender for contender in evidence.contenders}
    notes = list(evidence.notes)
    steps = _knowledge_steps(request)
    for choice in _distinct(choices):
        if contender := by_agent.get(choice.agent):
            steps.append(Step(agent=choice.agent, skill="query", reason=f"{choice.how}: {_why(contender)}"))
        else:
            notes.append(f"dropped agent '{choice.agent}': no data agent of that name is available")
    asked = [step.agent for step in steps if step.skill == "query"]
    for agent, words in evidence.absent.items():
        instead = f"; asked {' and '.join(asked)}" if asked else ""
        notes.append(f"the question says '{words}', but no table of {agent} matches it{instead}")
    if not asked:
        notes.append("no data agent has a table that matches the question")
    return Plan(steps=steps, notes=notes)


def _data_agents(available: Sequence[AvailableAgent]) -> list[AvailableAgent]:
    """One agent a platform: of several, the first by name, so that the same request gets the same plan."""
    by_platform: dict[str, AvailableAgent] = {}
    for agent in sorted(available, key=lambda agent: agent.agent):
        if agent.skill == "query" and agent.platform:
            by_platform.setdefault(agent.platform, agent)
    return list(by_platform.values())


def _contenders(agents: Sequence[AvailableAgent], linked: Sequence[LinkedTable]) -> list[Contender]:
    contenders = []
    for agent in agents:
        own = [link for link in linked if link.platform == agent.platform and link.score >= LINK_FLOOR]
        own.sort(key=lambda link: (-link.score, link.schema_group, link.table))
        contenders.append(Contender(agent=agent.agent, platform=agent.platform or "", links=own))
    return sorted(contenders, key=lambda contender: (-contender.score, contender.agent))


def _named_by_user(platforms: Sequence[str], contenders: Sequence[Contender]) -> tuple[list[Choice], list[str]]:
    by_platform = {contender.platform: contender.agent for contender in contenders}
    choices, notes = [], []
    for platform in dict.fromkeys(platforms):
        if agent := by_platform.get(platform):
            choices.append(Choice(agent=agent, how="named by the user"))
        else:
            hint = did_you_mean(platform, by_platform)
            notes.append(f"dropped platform '{platform}': no agent for it is available" + (f"; {hint}" if hint else ""))
    return choices, notes


def _rivals(question: str, linked: Sequence[Contender]) -> list[Contender]:
    """The leader and those that are near it, or strong on words of the question that it doesn't cover; or nobody."""
    if len(linked) < 2:
        return []
    leader = linked[0]
    covered = _covered(question, leader)
    rivals = [
        other
        for other in linked[1:]
        if leader.score - other.score < AHEAD or (other.score >= STRONG and _covered(question, other) - covered)
    ]
    return [leader, *rivals] if rivals else []


def _parts(question: str, rivals: Sequence[Contender]) -> list[Contender]:
    """Those that are each strong on words of the question that none of the others covers; or nobody."""
    cover = _cover(question, rivals)
    words = [_covered(question, contender) for contender in cover]
    owners = Counter(word for own in words for word in own)
    apart = all(any(owners[word] == 1 for word in own) for own in words)
    return cover if len(cover) > 1 and apart and cover[0].score >= STRONG else []


def _cover(question: str, rivals: Sequence[Contender]) -> list[Contender]:
    """The leader, and each strong rival that covers words nobody before it covers."""
    cover: list[Contender] = []
    seen: set[str] = set()
    for rival in rivals:
        words = _covered(question, rival)
        if not cover or (rival.score >= STRONG and words - seen):
            cover.append(rival)
            seen |= words
    return cover


def _covered(question: str, contender: Contender) -> set[str]:
    """The question's words that the names of its tables, or the reasons for them, speak of."""
    told = _stems(f"{link.table} {link.why}" for link in contender.links)
    return _stems([question]) & told


def _stems(texts: Iterable[str]) -> set[str]:
    """Four letters keep `failed` and `failure` together; `sign-in` and `sign_ins` count joined and in parts."""
    forms = (form for text in texts for form in (text.replace("_", " "), re.sub("[-_]", "", text)))
    words = (word.lower() for form in forms for word in _WORD.findall(form))
    return {word[:4] for word in words if word not in _COMMON}


def _knowledge_steps(request: PlanRequest) -> list[Step]:
    """Those with a hit above the floor; all of them where nothing was searched or found before."""
    names = sorted({agent.agent for agent in request.available if agent.skill == "search" and not agent.platform})
    if not request.knowledge:
        reason = "no passage was found before; it may hold one"
        return [Step(agent=name, skill="search", reason=reason) for name in names]
    found = ((name, _best_hit(name, request.knowledge)) for name in names)
    return [Step(agent=name, skill="search", reason=f"its '{hit.title}' bears on it") for name, hit in found if hit]


def _best_hit(agent: str, hits: Sequence[KnowledgeHit]) -> KnowledgeHit | None:
    own = [hit for hit in hits if hit.agent == agent and hit.score >= KNOWLEDGE_FLOOR]
    return max(own, key=lambda hit: (hit.score, hit.title), default=None)


def _why(contender: Contender) -> str:
    if not contender.links:
        return "none of its tables matches the question well"
    link = contender.links[0]
    table = f"its table {link.table} ({link.schema_group})"
    return f"{table}: {link.why}" if link.why else f"{table} is nearest to it"


def _distinct(choices: Sequence[Choice]) -> list[Choice]:
    by_agent: dict[str, Choice] = {}
    for choice in choices:
        by_agent.setdefault(choice.agent, choice)
    return list(by_agent.values())
