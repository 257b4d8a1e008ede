"""`python -m core_engine.evaluation.linking`: how often the right table is linked first, among five, among ten.

On NL2KQL's dev items, each asked as if it were not among the group's examples, and the 45 seed questions; with weights
fitted on one NL2KQL schema and asked of the other, and with those that ship. `--fit` writes those, fitted on NL2KQL's
and Defog's dev halves and on the seed examples (a choice among the tables of all three groups), with and without the
examples of the groups. Vectors come from the configured embedding model; they and the seed's rows are kept in
DATA_DIR/measuring.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from agents.data.linking import WEIGHTS_FILE, Linker, Weight, Weights, read_weights
from agents.data.platform import load_platform
from agents.data.sandbox import Sandbox
from agents.data.signals import SIGNALS
from core_engine.evaluation.linking_fit import Case, Floats, fit_order, fit_scale
from core_engine.evaluation.public_sets import NL2KQL, Asked, read_defog, read_nl2kql, read_seed, seed_sandbox
from data.seed.generate import HERE
from shared import ledger as ledger_module
from shared.catalog import Catalog
from shared.database import create_tables, open_database
from shared.ledger import Ledger
from shared.llm.client import Models
from shared.llm.runtime import open_models
from shared.models import Model
from shared.settings import Settings

_DEPTHS = (1, 5, 10)
_BY_HAND = {"knowledge": 1.0}  # no public set of questions comes with runbooks


class Shares(Model):
    """Of the questions, those whose gold's first table (any_: some table of it) is among the first 1, 5, 10 linked."""

    questions: int
    first: list[float]
    any_table: list[float]


class Belonging(Model):
    """Of the questions, those whose own group has the best score of all groups of the set; and of the groups' best
    scores, the 4th hundredth of own questions and the 96th of questions of another subject."""

    right_group: float
    own_low: float
    others_high: float


class Linking(Model):
    transferred: dict[str, Shares]
    transferred_without_examples: dict[str, Shares]
    shipped: dict[str, Shares]
    belonging: Belonging


class _Cases:
    """Every question against the groups that it is measured or fitted on."""

    def __init__(self, models: Models, sandbox: Sandbox) -> None:
        self._models = models
        self._sandbox = sandbox
        self.nl2kql: dict[str, list[Case]] = {}
        self.nl2kql_bare: dict[str, list[Case]] = {}
        self.defog: list[Case] = []
        self.seed: dict[str, list[Case]] = {}
        self.seed_examples: list[Case] = []
        self.strangers: list[Case] = []

    async def read(self, data: Path) -> None:
        nl2kql = [read_nl2kql(data / "nl2kql", group) for group in NL2KQL]
        for catalog, asked in nl2kql:
            self.nl2kql[catalog.schema_group] = await self._cases(catalog, asked)
            self.nl2kql_bare[catalog.schema_group] = await self._cases(_without_examples(catalog), asked)
        defog = list(read_defog(data / "defog"))
        for catalog, asked in defog:
            self.defog += await self._cases(catalog, asked)
        seed = list(read_seed(HERE))
        questions = [one for _, suite, _ in seed for one in suite]
        examples = [one for *_, own in seed for one in own]
        for catalog, *_ in seed:
            self.seed[catalog.schema_group] = await self._cases(catalog, questions)
        for catalogs in ([catalog for catalog, *_ in seed], [_without_examples(catalog) for catalog, *_ in seed]):
            asked_of = [await self._cases(catalog, examples) for catalog in catalogs]
            self.seed_examples += [Case.joined(every) for every in zip(*asked_of, strict=True)]
        away = [one for _, asked in nl2kql for one in asked][::5]
        for catalog, _ in defog:
            self.strangers += await self._cases(catalog, away)
        others = [one for _, asked in defog for one in asked][::2]
        for catalog in [*(catalog for catalog, _ in nl2kql), *(catalog for catalog, *_ in seed)]:
            self.strangers += await self._cases(catalog, others)

    async def _cases(self, catalog: Catalog, asked: Sequence[Asked]) -> list[Case]:
        linker = Linker(load_platform(catalog.platform), self._models, self._sandbox)
        names = [table.name for table in catalog.tables]
        cases = []
        for one in asked:
            linked = await linker.link(one.question, catalog, hold_out=True)
            by_name = {link.table.name: link.signals for link in linked.links}
            gold = [names.index(name) for name in one.tables] if one.group == catalog.schema_group else []
            cases.append(Case.of(catalog.schema_group, one.question, [by_name[name] for name in names], gold))
        return cases


async def measure(data: Path, settings: Settings, *, fit: bool) -> tuple[Linking, Weights]:
    """The figures, of the weights that ship or of newly fitted ones. data: the public data's folder.

    Raises FileNotFoundError when it is not there, ModelUnavailable.
    """
    async with _read(data, settings) as cases:
        weights = _fitted(cases, settings.embedding_model_name) if fit else read_weights()
        return _measured(cases, weights), weights


def _measured(cases: _Cases, weights: Weights) -> Linking:
    each = np.array([weights.signals[name].weight for name in SIGNALS])
    own = {group: [case for case in found if case.gold] for group, found in cases.seed.items()}
    shipped = {
        "nl2kql": _shares(_flat(cases.nl2kql), each),
        **{group: _shares(found, each) for group, found in cases.nl2kql.items()},
        "seed": _shares(_flat(own), each),
        **{group: _shares(found, each) for group, found in own.items()},
        "defog": _shares(cases.defog, each),
    }
    return Linking(
        transferred=_transferred(cases.nl2kql),
        transferred_without_examples=_transferred(cases.nl2kql_bare),
        shipped=shipped,
        belonging=_belonging(cases, each, weights.bias),
    )


def _fitted(cases: _Cases, embedding_model: str) -> Weights:
    """The weights fitted on everything."""
    within = [*_flat(cases.nl2kql), *_flat(cases.nl2kql_bare), *cases.defog]
    known = [*within, *cases.seed_examples]
    order = fit_order(known)
    slope, bias = fit_scale(_best(within, order), _best(cases.strangers, order))
    return Weights(
        made=f"{datetime.now(UTC):%Y-%m-%d}",
        trained_on=f"NL2KQL's and Defog's dev halves and the seed examples: {len(known)} questions",
        embedding_model=embedding_model,
        bias=round(bias, 3),
        signals={
            name: Weight(weight=_BY_HAND.get(name, round(float(weight) * slope, 3)), about=about)
            for (name, about), weight in zip(SIGNALS.items(), order, strict=True)
        },
    )


def _transferred(cases: dict[str, list[Case]]) -> dict[str, Shares]:
    """Each schema asked with the weights fitted on the other; `both` is the two together."""
    ranks: dict[str, list[tuple[int, int]]] = {}
    for group, own in cases.items():
        weights = fit_order([case for other, theirs in cases.items() if other != group for case in theirs])
        ranks[group] = _ranks(own, weights)
    ranks["both"] = [rank for found in list(ranks.values()) for rank in found]
    return {group: _shares_of(found) for group, found in ranks.items()}


def _shares(cases: Sequence[Case], weights: Floats) -> Shares:
    return _shares_of(_ranks(cases, weights))


def _ranks(cases: Sequence[Case], weights: Floats) -> list[tuple[int, int]]:
    return [(case.rank(weights, any_table=False), case.rank(weights, any_table=True)) for case in cases]


def _shares_of(ranks: Sequence[tuple[int, int]]) -> Shares:
    def within(which: int) -> list[float]:
        return [round(sum(rank[which] < depth for rank in ranks) / len(ranks), 3) for depth in _DEPTHS]

    return Shares(questions=len(ranks), first=within(0), any_table=within(1))


def _belonging(cases: _Cases, weights: Floats, bias: float) -> Belonging:
    groups = list(cases.seed.values())
    right = 0
    for asked in zip(*groups, strict=True):
        best = max(asked, key=lambda case: float((case.rows @ weights).max()))
        right += bool(best.gold)
    own = [case for group in groups for case in group if case.gold]
    own += [case for group in cases.nl2kql.values() for case in group]
    return Belonging(
        right_group=round(right / len(groups[0]), 3),
        own_low=round(_score(float(np.quantile(_best(own, weights), 0.04)) + bias), 3),
        others_high=round(_score(float(np.quantile(_best(cases.strangers, weights), 0.96)) + bias), 3),
    )


def _score(total: float) -> float:
    return float(1 / (1 + np.exp(-total)))


def _best(cases: Sequence[Case], weights: Floats) -> Floats:
    return np.array([float((case.rows @ weights).max()) for case in cases])


def _flat(cases: Mapping[str, list[Case]]) -> list[Case]:
    return [case for own in cases.values() for case in own]


def _without_examples(catalog: Catalog) -> Catalog:
    return Catalog.model_validate({**catalog.model_dump(by_alias=True), "examples": []})


@asynccontextmanager
async def _read(data: Path, settings: Settings) -> AsyncIterator[_Cases]:
    kept = settings.model_copy(
        update={
            "data_dir": settings.data_dir / "measuring",
            "model_dir": settings.models_path.resolve(),
            "database_url": None,
            "call_text": "off",
        }
    )
    kept.data_dir.mkdir(parents=True, exist_ok=True)
    engine = open_database(kept.sqlalchemy_url)
    await create_tables(engine, ledger_module.schema)
    ledger = Ledger(engine)
    async with open_models(kept, ledger, engine) as models:
        cases = _Cases(models, await asyncio.to_thread(seed_sandbox, kept.data_dir))
        await cases.read(data)
        yield cases
    await ledger.close()
    await engine.dispose()


def _text(figures: Linking) -> str:
    """A line a set: its name, questions, the gold's first table within 1, 5, 10, and any of its tables."""
    lines = ["set | questions | its first table within 1, 5, 10 | any of its tables within 1, 5, 10"]
    for title, shares in (
        ("other schema's weights", figures.transferred),
        ("other schema's weights, no examples", figures.transferred_without_examples),
        ("shipped weights", figures.shipped),
    ):
        lines += [
            f"{title}, {name} | {one.questions} | {_listed(one.first)} | {_listed(one.any_table)}"
            for name, one in shares.items()
        ]
    belonging = figures.belonging
    lines.append(f"seed questions whose own group scores best of the three: {belonging.right_group:.3f}")
    lines.append(
        f"best score of a group: own questions, 4th hundredth {belonging.own_low:.3f}; "
        f"questions of other subjects, 96th {belonging.others_high:.3f}"
    )
    return "\n".join(lines)


def _listed(shares: Sequence[float]) -> str:
    return " / ".join(f"{share:.3f}" for share in shares)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core_engine.evaluation.linking", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data's folder")
    parser.add_argument("--fit", action="store_true", help=f"fit the weights that ship and write {WEIGHTS_FILE.name}")
    arguments = parser.parse_args()
    if not (arguments.data / "nl2kql").is_dir():
        parser.error(f"no NL2KQL at {arguments.data}")
    settings = Settings.model_validate({})  # from the environment
    figures, weights = asyncio.run(measure(arguments.data, settings, fit=arguments.fit))
    if arguments.fit:
        WEIGHTS_FILE.write_text(weights.model_dump_json(indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(_text(figures) + "\n")


if __name__ == "__main__":
    main()
