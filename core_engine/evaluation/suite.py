"""What an evaluation asks, and what it writes down of each item."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError, model_validator

from shared.errors import InvalidInput, ModelUnavailable, NotFound, first_problem
from shared.models import Answer, Model, QueryAnswer


class Item(Model):
    """One question of a suite. Other fields of a line are left alone.

    gold: a query, or several accepted ones; null where nothing here answers the question, which is then right to be
    asked back (`expects: clarification` says the same). category: what kind of question, `classic/ratio` for one
    below another.
    """

    model_config = ConfigDict(extra="ignore")

    id: str
    platform: str
    schema_group: str
    question: str
    gold: str | list[str] | None
    category: str = ""
    order_matters: bool = False

    @model_validator(mode="before")
    @classmethod
    def _has_no_gold_where_nothing_answers(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        expects = value.get("expects", "answer")
        if expects not in ("answer", "clarification"):
            raise ValueError(f"expects is 'answer' or 'clarification', not '{expects}'")
        if expects == "clarification":
            if value.get("gold"):
                raise ValueError("expects a clarification, and has a gold query")
            return {**value, "gold": None}
        if value.get("gold", None) in ("", []):
            raise ValueError("gold is empty; a question that nothing answers has null")
        return value

    @property
    def accepted(self) -> list[str]:
        return [self.gold] if isinstance(self.gold, str) else self.gold or []

    @property
    def is_answerable(self) -> bool:
        return self.gold is not None


class Measures(Model):
    """None where it could not be measured, or there was nothing to measure.

    parsed, bound: the query's own language accepts it. tables_right: it reads the gold's tables; columns: how many of
    both queries' columns both use (Jaccard, 0 to 1); literals: all that the gold compares with are in the query, times
    left out. executed: it gave rows, or none; rows_equal: the gold's (None when no gold query runs). abstained: no
    query, but a question back, or that nothing here answers. cost: money, by the prices in the ledger. Of tokens None
    also means that the server gave no count.
    """

    answered: bool
    proven: bool
    parsed: bool | None = None
    bound: bool | None = None
    tables_right: bool | None = None
    columns: float | None = None
    literals: bool | None = None
    executed: bool | None = None
    rows_equal: bool | None = None
    abstained: bool = False
    confidence: float | None = None
    route: str | None = None
    calls: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float
    cost: float | None = None


class Outcome(Model):
    """One line of results.jsonl. configuration: hash of what the run depends on; error: why there is no answer, or
    why its rows could not be compared."""

    id: str
    configuration: str
    platform: str
    schema_group: str
    question: str
    gold: str | list[str] | None
    category: str = ""
    answer: Answer | None
    measures: Measures
    error: str | None = None

    @property
    def query_answer(self) -> QueryAnswer | None:
        """The answer on the item's platform and group."""
        place = (self.platform, self.schema_group)
        answers = self.answer.answers if self.answer else []
        return next((one for one in answers if (one.platform, one.schema_group) == place), None)

    @property
    def is_answerable(self) -> bool:
        return self.gold is not None

    @property
    def without_model(self) -> bool:
        """Whether the model could not be reached, or did not answer in time."""
        return (self.error or "").startswith(ModelUnavailable.code)

    @property
    def right(self) -> bool | None:
        """Rows equal; of what nothing answers, that it was said. None where that is not known."""
        return self.measures.rows_equal if self.is_answerable else self.measures.abstained


def read_suite(path: Path) -> list[Item]:
    """Raises NotFound, or InvalidInput with the line that is wrong."""
    if not path.is_file():
        raise NotFound(f"no suite at {path}")
    items = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            items.append(Item.model_validate_json(line))
        except ValidationError as error:
            raise InvalidInput(f"{path}, line {number}: {first_problem(error, whole='line')}") from error
    repeated = [item.id for item in items if sum(other.id == item.id for other in items) > 1]
    if repeated:
        raise InvalidInput(f"{path}: the id '{repeated[0]}' stands there twice")
    if not items:
        raise InvalidInput(f"{path} holds no item")
    return items


def read_results(path: Path) -> list[Outcome]:
    """The results so far; a last line cut off by a crash is left out, and its item asked again."""
    outcomes = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        with suppress(ValidationError):
            outcomes.append(Outcome.model_validate_json(line))
    return outcomes
