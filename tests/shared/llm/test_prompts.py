"""A prompt is a versioned text; a value that is missing is an error, never an empty hole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.errors import InvalidInput, NotFound
from shared.llm.prompts import Prompt, load_prompt, load_prompts

QUESTION = {"question": "the user's words"}
PLAN = "---\ndescription: ours\nversion: 3\nvariables: {agents: a list, question: words}\n---\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an operator keeps prompts; each test has its own, so nothing that was read before is taken for it."""
    made = tmp_path / "prompts"
    made.mkdir()
    return made


def test_every_variable_is_filled_and_other_signs_are_kept() -> None:
    prompt = Prompt("derive", "{{ question }} costs $5, {braces} stay\n", QUESTION)
    assert prompt.render(question="What") == "What costs $5, {braces} stay\n"


@pytest.mark.parametrize("value", ["{{ 7*7 }}", "{% for x in y %}", "{# no", "$schema", "<b>&'\"", "\r\n ends\n"])
def test_a_value_is_not_read_as_a_template(value: str) -> None:
    assert Prompt("derive", "{{ question }}", QUESTION).render(question=value) == value
    asked = load_prompt("derive_question").render(question=value, known="")
    assert asked == f"Question: {value}"


@pytest.mark.parametrize(
    ("values", "message"), [({}, "has no value for question"), ({"question": 1, "x": 2}, "has no variable x")]
)
def test_a_missing_or_unknown_value_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"prompt 'derive' {message}"):
        Prompt("derive", "{{ question }}", QUESTION).render(**values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ question }} {{ schema }}", "uses undeclared schema"),
        ("{% if rows %}{{ question }}{% endif %}", "uses undeclared rows"),
        ("{{ question }}{{ range(3) }}", "uses undeclared range"),
        ("Say something", "declares, and does not use, question"),
        ("a\n{{ question", "can't be read: line 2 of its template"),
        ("{{ question | shout }}", "can't be read: line 1 of its template: No filter named 'shout'"),
        ("{% include 'plan' %}{{ question }}", "can't include, import or extend another"),
    ],
)
def test_a_template_and_its_declared_variables_must_agree(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"prompt 'derive' {message}"):
        Prompt("derive", text, QUESTION)


@pytest.mark.parametrize("text", ["{{ question.__class__.__mro__ }}", "{{ question.rows }}", "{{ question / 2 }}"])
def test_a_template_gets_at_nothing_but_what_its_values_say(text: str) -> None:
    with pytest.raises(InvalidInput, match="prompt 'derive' can't be filled"):
        Prompt("derive", text, QUESTION).render(question="who?")


def test_the_version_follows_the_text_and_nothing_else() -> None:
    assert Prompt("a", "x").version == Prompt("b", "x", description="said anew", number=2).version == "2d711642b726"
    assert Prompt("a", "x").version != Prompt("a", "y").version


def test_every_prompt_says_what_it_is_for_and_what_its_variables_hold() -> None:
    assert len(load_prompts()) >= 5
    said = [[prompt.description, *prompt.variables.values()] for prompt in load_prompts().values()]
    assert all(all(texts) for texts in said)


def test_a_misspelt_prompt_gets_the_nearest_name() -> None:
    with pytest.raises(NotFound, match="unknown prompt 'derive_dirct'; did you mean 'derive_direct'"):
        load_prompt("derive_dirct")


def test_an_operators_prompt_stands_for_ours_of_its_name(folder: Path) -> None:
    (folder / "plan.md.j2").write_text(f"{PLAN}{{{{ agents }}}}?\n{{{{ question }}}}\n\n")
    (folder / ".plan.md.j2.swp").write_text("an editor's")
    prompt = load_prompt("plan", folder)
    assert (prompt.number, prompt.render(agents="sop", question="Who?")) == (3, "sop?\nWho?")
    assert prompt.version != load_prompt("plan").version
    assert load_prompt("derive_repair", folder) == load_prompt("derive_repair")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("plam.md.j2", PLAN, r"plam.md.j2 has the name of no prompt; did you mean 'plan.md.j2'\?"),
        ("plan.md", PLAN, r"did you mean 'plan.md.j2'\?"),
        ("plan.md.j2", "{{ agents }}", "has no front matter; begin it with YAML between two lines of ---"),
        ("plan.md.j2", "---\na: [\n---\n", "plan.md.j2 is not YAML"),
        ("plan.md.j2", "---\nvariables: {}\n---\n", "plan.md.j2: description: Field required"),
        ("plan.md.j2", "---\n---\n", "the front matter of .*plan.md.j2"),
        ("plan.md.j2", f"{PLAN}{{{{ agents }}}}", "plan.md.j2: prompt 'plan' declares, and does not use, question"),
        ("plan.md.j2", "---\ndescription: d\n---\nHi", "must declare the variables of 'plan': agents, question"),
        ("plan.md.j2", b"\xff\xfe", "can't read the prompt .*plan.md.j2"),
    ],
)
def test_an_operators_file_that_cannot_be_used_is_named(folder: Path, name: str, content: Any, message: str) -> None:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidInput, match=message):
        load_prompts(folder)


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"LEXIQUERY_PROMPTS_DIR: there is no folder .*/none"):
        load_prompts(folder / "none")
