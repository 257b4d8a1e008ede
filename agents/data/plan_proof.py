"""The proof of a query plan: of the query that the platform writes for it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from agents.data.plan.model import QueryPlan
from agents.data.platform import Platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog
from shared.errors import InvalidInput, first_problem
from shared.models import Proof, ProveRequest


def prove_given(platform: Platform, request: ProveRequest, catalog: Catalog, sandbox: Sandbox) -> Proof:
    """The proof of the request's query, or of what its plan is as a query: that one is told in the proof.

    Raises InvalidInput for a plan that is none, naming the place (`plan.steps.0`); Unsayable, naming the construct, for
    one that the language has no words for.
    """
    if request.plan is None:
        return prove(platform, request.query or "", catalog, sandbox)
    query = _written(platform, request.plan, catalog)
    return prove(platform, query, catalog, sandbox).model_copy(update={"query": query})


def _written(platform: Platform, given: dict[str, Any], catalog: Catalog) -> str:
    try:
        return platform.write_plan(QueryPlan.model_validate_json(json.dumps(given)), catalog)
    except ValidationError as error:
        problem = first_problem(error)
        raise InvalidInput(f"plan.{problem}" if error.errors()[0]["loc"] else f"plan: {problem}") from error
    except RecursionError as error:
        raise InvalidInput("plan: it is nested too deep") from error
