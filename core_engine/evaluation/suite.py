"""What an evaluation asks, and what it writes down of each item."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pydantic import ConfigDict, ValidationError

from shared.errors import InvalidInput, NotFound, first_problem
from shared.models import Answer, Model, QueryAnswer


class Item(Model):
    """One question of a suite. Other fields of a line are left alone."""

    model_config = ConfigDict(extra="ignore")

    id: str
    platform: str
    schema_group: str
    question: str
    gold: str | list[str]
    order_matters: bool = False

    @property
    def accepted(self) -> list[str]:
        return [self.gold] if isinstance(self.gold, str) else self.gold


class Measures(Model):
    """None where it could not be measured: rows_equal when no gold query runs, tokens when the server gave no count."""

    answered: bool
    proven: bool
    tables_right: bool | None = None
    rows_equal: bool | None = None
    calls: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float


class Outcome(Model):
    """One line of results.jsonl. configuration: hash of what the run depends on; error: why there is no answer, or
    why its rows could not be compared."""

    id: str
    configuration: str
    platform: str
    schema_group: str
    question: str
    gold: str | list[str]
    answer: Answer | None
    measures: Measures
    error: str | None = None

    @property
    def query_answer(self) -> QueryAnswer | None:
        """The answer on the item's platform and group."""
        place = (self.platform, self.schema_group)
        answers = self.answer.answers if self.answer else []
        return next((one for one in answers if (one.platform, one.schema_group) == place), None)


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
