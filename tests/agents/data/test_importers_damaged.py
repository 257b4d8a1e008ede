"""Files as no product writes them: read as far as they go, or refused in words; never a crash."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agents.data.importers.reading import Asked, read_path
from shared.errors import InvalidInput
from tests.agents.data.test_importers_kusto import METADATA, SCHEMA, TABLES, V1
from tests.agents.data.test_importers_splunk import MACROS, PROPS, SUMMARY, TRANSFORMS, WEB

JUNK = [None, 5, 1.5, "", "x", [], {}, True, ["a"], {"a": 1}, "{", [None], {"Name": None}]
DOCUMENTS = {"kusto": SCHEMA, "answer": V1, "tables": TABLES, "metadata": METADATA, "summary": SUMMARY, "model": WEB}


def damaged(value: Any, chance: random.Random) -> Any:
    """The JSON with some of its parts replaced, left out or said twice."""
    if chance.random() < 0.06:
        return chance.choice(JUNK)
    if isinstance(value, dict):
        return {key: damaged(item, chance) for key, item in value.items() if chance.random() > 0.03}
    if isinstance(value, list):
        return [damaged(item, chance) for item in value for _ in range(1 + (chance.random() < 0.06))]
    return value


def try_to_read(path: Path) -> None:
    """pydantic's error is the import's `the catalog can't be used`."""
    with suppress(InvalidInput, ValidationError):
        read_path(path, Asked("group", None, path.parent))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_damaged_json_is_read_or_refused(name: str, tmp_path: Path) -> None:
    chance = random.Random(name)  # the same damage each time
    for _ in range(150):
        (tmp_path / "file.json").write_text(json.dumps(damaged(DOCUMENTS[name], chance)))
        try_to_read(tmp_path / "file.json")


def test_damaged_conf_files_are_read_or_refused(tmp_path: Path) -> None:
    chance = random.Random(7)  # the same damage each time
    for _ in range(150):
        text = list(PROPS + TRANSFORMS + MACROS)
        for _ in range(chance.randint(1, 30)):
            text[chance.randrange(len(text))] = chance.choice("[]=\\\n\"'(<>?:, $ASx")
        (tmp_path / "file.conf").write_text("".join(text))
        try_to_read(tmp_path / "file.conf")
