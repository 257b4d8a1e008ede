"""Every requirement has a test, and every test names requirements that there are."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.protocol_interface.a2a_requirements.requirements import COVERED, REQUIREMENTS, covers

HERE = Path(__file__).parent


def test_every_requirement_has_a_test_and_every_test_a_requirement() -> None:
    for path in HERE.glob("test_*.py"):
        if path.stem != Path(__file__).stem:
            import_module(f"{__package__}.{path.stem}")
            tests = re.findall(r"^async def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
            noted = {
                name.rpartition(".")[2] for names in COVERED.values() for name in names if f".{path.stem}." in name
            }
            assert noted == {*tests}
    assert [name for name, tests in COVERED.items() if not tests] == []


def test_a_test_of_an_unknown_requirement_is_an_error() -> None:
    with pytest.raises(KeyError, match="A2A-NONE-001"):
        covers("A2A-NONE-001")(test_a_test_of_an_unknown_requirement_is_an_error)


def test_ids_are_of_one_form_and_name_a_section() -> None:
    for name, (section, words) in REQUIREMENTS.items():
        assert re.fullmatch(r"A2A-[A-Z]+-\d{3}", name)
        assert re.fullmatch(r"\d+(\.\d+)*(, \d+(\.\d+)*)*", section), name
        assert words
