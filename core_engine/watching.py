"""While LexiQuery serves: what changed in the runbooks is learned within seconds, and all is checked by schedule."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy.exc import DatabaseError

from core_engine.runbooks import Runbooks
from shared.errors import LexiQueryError
from shared.logging import get_logger

log = get_logger(__name__)
LOOK_SECONDS = 15.0
"""How often a server looks whether the runbooks or the known errors changed: two numbers read from the database."""


async def watch_runbooks(runbooks: Runbooks, *, hours: float) -> None:
    """Until cancelled. hours: from one check of all queries to the next; 0 is never."""
    seen: tuple[int, int] | None = None
    checked, told = time.monotonic(), set[str]()
    while True:
        try:
            due = hours and time.monotonic() - checked >= hours * 3600
            version = await runbooks.version()
            if due or version != seen:
                told = await _check(runbooks, set() if due else told)
                seen, checked = version, time.monotonic() if due else checked
        except (LexiQueryError, DatabaseError, OSError) as error:
            log.warning("runbooks not checked", problem=str(error))
        await asyncio.sleep(LOOK_SECONDS)


async def _check(runbooks: Runbooks, told: set[str]) -> set[str]:
    """What is broken is logged, each query by its place, but for what was `told`; gives all that is broken."""
    report = await runbooks.check(labels=None)
    broken = {one.render(): one for one in report.queries if one.status == "broken"}
    for text, one in broken.items():
        if text not in told:
            problem = one.problems[0].message if one.problems else ""
            log.warning("runbook_query_broken", place=one.place, group=", ".join(one.groups), problem=problem)
    for line in report.problems:
        if line not in told:
            log.warning("glossary_condition_broken", problem=line)
    return {*broken, *report.problems}
