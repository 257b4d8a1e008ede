"""A plan as SPL, written as people write it: a base search with terms and a time range, then commands.

Where SPL has no other way, its own is taken: text in base searches is compared without case; `stats`, `dedup` and
`join` leave out rows without a by-field (a SQL group of nulls does not exist); a bucket of time stays in `_time`.
What SPL can't say raises Unsayable.
"""

from __future__ import annotations

from agents.data.plan.model import QueryPlan
from agents.data.plan.to_spl.steps import written
from shared.catalog import Catalog


def to_spl(plan: QueryPlan, catalog: Catalog) -> str:
    """Raises Unsayable, naming what SPL has no words for."""
    return written(plan, catalog).text()
