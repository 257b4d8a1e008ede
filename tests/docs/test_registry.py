"""docs/registry.md: its example signs a card that verifies, and its numbers are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from protocol_interface.card_check import CARD_LIMIT, DEPTH, INTERFACES, SKILLS, check_card
from protocol_interface.card_fetch import TIMEOUT
from protocol_interface.registry.probing import FORGET_DAYS, LEAST_OFTEN, QUARANTINE
from protocol_interface.registry.routing import LONGEST_PAUSE, PAUSE
from protocol_interface.registry.signatures import TrustedKeys
from protocol_interface.registry.store import VERSIONS

PAGE = (Path(__file__).parents[2] / "docs" / "registry.md").read_text(encoding="utf-8")


def test_the_card_that_the_page_signs_is_whole_and_verified_by_its_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    made: dict[str, Any] = {}
    exec(block, made)
    assert caplog.messages == [], "the SDK names required fields that a card lacks"
    check_card(made["signed"], "the page")
    (tmp_path / "partner.pem").write_bytes(made["public"])
    found = TrustedKeys.read(tmp_path).judge(made["signed"])
    assert (found.state, found.signer) == ("verified", "partner")


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    told = (
        f"the last {VERSIONS} versions",
        f"alive for {FORGET_DAYS} days",
        f"passed over for {PAUSE:g} seconds",
        f"up to {LONGEST_PAUSE / 60:g} minutes",
        f"After {QUARANTINE} failures",
        f"every {LEAST_OFTEN} times",
        f"longer than {TIMEOUT:g} seconds, is larger than {CARD_LIMIT // 1024} KiB",
        f"more than {DEPTH} deep",
        f"more than {SKILLS}; no usable interface, or more than {INTERFACES}",
    )
    assert [one for one in told if one not in PAGE] == []
