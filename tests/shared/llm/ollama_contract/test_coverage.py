"""Every requirement has a test, every test a requirement, and the docs name every deviation."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.shared.llm.ollama_contract.contract import DEVIATIONS, REQUIREMENTS, SHOWN, shows

HERE = Path(__file__).parent
DOCS = HERE.parents[3] / "docs" / "ollama-api.md"


def contract_tests() -> set[str]:
    modules = [
        import_module(f"{__package__}.{path.stem}")
        for path in HERE.glob("test_*.py")
        if path.name != Path(__file__).name
    ]
    return {f"{module.__name__}.{name}" for module in modules for name in vars(module) if name.startswith("test_")}


def test_every_requirement_and_every_deviation_has_a_test() -> None:
    contract_tests()
    assert [name for name in (*REQUIREMENTS, *DEVIATIONS) if not SHOWN[name]] == []


def test_every_test_shows_a_requirement_or_a_deviation() -> None:
    tests = contract_tests()
    assert tests - set().union(*SHOWN.values()) == set()


def test_what_nobody_promised_can_t_be_shown() -> None:
    with pytest.raises(KeyError, match="'chat:sings' is neither"):
        shows("chat:sings")(test_what_nobody_promised_can_t_be_shown)


def test_the_docs_name_every_deviation() -> None:
    told = DOCS.read_text(encoding="utf-8").partition("## Deviations")[2].splitlines()
    assert {line.split("`")[1] for line in told if line.startswith("| `")} == set(DEVIATIONS)
