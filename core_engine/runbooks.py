"""What the runbooks taught, as people use it: reports of the checks, and decisions on terms."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.sandbox import Sandbox
from agents.knowledge.checks.check import CheckedQuery
from agents.knowledge.checks.store import CheckReport, report_of
from agents.knowledge.glossary.conditions import checked_condition
from agents.knowledge.glossary.store import Status, Term
from agents.knowledge.search.filtering import visible
from core_engine.groups import Groups
from core_engine.learning import Learning
from shared.catalog import Catalog, Catalogs
from shared.errors import Conflict, InvalidInput, NotFound


class Runbooks:
    """The runbooks of a data directory, and what was learned of them."""

    def __init__(self, engine: AsyncEngine, catalogs: Catalogs, sandbox: Sandbox, groups: Groups) -> None:
        self._catalogs = catalogs
        self._sandbox = sandbox
        self._learning = Learning(engine, catalogs, sandbox, groups)
        self._checks = self._learning.checks
        self.terms = self._learning.terms
        self.graph = self._learning.graph
        self.prepare = self._learning.prepare
        self.version = self._learning.version
        self.learn = self._learning.learn
        self.withdraw = self._learning.withdraw

    async def check(
        self, group: str | None = None, *, every: bool = False, labels: Collection[str] | None = ()
    ) -> CheckReport:
        """Learn, and report. labels: of the asker; None is the operator, who is told of all runbooks. Raises NotFound
        for a group that isn't there."""
        if group is not None:
            await self._catalogs.get(group)
        await self.learn()
        return await self.report(group, every=every, labels=labels)

    async def report(
        self, group: str | None = None, *, every: bool = False, labels: Collection[str] | None = ()
    ) -> CheckReport:
        """What the last check found. labels: as `check` has them. Raises NotFound for a group that isn't there."""
        if group is not None:
            await self._catalogs.get(group)
        report = report_of(await self.last(labels), every=every, group=group)
        decided = await self.terms.all(group=group, status=("accepted",), labels=labels)
        return report.model_copy(
            update={
                "checked_at": await self._checks.checked_at(),
                "stale": [one for one in decided if not one.current],
                "withheld": [one for one in decided if one.labels],
                "problems": await self._lost_conditions(decided),
            }
        )

    async def broken_since(self, before: Iterable[CheckedQuery]) -> list[str]:
        """What a change of a schema broke, a line a query: learns, and compares with the checks from before it."""
        good = {one.id: one for one in before if one.status in ("proven", "plausible")}
        lines = []
        for one in await self.learn():
            if one.id in good and one.status == "broken":
                lines.append(f"breaks the runbook {one.place}: {one.problems[0].message}")
            elif one.id in good and one.status == "foreign":
                lines.append(f"breaks the runbook {one.place}: it read {good[one.id].groups[0]}, which is gone")
        return lines + await self._lost_conditions(await self.terms.all(status=("accepted",)))

    async def counts(self) -> tuple[dict[str, int], datetime | None]:
        """How many queries have each status, and when all that had changed was looked at."""
        return await self._checks.counts(), await self._checks.checked_at()

    async def last(self, labels: Collection[str] | None = ()) -> list[CheckedQuery]:
        """The last check of every query that the asker may see. labels: as `check` has them."""
        return [one for one in await self._checks.all() if labels is None or visible(one.labels, labels)]

    async def accept(
        self,
        wanted: str,
        *,
        condition: str | None = None,
        table: str | None = None,
        group: str | None = None,
        labels: Collection[str] | None = (),
    ) -> Term:
        """Make a proposal part of its group's glossary or rules. condition, table, group: instead of the proposed ones;
        an empty condition accepts the words alone. labels: as `check` has them.

        Raises NotFound, Conflict for a term that the group has, InvalidInput for a condition that can't be proven, or
        for a proposal of no group.
        """
        term = await self._acceptable(wanted, condition, table, group, labels)
        return await self._decided(term, "accepted")

    async def accept_each(
        self,
        wanted: Iterable[str],
        *,
        condition: str | None = None,
        table: str | None = None,
        group: str | None = None,
        labels: Collection[str] | None = (),
        free: bool = False,
    ) -> list[Term]:
        """Like accept, of all of them or, where one can't be, of none. free: those are left out whose term their group
        has."""
        found: dict[str, Term] = {}
        for one in wanted:
            try:
                found[one] = await self._acceptable(one, condition, table, group, labels, list(found.values()))
            except InvalidInput as error:
                raise InvalidInput(f"{one}: {error.message}", suggestion=error.suggestion) from error
            except Conflict:
                if not free:
                    raise
        return [await self._decided(term, "accepted") for term in found.values()]

    async def _acceptable(
        self,
        wanted: str,
        condition: str | None,
        table: str | None,
        group: str | None,
        labels: Collection[str] | None,
        beside: Sequence[Term] = (),
    ) -> Term:
        """As it would be accepted. beside: what is about to be, before it."""
        term = await self.terms.get(wanted, labels)
        chosen = group or term.schema_group
        if not chosen:
            raise InvalidInput(f"no schema group was found for '{term.term}'", suggestion="name it with --group")
        if term.labels:
            raise InvalidInput(
                f"{term.source} is only for {', '.join(term.labels)}, a glossary is everybody's",
                suggestion="take the labels off the runbook",
            )
        catalog = await self._catalogs.get(chosen)
        term = term.model_copy(update={"schema_group": chosen})
        text = term.condition if condition is None else condition
        if text.strip():
            where = table or (term.table if condition is None else None) or None
            held = await asyncio.to_thread(checked_condition, text, catalog, self._sandbox, where)
            term = term.model_copy(update={"condition": held.sql, "table": held.table})
        else:
            term = term.model_copy(update={"condition": "", "table": ""})
        await self._check_free(term, catalog, beside)
        return term

    async def reject(self, wanted: str, labels: Collection[str] | None = ()) -> Term:
        """Also of what was accepted before: it leaves its group's glossary. labels: as `check` has them. Raises
        NotFound."""
        return await self._decided(await self.terms.get(wanted, labels), "rejected")

    async def _decided(self, term: Term, status: Status) -> Term:
        decided = await self.terms.decide(term, status)
        await self._learning.project()
        return decided

    async def _check_free(self, term: Term, catalog: Catalog, beside: Sequence[Term]) -> None:
        taken = [one.term for one in catalog.glossary if not one.source]
        accepted = await self.terms.all(group=catalog.schema_group, status=("accepted",))
        accepted += [one for one in beside if one.schema_group == catalog.schema_group]
        taken += [one.term for one in accepted if one.id != term.id]
        if term.term and term.term.lower() in {one.lower() for one in taken if one}:
            why = f"schema group '{catalog.schema_group}' has a meaning of '{term.term}' already"
            raise Conflict(why, suggestion="reject that one first, or change the catalog's glossary")

    async def _lost_conditions(self, decided: Sequence[Term]) -> list[str]:
        """Accepted conditions that their group's schema no longer has the columns for."""
        lost = []
        for one in decided:
            if not one.condition:
                continue
            try:
                catalog = await self._catalogs.get(one.schema_group)
                await asyncio.to_thread(checked_condition, one.condition, catalog, self._sandbox, one.table)
            except (InvalidInput, NotFound) as error:
                lost.append(
                    f"broken: '{one.term or one.meaning}' of {one.schema_group} ({one.source}): {error.message}"
                )
        return lost
