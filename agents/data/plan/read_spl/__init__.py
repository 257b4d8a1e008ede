"""SPL into a plan: our own parser's tree, read command by command.

Events come newest first, so commands that take the first rows (head, dedup, streamstats) put that order into the plan.
`stats` leaves out the events without its by-fields: the plan filters them where a field may be missing. SPL's times are
numbers; here they are times. Two of SPL's habits are not carried over: `sort` cutting at 10,000 rows, and `timechart`
adding rows for empty buckets.
"""

from __future__ import annotations

from agents.data.plan.model import QueryPlan, Unsayable
from agents.data.plan.read_spl.pipeline import read_pipeline
from agents.data.plan.read_spl.state import Search
from agents.data.spl.check import Parsed, known_macros
from shared.catalog import Catalog


def read_spl(query: str, catalog: Catalog) -> QueryPlan:
    """Raises Unsayable, naming the construct that the plan has no words for, or what is wrong with the search."""
    parsed = Parsed(query, known_macros(catalog))
    problems = [*parsed.parse().problems, *parsed.bind(catalog).problems]
    if problems or parsed.pipeline is None:
        raise Unsayable("a search that does not bind", f"a plan: {problems[0].message}")
    return read_pipeline(Search(catalog), parsed.pipeline).plan
