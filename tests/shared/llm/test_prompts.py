"""A prompt is a versioned text; a value that is missing is an error, never an empty hole."""

from __future__ import annotations

import pytest

from shared.errors import InvalidInput, NotFound
from shared.llm import prompts
from shared.llm.prompts import Prompt, load_prompt


def test_every_variable_is_filled_and_dollars_are_kept() -> None:
    prompt = Prompt("derive", "$question costs $$5, {braces} stay")
    assert prompt.render(question="What") == "What costs $5, {braces} stay"


def test_a_value_is_not_read_as_a_template() -> None:
    assert Prompt("derive", "$question").render(question="is $schema safe?") == "is $schema safe?"


@pytest.mark.parametrize(
    ("values", "message"), [({}, "has no value for question"), ({"question": 1, "x": 2}, "has no variable x")]
)
def test_a_missing_or_unknown_value_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"prompt 'derive' {message}"):
        Prompt("derive", "$question").render(**values)


def test_the_version_follows_the_text() -> None:
    assert Prompt("a", "x").version == Prompt("b", "x").version != Prompt("a", "y").version


def test_every_prompt_file_loads_and_has_variables() -> None:
    names = [path.stem for path in prompts._FOLDER.glob("*.md")]
    assert all(load_prompt(name).text for name in names)


def test_a_misspelt_prompt_gets_the_nearest_name(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "_FOLDER", tmp_path)
    with pytest.raises(NotFound, match="unknown prompt 'derive'"):
        load_prompt.__wrapped__("derive")
