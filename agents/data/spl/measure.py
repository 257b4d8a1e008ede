"""`python -m agents.data.spl.measure`: what the SPL prover makes of real detections, and of faults seeded in them.

On the public detections and the macros that came with them. A `..._filter` macro that is not among them is what its
authors ship, `search *`. No schema comes with them: each search runs on empty tables of the types it supposes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.spl import Macro, Parsed, Spl
from agents.data.spl.check import known_macros
from agents.data.spl.faults import FAULTS
from agents.data.spl.supposing import supposed_catalog
from shared.catalog import Catalog
from shared.models import Model, Proof
from shared.settings import Settings

_FILTER = re.compile(r"`(\w+_filter)`")
_SEED = 7
_TIMES = 3


class Faults(Model):
    """caught: of the accepted searches that have a place for the fault, the share refused once it is seeded."""

    seeded: int
    caught: float


class Times(Model):
    """Milliseconds, parse and bind of one search, the shortest of three times."""

    median: float
    p95: float


class Measured(Model):
    """parsed, accepted (it binds too), read_only (no command with side effects), blocked (of those, refused as unsafe),
    executed (the dry run passed): shares of all searches. why_not: what kept the others from running, by count."""

    searches: int
    parsed: float
    accepted: float
    faults: dict[str, Faults]
    read_only: float
    blocked: float
    executed: float
    why_not: dict[str, int]
    parse_and_bind_ms: Times


Macros = Mapping[str, Macro]


def measure(data: Path) -> Measured:
    """data: the folder with security_content_dev.jsonl and macros.jsonl. Raises FileNotFoundError without them."""
    searches = [str(item["search"]) for item in _lines(data / "security_content_dev.jsonl")]
    macros = {
        item["name"]: Macro(item["definition"], tuple(item["arguments"] or ()))
        for item in _lines(data / "macros.jsonl")
    }
    accepted = [spl for spl in searches if is_accepted(spl, macros)]
    read_only = [spl for spl in searches if Parsed(spl, macros).safety(None).status == "passed"]
    proofs = {spl: _proof(spl, _with_filters(spl, macros)) for spl in searches}
    reasons = {spl: _reason(proof) for spl, proof in proofs.items()}
    return Measured(
        searches=len(searches),
        parsed=_share(sum(Parsed(spl, macros).error is None for spl in searches), searches),
        accepted=_share(len(accepted), searches),
        faults={kind: _seeded(kind, accepted, macros) for kind in FAULTS},
        read_only=_share(len(read_only), searches),
        blocked=_share(sum(reasons[spl].startswith("safety") for spl in read_only), read_only),
        executed=_share(sum(not reason for reason in reasons.values()), searches),
        why_not=dict(Counter(reason for reason in reasons.values() if reason).most_common()),
        parse_and_bind_ms=_times(searches, macros),
    )


def is_accepted(spl: str, macros: Macros) -> bool:
    """Whether it parses and binds where no schema is known."""
    parsed = Parsed(spl, macros)
    return parsed.parse().status == "passed" and parsed.bind(None).status == "passed"


def _seeded(kind: str, accepted: Sequence[str], macros: Macros) -> Faults:
    chance = random.Random(_SEED)  # noqa: S311 - the same faults at every run
    faulty = [wrong for spl in accepted if (wrong := FAULTS[kind](spl, chance))]
    missed = sum(is_accepted(spl, macros) for spl in faulty)
    return Faults(seeded=len(faulty), caught=_share(len(faulty) - missed, faulty))


def _with_filters(spl: str, macros: Macros) -> Macros:
    return {**{name: Macro("search *") for name in _FILTER.findall(spl)}, **macros}


def _proof(spl: str, macros: Macros) -> Proof | None:
    """On the tables it supposes; None if it does not parse."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Settings(data_dir=Path(folder)))
        catalog = _supposed(spl, macros)
        proof = prove(Spl(), spl, catalog, sandbox) if catalog else None
        sandbox.close()
    return proof


def _supposed(spl: str, macros: Macros) -> Catalog | None:
    parsed = Parsed(spl, {**known_macros(None), **macros})
    return supposed_catalog(parsed.pipeline, macros) if parsed.pipeline else None


def _reason(proof: Proof | None) -> str:
    """Why it was not run; empty if it was. There are no rows to count the cost of."""
    if proof is None:
        return "parse"
    for check in proof.checks:
        if check.status != "passed" and check.name != "cost":
            said = check.problems[0].message if check.problems else check.detail
            return f"{check.name}: {re.sub(chr(39) + '[^' + chr(39) + ']*' + chr(39), '...', said)}"
    return ""


def _times(searches: Sequence[str], macros: Macros) -> Times:
    taken = [min(_took(spl, macros) for _ in range(_TIMES)) for spl in searches]
    return Times(median=round(statistics.median(taken), 2), p95=round(statistics.quantiles(taken, n=20)[-1], 2))


def _took(spl: str, macros: Macros) -> float:
    started = time.perf_counter()
    is_accepted(spl, macros)
    return 1000 * (time.perf_counter() - started)


def _share(part: int, whole: Sequence[object]) -> float:
    return round(part / len(whole), 4) if whole else 0.0


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m agents.data.spl.measure", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/spl_corpus"), help="the detections' folder")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"no detections at {arguments.data}")
    sys.stdout.write(measure(arguments.data).model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    main()
