"""SPL proven by itself: no server, no model, no Splunk, and no schema group where there is none."""

from __future__ import annotations

from collections.abc import Mapping

from agents.data.proof import prove, unreadable
from agents.data.sandbox import PROVER as SANDBOX
from agents.data.sandbox import Sandbox
from agents.data.spl import Spl
from agents.data.spl.check import NO_MACROS, PROVER, Parsed, known_macros, search_macros
from agents.data.spl.source import Macro
from agents.data.spl.supposing import supposed_catalog
from shared.catalog import Catalog
from shared.models import Check, Proof
from shared.settings import Settings

_NO_SCHEMA = "no schema group: what indexes, lookups and data models have is taken as the search names it"


def prove_spl(query: str, catalog: Catalog | None = None, macros: Mapping[str, Macro] = NO_MACROS) -> Proof:
    """The proof of one search.

    catalog: its indexes, lookups, data models and macros. Without one, the fields are followed from pipe to pipe and
    commands, functions and side effects are judged all the same; the dry run is on empty tables that have what the
    search names, and the verdict is `plausible` at best. macros: by name, or `name(2)` for two arguments; they add to
    the catalog's. Never raises on any text; blocks as `prove` does.
    """
    sandbox = Sandbox(Settings())
    try:
        if catalog is not None:
            own = [*catalog.macros, *search_macros(macros)]
            return prove(Spl(), query, catalog.model_copy(update={"macros": own}), sandbox)
        return _without_schema(query, macros, sandbox)
    finally:
        sandbox.close()


def _without_schema(query: str, macros: Mapping[str, Macro], sandbox: Sandbox) -> Proof:
    parsed = Parsed(query, macros)
    if unreadable(query) or parsed.pipeline is None:
        return prove(Spl(), query, supposed_catalog(None, macros), sandbox)
    bind, safety = parsed.bind(None), parsed.safety(None)
    if bind.status == "passed":
        bind = bind.model_copy(update={"status": "skipped", "detail": _NO_SCHEMA})
    failed = next((check for check in (bind, safety) if check.status == "failed"), None)
    if failed is not None:
        dry_run = Check(name="dry_run", status="skipped", prover=PROVER, detail=f"{failed.name} failed")
    else:
        dry_run = _dry_run(query, macros, sandbox)
    return Proof.of([parsed.parse(), bind, safety, dry_run])


def _dry_run(query: str, macros: Mapping[str, Macro], sandbox: Sandbox) -> Check:
    """On the tables it supposes; skipped where they can't be supposed, such as behind an unknown macro."""
    whole = Parsed(query, {**known_macros(None), **macros})
    proof = prove(Spl(), query, supposed_catalog(whole.pipeline, macros), sandbox)
    last = proof.checks[-1]
    if last.name == "dry_run" and proof.problems and last.status == "skipped":
        said = proof.problems[0].message
        return Check(name="dry_run", status="skipped", prover=SANDBOX, detail=f"no tables can be supposed: {said}")
    return last
