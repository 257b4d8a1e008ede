"""From a brief to the best query that could be proven: draft, mend by code, then repairs by the model.

At most five calls: a draft and one repair through SQL, the form of outline.py, then a draft and one repair in the
platform's language; a draft, two repairs and the form where SQL is the only way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agents.data.accounting import account
from agents.data.attempt import Attempt, Course, passed, problems_of, with_fault
from agents.data.derive import Brief, Deriver, Draft
from agents.data.examples import same_question
from agents.data.fitting import fit
from agents.data.fitting.joins import Joins
from agents.data.fitting.ordering import show_order
from agents.data.fitting.units import plain_parts
from agents.data.fitting.unknown import without_unknown
from agents.data.fitting.values import Values
from agents.data.impossible_days import mend_days
from agents.data.linking import nearest_in_meaning
from agents.data.outline import can_say, read_outline
from agents.data.parts import Part
from agents.data.plan.model import Unsayable
from agents.data.platform import Platform
from agents.data.proof import prove
from agents.data.repair import (
    Mended,
    read_rows_called,
    snap,
    snap_values,
    swap_table,
    told_where,
    unknown_columns,
    with_suggestions,
    wrong_name,
)
from agents.data.roles import column_for, owner_of
from agents.data.routes import Route
from agents.data.sandbox import Sandbox
from agents.data.schema_text import may_be_meant
from agents.data.through_sql import ThroughSql, looks_like_sql
from agents.data.vague import called_missing, is_missing, is_said_and_unknown
from shared.catalog import Catalog, Table
from shared.llm.client import Models
from shared.logging import get_logger
from shared.models import Problem, Proof

log = get_logger(__name__)

_REPAIRS = 2
_CALLS = 5
_REFUSED = "this is the query that was not accepted before: the model wrote no other that could be proven"
_FORM = "no query that the model wrote could be proven: it filled in a form of the tables' names instead"
# A binder that stops at the first unknown name needs a round for each; what is borrowed needs up to three before.
_SNAPS = 7


class Attempts:
    """Derives queries for one platform. without: parts that are left out, for an evaluation; first: the route that is
    tried first; searches: its SQL becomes a search of logs; prompts_dir: prompts of the operator's own."""

    def __init__(
        self,
        platform: Platform,
        models: Models,
        sandbox: Sandbox,
        without: frozenset[Part] = frozenset(),
        *,
        first: Route = "sql",
        searches: bool = False,
        prompts_dir: Path | None = None,
    ) -> None:
        self._platform = platform
        self._first = first
        self._models = models
        self._deriver = Deriver(platform, models, prompts_dir)
        self._sandbox = sandbox
        self._without = without
        self._searches = searches
        direct = platform.name == "sql" or Part.ROUTE_SQL in without
        self._through_sql = None if direct else ThroughSql(platform)
        self._sql = (
            Attempts(self._through_sql.sql, models, sandbox, without, searches=True, prompts_dir=prompts_dir)
            if self._through_sql
            else None
        )

    async def solve(self, brief: Brief) -> Attempt:
        """The first attempt whose proof holds, else the one that got furthest, still rejected.

        Through SQL first, where that isn't the platform's own language, unless the other way was learned to be better
        (routes.py); then the other way. Another query, when the user did not accept one, is asked for in the platform's
        language.
        """
        if solved := await self._remembered(brief):
            return solved
        course = Course()
        attempt = replace(await self._solved(brief, course), calls=course.calls)
        if attempt.rejected or not brief.rejected:
            return attempt
        is_refused = await self._form(attempt.query, brief) in await self._refused(brief)
        return replace(attempt, notes=(*attempt.notes, _REFUSED)) if is_refused else attempt

    async def _solved(self, brief: Brief, course: Course) -> Attempt:
        if not self._through_sql or brief.rejected:
            attempt = await self._directly(brief, course, _REPAIRS)
            return (await self._outlined(brief, course, attempt) or attempt) if attempt.rejected else attempt
        if self._first == "direct":
            direct = await self._directly(brief, course, _REPAIRS - 1)
            return (await self._by_sql(brief, course) or direct) if direct.rejected else direct
        by_sql = await self._by_sql(brief, course)
        if by_sql and not by_sql.lacks:
            return by_sql
        direct = await self._directly(brief, course, _REPAIRS - 1)
        return by_sql if by_sql and direct.rejected else direct

    async def _directly(self, brief: Brief, course: Course, repairs: int) -> Attempt:
        course.calls += 1
        return await self._mended(await self._deriver.draft(brief), brief, course, repairs)

    async def _by_sql(self, brief: Brief, course: Course) -> Attempt | None:
        """The SQL that could be proven, as the platform's query; None where there is none, or it can't be said.
        Rejected SQL where it wants what the question asks for and the group has not: no other language has it."""
        through, sql = self._through_sql, self._sql
        if not through or not sql:
            return None
        in_sql = await through.brief(brief)
        draft = await sql._deriver.draft(in_sql)
        course.calls += 1
        if not looks_like_sql(draft.text):
            return await self._mended(draft, brief, course, _REPAIRS - 1 if course.tried else _REPAIRS)
        written = await sql._written(draft, in_sql, course)
        if written.rejected:
            return written if _wants_missing(written.proof, in_sql) else None
        try:
            query = await asyncio.to_thread(through.query, written.query, brief)
        except Unsayable as reason:
            log.info("not_sayable", platform=self._platform.name, reason=str(reason))
            return None
        proof = await self._prove(query, brief.linked.catalog)
        route = "sql" if written.route == "direct" else written.route
        return None if proof.verdict == "rejected" else replace(written, query=query, proof=proof, route=route)

    async def _written(self, draft: Draft, brief: Brief, course: Course) -> Attempt:
        """SQL for another platform, or a filled-in form where its repair isn't proven either. course: of that platform,
        whose calls these are too."""
        own = Course(calls=course.calls)
        written = await self._mended(draft, brief, own, _REPAIRS - 1)
        if written.rejected:
            written = await self._outlined(brief, own, written) or written
        course.calls = own.calls
        return written

    async def _outlined(self, brief: Brief, course: Course, before: Attempt) -> Attempt | None:
        """The query of a filled-in form, where SQL can't be proven; None where that brings none that can."""
        if {Part.OUTLINE, Part.MODEL_REPAIR} & self._without or self._platform.name != "sql" or brief.rejected:
            return None
        if _wants_missing(before.proof, brief) or not can_say(brief.question):
            return None
        form = await self._deriver.outline(brief, before.query)
        course.calls += 1
        query = read_outline(form.text, brief.tables, brief.linked.catalog.dialect)
        if query is None:
            return None
        base = Attempt("", Proof.of([]), "outline", (_FORM,), before.repairs + 1, likelihood=form.likelihood)
        attempt = await self._proven(query, brief, base)
        if attempt.rejected:
            return None
        return replace(attempt, lacks=await asyncio.to_thread(self._lacks, attempt.query, brief))

    def _lacks(self, query: str, brief: Brief) -> bool:
        """Whether the question names things, or asks for a form of answer, that the query has no part for."""
        tables = self._platform.tables_of(query, brief.linked.catalog)
        told = account(brief.question, query, tables, brief.linked, brief.knowledge)
        return bool(told.unmet or told.unused)

    async def _mended(self, draft: Draft, brief: Brief, course: Course, repairs: int) -> Attempt:
        """The draft, mended by code and, where that isn't enough, by the model. What was tried or written before is not
        tried again."""
        repairs = 0 if Part.MODEL_REPAIR in self._without else repairs
        refused, tried = await self._refused(brief), course.tried
        course.seen.add(await self._form(draft.text, brief))
        base = Attempt("", Proof.of([]), "direct", likelihood=draft.likelihood, fault=draft.fault)
        attempt = await self._proven(draft.text, brief, base)
        form = await self._form(attempt.query, brief)
        if form in tried:
            return tried[form]
        tried[form] = attempt
        while attempt.repairs < repairs and (problems := problems_of(attempt, refused.get(form))):
            if _wants_missing(attempt.proof, brief):
                return attempt
            draft = await self._deriver.repair(brief, attempt.query, told_where(problems, brief.tables))
            course.calls += 1
            if (written := await self._form(draft.text, brief)) in {*refused, *tried, *course.seen}:
                break
            course.seen.add(written)
            base = replace(
                attempt, notes=(), repairs=attempt.repairs + 1, likelihood=draft.likelihood, fault=draft.fault
            )
            attempt = await self._proven(draft.text, brief, base)
            form = await self._form(attempt.query, brief)
            if form in tried:
                break
            tried[form] = attempt
        best = max(tried, key=lambda one: (one not in refused, not tried[one].rejected, passed(tried[one].proof)))
        attempt = tried[best]
        if attempt.rejected:
            return with_fault(await self._without_unknown(attempt, brief))
        if self._platform.name != "sql":
            return attempt
        return replace(attempt, missing=tuple(called_missing(attempt.query, brief.question, brief.linked)))

    async def _without_unknown(self, attempt: Attempt, brief: Brief) -> Attempt:
        """The last resort: rejected SQL without the columns that exist nowhere, where it can be proven so. Those that
        the question asks for in these words are missing."""
        if Part.SNAP in self._without or self._platform.name != "sql":
            return attempt
        catalog = brief.linked.catalog
        problems = [one for one in attempt.proof.problems if one.code == "unknown_column"]
        names = [name for one in problems if (name := wrong_name(one))]
        left = without_unknown(attempt.query, catalog.dialect, names)
        if not left.notes:
            return attempt
        asked_for = tuple(one for one in dict.fromkeys(names) if is_said_and_unknown(one, brief.question, catalog))
        base = replace(attempt, notes=(*attempt.notes, *left.notes), missing=asked_for)
        found = await self._proven(left.query, brief, base)
        return attempt if found.rejected else found

    async def after_failure(self, brief: Brief, attempt: Attempt, problem: Problem) -> Attempt | None:
        """One repair of a query that was proven but failed on the rows it met; None when it brought nothing new."""
        if Part.MODEL_REPAIR in self._without or attempt.calls >= _CALLS:
            return None
        draft = await self._deriver.repair(brief, attempt.query, [problem])
        old = {await self._form(attempt.query, brief), *await self._refused(brief)}
        if await self._form(draft.text, brief) in old:
            return None
        again = attempt.repairs + 1
        base = replace(attempt, route="direct", notes=(), repairs=again, likelihood=draft.likelihood)
        repaired = await self._proven(draft.text, brief, base)
        return None if repaired.rejected or await self._form(repaired.query, brief) in old else repaired

    async def _refused(self, brief: Brief) -> dict[str, str]:
        """The forms of what the user did not accept, each with the reason."""
        return {await self._form(query, brief): reason for query, reason in brief.rejected}

    async def _remembered(self, brief: Brief) -> Attempt | None:
        """A solved question, asked again in the same words, needs no model. What a runbook shows was proven to run, but
        nobody accepted it as the answer: the model sees it, and no more."""
        refused = await self._refused(brief)
        catalog = brief.linked.catalog
        for scored in brief.linked.examples:
            query = scored.example.query.strip()
            is_same = scored.example.source != "runbook" and same_question(scored.example.question, brief.question)
            if is_same and await self._form(query, brief) not in refused:
                attempt = Attempt(query, await self._prove(query, catalog), "example")
                if attempt.rejected:
                    return None
                return await self._fitted(attempt, brief) if catalog.directives else attempt
        return None

    async def _proven(self, query: str, brief: Brief, base: Attempt) -> Attempt:
        """The query proven, mended by code as long as that leads on."""
        catalog, notes = brief.linked.catalog, list(base.notes)
        proof = await self._prove(query, catalog)
        for _ in range(0 if Part.SNAP in self._without else _SNAPS):
            if _wants_missing(proof, brief):
                break
            mended = Mended(*await asyncio.to_thread(self._platform.idioms, query, proof, catalog))
            if mended.query == query:
                mended = await asyncio.to_thread(self._related, query, proof, brief)
            if mended.query == query:
                proof = await self._meant(proof, query, brief)
                mended = await asyncio.to_thread(self._mend, query, proof, brief.tables, catalog)
            if mended.query == query:
                break
            proof_after = await self._prove(mended.query, catalog)
            if passed(proof_after) < passed(proof):
                break
            query, proof = mended.query, proof_after
            notes += mended.notes
        attempt = replace(base, query=query, proof=proof, notes=tuple(dict.fromkeys(notes)))
        return attempt if attempt.rejected else await self._fitted(attempt, brief)

    async def _fitted(self, attempt: Attempt, brief: Brief) -> Attempt:
        """The proven SQL made to fit its question, where the fitted one is proven too."""
        if Part.ACCOUNT in self._without or self._platform.name != "sql":
            return attempt
        fitted = await asyncio.to_thread(self._fit, attempt.query, brief)
        if not fitted.notes:
            return attempt
        proof = await self._prove(fitted.query, brief.linked.catalog)
        if proof.verdict == "rejected":
            return attempt
        return replace(attempt, query=fitted.query, proof=proof, notes=(*attempt.notes, *fitted.notes))

    def _fit(self, query: str, brief: Brief) -> Mended:
        catalog = brief.linked.catalog
        tables = self._platform.tables_of(query, catalog)
        told = account(brief.question, query, tables, brief.linked, brief.knowledge)
        values = Values(self._platform, catalog, self._sandbox) if self._sandbox.has_rows(catalog) else None
        examples = [one.example for one in brief.examples]
        return fit(
            query,
            brief.question,
            brief.linked,
            told,
            tables,
            examples=examples,
            values=values,
            whole_rows=self._searches,
        )

    def _related(self, query: str, proof: Proof, brief: Brief) -> Mended:
        """Names that are another table's: the one that has them all, or that can be joined."""
        if proof.verdict != "rejected":
            return Mended(query)
        read = self._read_by(query, brief.linked.catalog, proof)
        if self._platform.name == "sql" and (referred := Joins(brief.linked, brief.question).refer(query, read)).notes:
            return referred
        mended = swap_table(query, proof, read, _candidates(brief))
        lost = any(problem.code.startswith(("unknown_", "duplicate_alias")) for problem in proof.problems)
        if mended.notes or self._platform.name != "sql" or not lost:
            return mended
        return Joins(brief.linked, brief.question).complete(query)

    def _mend(self, query: str, proof: Proof, tables: Sequence[Table], catalog: Catalog) -> Mended:
        if proof.verdict != "rejected":
            return snap_values(query, self._platform, catalog)
        if (dated := mend_days(query, proof)).notes:
            return dated
        sql = self._platform.name == "sql"
        mended = read_rows_called(query, proof, catalog.tables) if sql else Mended(query)
        mended = show_order(query, catalog.dialect) if sql and not mended.notes else mended
        if sql and not mended.notes:
            mended = plain_parts(query, self._read_by(query, catalog, proof), catalog.dialect)
        return mended if mended.notes else snap(query, proof, tables)

    async def _meant(self, proof: Proof, query: str, brief: Brief) -> Proof:
        """The proof with the column nearest in meaning, or of the same use, for each unknown one that spelling finds no
        name for."""
        if proof.verdict != "rejected" or not (wrong := unknown_columns(proof)):
            return proof
        catalog = brief.linked.catalog
        read = await asyncio.to_thread(self._read_by, query, catalog, proof)
        better: dict[str, str] = {}
        for name in wrong:
            owner = owner_of(name, query, read)
            meant = await nearest_in_meaning([name], [owner] if owner else read or brief.tables, self._models)
            if column := meant.get(name) or (column_for(name, owner, catalog, brief.question) if owner else None):
                better[name] = column
        return with_suggestions(proof, better)

    def _read_by(self, query: str, catalog: Catalog, proof: Proof) -> list[Table]:
        parsed = any(check.name == "parse" and check.status == "passed" for check in proof.checks)
        return self._platform.tables_of(query, catalog) if parsed else []

    async def _form(self, query: str, brief: Brief) -> str:
        return await asyncio.to_thread(self._platform.normalise, query, brief.linked.catalog)

    async def _prove(self, query: str, catalog: Catalog) -> Proof:
        return await asyncio.to_thread(prove, self._platform, query, catalog, self._sandbox)


def _candidates(brief: Brief) -> list[Table]:
    """The tables that a query may be about: those offered, then the others that are nearly as good as the best."""
    return [*brief.tables, *(table for table in may_be_meant(brief.linked) if table not in brief.tables)]


def _wants_missing(proof: Proof, brief: Brief) -> bool:
    """Whether a name that the proof finds nowhere is what the question asks for, and the group has not."""
    unknown = [wrong_name(one) for one in proof.problems if one.code in ("unknown_column", "unknown_table")]
    return any(name and is_missing(name, brief.question, brief.linked) for name in unknown)
