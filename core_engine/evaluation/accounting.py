"""`python -m core_engine.evaluation.accounting`: how well the account of question against query tells wrong queries.

On the gold queries of NL2KQL's and Defog's dev halves and of the seed (questions and examples), which should give no
problem; and on wrong ones: for each question the gold query of the question most like it in words, of those that read
the same tables. No model is involved; the seed's rows are kept in DATA_DIR/measuring.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from difflib import SequenceMatcher
from pathlib import Path

from agents.data.accounting import Account, account
from agents.data.entities import read_entities
from agents.data.linking import Linked
from agents.data.literals import mostly_said
from agents.data.phrases import Phrases
from agents.data.platform import load_platform
from agents.data.samples import sample_values
from agents.data.times import read_times
from core_engine.evaluation.judging import literals_of
from core_engine.evaluation.public_sets import NL2KQL, Asked, read_defog, read_nl2kql, read_seed, seed_sandbox
from data.seed.generate import HERE
from shared.catalog import Catalog
from shared.models import Model
from shared.settings import Settings


class Told(Model):
    """clean: share of the gold queries without a problem; told: share of the wrong ones with one; codes: of those.
    compared: gold queries that compare a column with a literal; unsaid: those with one that the question says in
    no form of its words, and that the group knows none of these for."""

    gold: int
    clean: float
    compared: int
    unsaid: int
    wrong: int
    told: float
    codes: dict[str, int]


def measure(data: Path, settings: Settings) -> dict[str, Told]:
    """By set. data: the public data's folder. Raises FileNotFoundError when it is not there."""
    found = {group: _told([read_nl2kql(data / "nl2kql", group)], {}) for group in NL2KQL}
    found["defog"] = _told(list(read_defog(data / "defog")), {})
    sandbox = seed_sandbox(settings.data_dir / "measuring")
    for catalog, suite, examples in read_seed(HERE):
        samples = sample_values(catalog, sandbox)
        found[catalog.schema_group] = _told([(catalog, [*suite, *examples])], samples)
    sandbox.close()
    return found


def _told(groups: Sequence[tuple[Catalog, Sequence[Asked]]], samples: dict[tuple[str, str], Sequence[str]]) -> Told:
    right, wrong, literals = [], [], []
    for catalog, asked in groups:
        phrases = Phrases(catalog, samples)
        literals += [_are_said(one, catalog, phrases) for one in asked if literals_of(one.gold, catalog.platform)]
        right += [_account(one, one.gold, catalog, phrases) for one in asked]
        wrong += [_account(one, other, catalog, phrases) for one, other in _wrong(asked)]
    codes = Counter(code for one in wrong for code in {problem.code for problem in one.problems})
    return Told(
        gold=len(right),
        clean=round(sum(not one.problems for one in right) / len(right), 3),
        compared=len(literals),
        unsaid=literals.count(False),
        wrong=len(wrong),
        told=round(sum(bool(one.problems) for one in wrong) / len(wrong), 3),
        codes=dict(codes.most_common()),
    )


def _wrong(asked: Sequence[Asked]) -> Iterator[tuple[Asked, str]]:
    """Each question with the query of its neighbour."""
    for one in asked:
        others = [
            other for other in asked if set(other.tables) == set(one.tables) and other.gold.split() != one.gold.split()
        ]
        if others:
            nearest = max(others, key=lambda other: SequenceMatcher(None, other.question, one.question).ratio())
            yield one, nearest.gold


def _are_said(asked: Asked, catalog: Catalog, phrases: Phrases) -> bool:
    known = " ".join(one.text for one in phrases.mentions(asked.question)).lower()
    literals = literals_of(asked.gold, catalog.platform)
    return all(literal in known or mostly_said(literal, asked.question) for literal in literals)


def _account(asked: Asked, query: str, catalog: Catalog, phrases: Phrases) -> Account:
    linked = Linked(
        catalog=catalog,
        links=[],
        mentions=phrases.mentions(asked.question),
        times=read_times(asked.question, catalog.clock or datetime.now(UTC)),
        entities=read_entities(asked.question),
    )
    tables = load_platform(catalog.platform).tables_of(query, catalog)
    return account(asked.question, query, tables, linked)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core_engine.evaluation.accounting", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data's folder")
    arguments = parser.parse_args()
    if not (arguments.data / "nl2kql").is_dir():
        parser.error(f"no NL2KQL at {arguments.data}")
    settings = Settings.model_validate({})  # from the environment
    for name, told in measure(arguments.data, settings).items():
        sys.stdout.write(f"{name}: {told.gold} gold queries, {told.clean:.3f} without a problem; ")
        sys.stdout.write(f"{told.unsaid} of {told.compared} with a literal have one that nothing says; ")
        sys.stdout.write(f"{told.wrong} wrong ones, {told.told:.3f} told; {told.codes}\n")


if __name__ == "__main__":
    main()
