"""A plan as KQL, as people write it: a table, then an operator a line."""

from __future__ import annotations

from agents.data.plan.model import QueryPlan, Unsayable
from agents.data.plan.to_kql.pipeline import Pipeline
from shared.catalog import Catalog


def to_kql(plan: QueryPlan, catalog: Catalog | None = None) -> str:
    """The query. catalog: gives columns their types, without which times and JSON are not told from text.

    Its rows are the plan's, with three freedoms that Kusto takes: percentiles are not interpolated, dcount may be off
    in large sets, and text that an outer join did not find is empty instead of null.
    Raises Unsayable for what Kusto has no words for.
    """
    try:
        pipeline = Pipeline(catalog)
        lines = pipeline.render(plan)
    except RecursionError as error:
        raise Unsayable("a plan that is nested so deeply", "KQL") from error
    return "\n".join([*pipeline.lets, *lines])
