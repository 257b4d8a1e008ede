"""The data agent: link, retrieve, derive, prove, repair, run. The same for every platform."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from agents.agent import Agent, Skill
from agents.data.accounting import Account, account
from agents.data.agreement import why_empty
from agents.data.attempt import Attempt
from agents.data.attempts import Attempts
from agents.data.complexity import complexity
from agents.data.confidence import confidence, read_calibration, share
from agents.data.connectors.connections import Connections
from agents.data.defanged import refanged
from agents.data.derive import Brief, make_brief
from agents.data.explain import explain
from agents.data.leaving_out import leave_out
from agents.data.linking import LINK_FLOOR, Linked, Linker, linked_tables
from agents.data.parts import Part, read_parts
from agents.data.plan_proof import prove_given
from agents.data.platform import Platform
from agents.data.repair import wrong_name
from agents.data.routes import first_route
from agents.data.runbook_text import told_by_runbooks
from agents.data.running import Runner
from agents.data.sandbox import Sandbox
from agents.data.untold import held_nowhere
from agents.data.vague import says_too_little
from agents.data.words import pieces
from shared.catalog import Catalog, Catalogs, Table
from shared.context import scoped
from shared.errors import InvalidInput, LexiQueryError, NotFound, QueryFailed, SourceUnavailable, first_problem
from shared.llm.client import Models
from shared.llm.providers.base import Likelihood
from shared.models import (
    Clarification,
    DataRequest,
    DataResult,
    ExecuteRequest,
    LinkRequest,
    Links,
    Model,
    Problem,
    Proof,
    ProveRequest,
    QueryAnswer,
    Rows,
)
from shared.settings import Settings

_OPTIONS = 3
_IS_IT = "Is it about one of these?"
_UNKNOWN = ("unknown_column", "unknown_table")
_Request = TypeVar("_Request", bound=Model)


@dataclass(frozen=True)
class _Ran:
    """The rows of an attempt, None where it was not run; notes: why not, or what the rows say, in words."""

    attempt: Attempt
    rows: Rows | None = None
    notes: tuple[str, ...] = ()


class DataAgent(Agent):
    """Answers questions on one platform's schema groups with proven queries."""

    def __init__(
        self,
        platform: Platform,
        catalogs: Catalogs,
        models: Models,
        sandbox: Sandbox,
        settings: Settings,
        connections: Connections | None = None,
    ) -> None:
        self.name = platform.name
        self.description = f"Derives, proves and runs {platform.language} queries. {platform.description}."
        self._platform = platform
        self._catalogs = catalogs
        self._sandbox = sandbox
        self._settings = settings
        self._models = models
        self._linker = Linker(platform, models, sandbox)
        self._without = read_parts(settings.without)
        learned = Part.ROUTES not in self._without
        first = first_route(platform.name, settings.data_dir, settings.model) if learned else "sql"
        self._attempts = Attempts(
            platform, models, sandbox, self._without, first=first, prompts_dir=settings.prompts_dir
        )
        self._runner = Runner(platform, sandbox, settings, connections)

    default_skill = "query"

    def skills(self) -> list[Skill]:
        language = self._platform.language
        texts = {
            "link": ("Link", "Finds the tables that may hold a question's answer"),
            "query": (f"{language} query", f"Derives a proven {language} query for a question, and runs it"),
            "prove": (f"Prove {language}", f"Shows whether a {language} query parses, binds, only reads, and runs"),
            "execute": (f"Run {language}", f"Runs a {language} query that can be proven, and gives its rows"),
        }
        tag = f"platform:{self._platform.name}"
        return [Skill(id=id_, name=name, description=text, tags=[tag]) for id_, (name, text) in texts.items()]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        with scoped(agent=self.name):
            return (await self._dispatch(skill, request)).model_dump(mode="json")

    async def _dispatch(self, skill: str, request: dict[str, Any]) -> Model:
        if skill == "link":
            return await self.link(_read(LinkRequest, request))
        if skill == "query":
            return await self.query(_read(DataRequest, request))
        if skill == "prove":
            return await self.prove(_read(ProveRequest, request))
        if skill == "execute":
            return await self.execute(_read(ExecuteRequest, request))
        raise NotFound.named("skill", skill, [known.id for known in self.skills()])

    async def link(self, request: LinkRequest) -> Links:
        """The best tables of all groups, or of one, best first."""
        question, _ = refanged(request.question)
        found = await self._linked(DataRequest(question=question, schema_group=request.schema_group))
        tables = [table for linked in found for table in linked_tables(linked, request.limit)]
        return Links(tables=sorted(tables, key=lambda table: -table.score)[: request.limit])

    async def index(self, schema_group: str) -> None:
        """Embed a group's tables, columns and examples, so that no question has to. Raises ModelUnavailable."""
        await self._linker.index(await self._group(schema_group))

    async def query(self, request: DataRequest) -> DataResult:
        """A proven query with its rows; a rejected one, not run, when none could be proven; or a clarification: the
        question fits no table, or wants what no table has."""
        question, read = refanged(request.question)
        request = request.model_copy(update={"question": question})
        if Part.KNOWLEDGE in self._without:
            request = request.model_copy(update={"knowledge": [], "hints": []})
        found = await self._linked(request)
        if not found:
            raise NotFound(
                f"there is no schema group on platform '{self._platform.name}'",
                suggestion="import one with `lexiquery catalog import`",
            )
        linked = found[0]
        if says_too_little(request.question, linked):
            return DataResult(clarification=_which_table("The question does not say what to look for.", found))
        if linked.score < LINK_FLOOR and not linked.mentions:
            return DataResult(clarification=_which_table("No table matches this question.", found))
        knowledge = [f"{hit.title} {hit.excerpt}" for hit in request.knowledge]
        knowledge += [f"{hint.subject} {hint.text}" for hint in request.hints]
        if missing := await held_nowhere(request.question, linked, knowledge, self._models):
            return DataResult(clarification=_not_here(missing, found))
        brief = make_brief(request.question, linked, request.rejected, request.knowledge, request.hints)
        brief = leave_out(brief, self._without)
        attempt = await self._attempts.solve(brief)
        if unknown := _unknown(attempt, linked.catalog):
            return DataResult(clarification=_not_here(unknown, found))
        ran = await self._run(brief, attempt, request)
        answer = await self._answer(brief, ran)
        notes = [f"'{written}' is read as '{plain}'" for written, plain in read]
        return DataResult(answers=[answer.model_copy(update={"assumptions": [*notes, *answer.assumptions]})])

    async def prove(self, request: ProveRequest) -> Proof:
        """Raises NotFound, and InvalidInput for a plan that is none or that the language can't say."""
        catalog = await self._group(request.schema_group)
        return await asyncio.to_thread(prove_given, self._platform, request, catalog, self._sandbox)

    async def execute(self, request: ExecuteRequest) -> Rows:
        catalog = await self._group(request.schema_group)
        return (await self._runner.run(request.query, catalog, request.limit, request.offset)).rows

    async def _linked(self, request: DataRequest) -> list[Linked]:
        """The platform's groups, or the one asked for, linked to the question; the best first."""
        if request.schema_group:
            catalogs = [await self._group(request.schema_group)]
        else:
            catalogs = await self._catalogs.all(self._platform.name)
        held_out, told = self._settings.hold_out, (request.knowledge, request.hints)
        found = [await self._linker.link(request.question, one, *told, hold_out=held_out) for one in catalogs]
        return sorted(found, key=lambda linked: -linked.score)

    async def _group(self, name: str) -> Catalog:
        return await self._catalogs.get(name, [self._platform.name])

    async def _run(self, brief: Brief, attempt: Attempt, request: DataRequest) -> _Ran:
        """The attempt's rows if it may run; a query that fails on the rows it meets is repaired once."""
        if attempt.rejected or not request.run or not await self._runner.can_run(brief.linked.catalog):
            return _Ran(attempt)
        try:
            return await self._rows(brief, attempt, request.limit)
        except QueryFailed as error:
            problem = Problem(code=error.code, message=error.message, suggestion=error.suggestion)
            repaired = await self._attempts.after_failure(brief, attempt, problem)
            if repaired is None:
                return _Ran(attempt, notes=(f"it fails on the rows it meets: {error}",))
        try:
            return await self._rows(brief, repaired, request.limit)
        except LexiQueryError as second:
            return _Ran(repaired, notes=(f"it fails on the rows it meets: {second}",))

    async def _rows(self, brief: Brief, attempt: Attempt, limit: int) -> _Ran:
        catalog = brief.linked.catalog
        try:
            ran = await self._runner.run(attempt.query, catalog, limit)
        except (InvalidInput, NotFound, SourceUnavailable) as error:
            return _Ran(attempt, notes=(f"not run: {error}",))
        if ran.place or ran.rows.rows:
            return _Ran(attempt, ran.rows, (f"it ran on {ran.place}",) if ran.place else ())
        notes = await asyncio.to_thread(why_empty, self._platform, attempt.query, catalog, self._sandbox)
        return _Ran(attempt, ran.rows, tuple(notes))

    async def _answer(self, brief: Brief, ran: _Ran) -> QueryAnswer:
        attempt, catalog = ran.attempt, brief.linked.catalog
        tables = await self._tables(attempt.query, catalog) if _parsed(attempt.proof) else []
        told = account(brief.question, attempt.query, tables, brief.linked, brief.knowledge)
        evidence = _evidence(brief, ran, tables, told)
        calibration = read_calibration(self._settings.data_dir, self._settings.model)
        sure = None if attempt.rejected else confidence(evidence, self._platform.name, calibration)
        return QueryAnswer(
            platform=self._platform.name,
            schema_group=catalog.schema_group,
            query=attempt.query,
            explanation=explain(attempt.query, tables) if tables else "",
            assumptions=[*attempt.notes, *_doubts(attempt, told), *told_by_runbooks(attempt.query, brief), *ran.notes],
            confidence=sure,
            evidence=evidence,
            route=attempt.route,
            proof=attempt.proof,
            result=ran.rows,
        )

    async def _tables(self, query: str, catalog: Catalog) -> list[Table]:
        return await asyncio.to_thread(self._platform.tables_of, query, catalog)


def _read(kind: type[_Request], request: dict[str, Any]) -> _Request:
    """The request as its type. Raises InvalidInput that names the field."""
    try:
        return kind.model_validate(request)
    except ValidationError as error:
        raise InvalidInput(f"{kind.__name__}: {first_problem(error)}") from error


def _unknown(attempt: Attempt, catalog: Catalog) -> list[str]:
    """The names of a rejected query that are no names of this group, nor near one; what a proven one only calls so."""
    if attempt.missing:
        return list(attempt.missing)
    if not attempt.rejected:
        return []
    found = [wrong_name(one) for one in attempt.proof.problems if one.code in _UNKNOWN]
    known = {tuple(pieces(name)) for table in catalog.tables for name in (table.name, *table.by_name)}
    return list(dict.fromkeys(name for name in found if name and tuple(pieces(name)) not in known))


def _not_here(unknown: list[str], found: list[Linked]) -> Clarification:
    """What the question seems to want and no table has, and the nearest tables."""
    names = " or ".join(f"'{name}'" for name in unknown[:_OPTIONS])
    group = found[0].catalog.schema_group
    return Clarification(question=f"Nothing in {group} is called {names}. {_IS_IT}", options=_nearest_tables(found))


def _which_table(why: str, found: list[Linked]) -> Clarification:
    return Clarification(question=f"{why} {_IS_IT}", options=_nearest_tables(found))


def _nearest_tables(found: list[Linked]) -> list[str]:
    """The nearest tables of the platform as options, though none may be near."""
    nearest = sorted((link for linked in found for link in linked.links), key=lambda link: -link.score)[:_OPTIONS]
    return [
        f"{link.table.name}: {link.table.description}" if link.table.description else link.table.name
        for link in nearest
    ]


def _parsed(proof: Proof) -> bool:
    return any(check.name == "parse" and check.status == "passed" for check in proof.checks)


def _doubts(attempt: Attempt, told: Account) -> list[str]:
    """What the query says and the question does not, and the other way round; a curated example is right as it is."""
    if attempt.route == "example":
        return []
    return [problem.message for problem in told.problems]


def _evidence(brief: Brief, ran: _Ran, tables: list[Table], told: Account) -> dict[str, float]:
    """What the confidence is computed from (confidence.EVIDENCE)."""
    links = brief.linked.links
    nearest = brief.linked.examples[0] if brief.linked.examples else None
    evidence = {
        "proven": {"proven": 1.0, "plausible": 0.5, "rejected": 0.0}[ran.attempt.proof.verdict],
        "mends": share(len(ran.attempt.notes)),
        "repairs": share(ran.attempt.repairs),
        "link": links[0].score,
        "margin": links[0].score - links[1].score if len(links) > 1 else links[0].score,
        "unexplained": told.evidence["unsaid"],
        **{name: told.evidence[name] for name in ("unasked_values", "unused", "unused_values", "unmet", "time_off")},
        **complexity(ran.attempt.query),
        **_likelihood(ran.attempt.likelihood),
        "fallback": float(ran.attempt.route == "direct" and brief.linked.catalog.platform != "sql"),
        "empty": float(ran.rows is not None and not ran.rows.rows),
        "example": nearest.score if nearest else 0.0,
        "same_tables": float(nearest is not None and nearest.tables == {table.name for table in tables}),
    }
    return {name: round(value, 3) for name, value in evidence.items()}


def _likelihood(told: Likelihood | None) -> dict[str, float]:
    return {"surprise": min(1.0, -told.mean), "least_likely": math.exp(told.least)} if told else {}
