"""Runbooks as tests: every query that stands in a runbook is proven against the schema group that it belongs to.

A query belongs to the groups of its platform that it can be proven in; where there is none, to the one it was last
proven in, or, anew at each check, whose names it comes nearest to. One whose tables are no group's, nor like a table of
one, is `foreign`: it is about something that LexiQuery does not know, and nobody's fault. One with placeholders
(`<host>`, `{{ host }}`) is a `template`: what it fills in is not known, so only its tables and columns are looked at,
and it is never an example.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from agents.data.platform import load_platform
from agents.data.proof import prove, unreadable
from agents.data.sandbox import Sandbox
from agents.knowledge.checks.parts import PLACEHOLDER, filled, first_line, leading_comment, parts_of
from agents.knowledge.store.passages import Passage
from agents.knowledge.text import LIST_MARK, sentences
from shared import __version__
from shared.catalog import Catalog, Example
from shared.models import Model, Problem, Proof

QueryStatus = Literal["proven", "plausible", "template", "foreign", "broken"]

PLATFORM_OF = {"kql": "kql", "kusto": "kql", "spl": "spl", "splunk": "spl", "sql": "sql"}
_LONGEST_QUESTION = 160
_LONGEST_LINE = 80
_SHORT = 4  # words of a heading that says little without its document's title
_UNKNOWN_TABLE = ("unknown_table", "unknown_index", "unknown_lookup", "unknown_source")


class RunbookQuery(Model):
    """A query as it stands in a runbook. id: its passage's, or made of that where the passage holds several; question:
    what it answers, in the runbook's words; labels: of its document."""

    id: str
    source: str
    heading: str
    step: str | None = None
    platform: str
    question: str
    query: str
    location: str
    labels: list[str] = []

    @property
    def place(self) -> str:
        return f"{self.source}{f', step {self.step}' if self.step else ''}, '{self.heading}'"


class CheckedQuery(RunbookQuery):
    """What became of one. groups: where it is proven, or where it is broken; before: that it was proven at the last
    check, so that it is the schema that changed, or the runbook; settled: that it was proven, before it broke, in the
    group where it is broken; reads: tables of its first group that it reads."""

    status: QueryStatus
    groups: list[str] = []
    reads: list[str] = []
    problems: list[Problem] = []
    before: bool = False
    settled: bool = False
    stamp: str = ""

    def render(self) -> str:
        """A line, the query's first one, and one for each of the first problems, with its place in the query."""
        where = " or ".join(self.groups)
        also = " (ambiguous: proven in each)" if len(self.groups) > 1 and self.status in ("proven", "plausible") else ""
        lines = [f"{self.status}: {self.place}{f' on {where}{also}' if where else ''}"]
        lines.append(f"  {first_line(self.query, _LONGEST_LINE)}")
        for one in self.problems[:3]:
            hint = f"; did you mean '{one.suggestion}'?" if one.suggestion else ""
            lines.append(f"  {_place(one)}{one.message}{hint}")
        if self.before and self.status == "broken":
            lines.append("  it was proven at the last check")
        return "\n".join(lines)

    @property
    def example(self) -> Example:
        return Example(question=self.question, query=self.query, source="runbook", cited=self.place)


def queries_of(passages: Sequence[Passage], catalogs: Sequence[Catalog] = ()) -> list[RunbookQuery]:
    """What the typed code blocks of platforms' languages ask, in order, each text of a document once. catalogs: all;
    only with those of its platform is a block of several queries taken apart."""
    found: dict[tuple[str, str], RunbookQuery] = {}
    for passage in passages:
        platform = PLATFORM_OF.get(passage.language or "") if passage.kind == "code" else None
        if platform is None or not passage.text.strip():
            continue
        text = passage.text.strip().rstrip(";").strip()
        parts = parts_of(text, platform, [one for one in catalogs if one.platform == platform])
        for number, part in enumerate(parts, start=1):
            query = RunbookQuery(
                id=passage.id if len(parts) == 1 else _part_id(passage.id, number),
                platform=platform,
                query=part,
                question=_question(passage) if len(parts) == 1 else _part_question(passage, part, number),
                location=passage.location,
                source=passage.source,
                heading=passage.heading,
                step=passage.step,
                labels=list(passage.labels),
            )
            found.setdefault((passage.location, part), query)
    return list(found.values())


def _part_id(passage_id: str, number: int) -> str:
    return hashlib.sha256(f"{passage_id} {number}".encode()).hexdigest()[:32]


def _part_question(passage: Passage, part: str, number: int) -> str:
    """What the comment above it says, else the block's question and which of its queries it is: no two have the same
    question, for an example is known by it."""
    if said := leading_comment(part):
        return _with_title(said.rstrip(":").strip(), passage.title)
    which = f" (query {number})"
    return f"{_cut(_question(passage), _LONGEST_QUESTION - len(which))}{which}"


def _question(passage: Passage) -> str:
    """The sentence that leads up to it where that asks or ends in a colon; else its heading, with the document's title
    where the heading alone says little."""
    led = [LIST_MARK.sub("", one).strip() for one in sentences(passage.lead)]
    if led and (asking := next((one for one in reversed(led) if one.endswith(("?", ":"))), None)):
        lead = asking.rstrip(":").strip()
    elif led and LIST_MARK.match(passage.lead):
        lead = led[0]
    else:
        lead = passage.heading
    return _with_title(lead, passage.title)


def _with_title(lead: str, title: str) -> str:
    """Where it alone says little."""
    said = f"{title}: {lead}" if len(lead.split()) < _SHORT and lead != title else lead
    return _cut(said, _LONGEST_QUESTION)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _place(problem: Problem) -> str:
    if problem.line is None:
        return ""
    return f"line {problem.line}" + (f", column {problem.column}: " if problem.column is not None else ": ")


def stamp_of(query: RunbookQuery, catalogs: Sequence[Catalog]) -> str:
    """What a check's outcome depends on: unchanged, it need not be made again."""
    versions = sorted(f"{one.schema_group} {one.as_imported.version}" for one in catalogs)
    said = (query.platform, query.query, query.question, query.place, query.location, *query.labels)
    text = "\0".join((__version__, *said, *versions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_query(
    query: RunbookQuery, catalogs: Sequence[Catalog], sandbox: Sandbox, before: CheckedQuery | None = None
) -> CheckedQuery:
    """catalogs: the groups of its platform; before: its last check. Blocks, for milliseconds a group."""
    base = CheckedQuery(**query.model_dump(), status="foreign", stamp=stamp_of(query, catalogs))
    if PLACEHOLDER.search(query.query):
        return _template(base, query, catalogs, sandbox)
    proofs = {one.schema_group: prove(load_platform(query.platform), query.query, one, sandbox) for one in catalogs}
    if good := [group for group, proof in proofs.items() if proof.verdict != "rejected"]:
        proven = [group for group in good if proofs[group].verdict == "proven"]
        reads = _reads(query.query, next(one for one in catalogs if one.schema_group == (proven or good)[0]))
        return base.model_copy(
            update={"status": "proven" if proven else "plausible", "groups": proven or good, "reads": reads}
        )
    was_proven = before is not None and before.status in ("proven", "plausible")
    still_broken = before is not None and before.settled and before.query == query.query
    last = before.groups[0] if before and (was_proven or still_broken) else ""
    home = last if last in proofs else _home(query, catalogs, proofs)
    if home is None:
        return base.model_copy(update={"problems": _first_problems(proofs)})
    update = {"status": "broken", "groups": [home], "problems": proofs[home].problems[:5], "before": was_proven}
    return base.model_copy(update=update | {"settled": home == last})


def _home(query: RunbookQuery, catalogs: Sequence[Catalog], proofs: Mapping[str, Proof]) -> str | None:
    """The group that a query that was never proven is meant for: the one whose tables it reads, else one that has a
    table of nearly that name; None where it is about something else."""
    known = {one.schema_group: len(_reads(query.query, one)) for one in catalogs}
    best = max(known, key=lambda group: known[group], default=None)
    if best is not None and known[best]:
        return best
    for group, proof in proofs.items():
        if any(one.suggestion for one in proof.problems if one.code in _UNKNOWN_TABLE):
            return group
        if all(one.code not in _UNKNOWN_TABLE for one in proof.problems):
            return group
    return None


def _reads(text: str, catalog: Catalog) -> list[str]:
    platform = load_platform(catalog.platform)
    if unreadable(text):  # parsing what no prover reads can take minutes
        return []
    if platform.parse(text, catalog).status != "passed":
        return []
    return sorted({table.name for table in platform.tables_of(text, catalog)})


def _first_problems(proofs: Mapping[str, Proof]) -> list[Problem]:
    return next((proof.problems[:1] for proof in proofs.values()), [])


def _template(base: CheckedQuery, query: RunbookQuery, catalogs: Sequence[Catalog], sandbox: Sandbox) -> CheckedQuery:
    """Filled in with a `1`, its tables and columns can be looked at; what else is wrong is the filling's fault."""
    text = filled(query.query)
    proofs = {one.schema_group: prove(load_platform(query.platform), text, one, sandbox) for one in catalogs}
    good = [group for group, proof in proofs.items() if proof.verdict != "rejected"]
    home = good[0] if good else _home(query, catalogs, proofs)
    problems = [one for one in proofs[home].problems if one.code.startswith("unknown_")] if home and not good else []
    reads = _reads(text, next(one for one in catalogs if one.schema_group == home)) if home else []
    # What fills it in has another length.
    named = [one.model_copy(update={"column": None}) for one in problems if one.suggestion]
    update = {"status": "template", "groups": [home] if home else [], "problems": named, "reads": reads}
    return base.model_copy(update=update)
