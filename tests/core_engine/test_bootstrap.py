"""What the settings say of agents is checked before anything starts."""

from __future__ import annotations

import pytest

from core_engine.bootstrap import open_lexiquery
from shared.errors import InvalidInput
from shared.settings import Settings


async def test_an_unknown_agent_in_the_settings_gets_the_nearest_name(settings: Settings) -> None:
    wrong = settings.model_copy(update={"agents": {"slq": "http://127.0.0.1:9022"}})
    with pytest.raises(InvalidInput, match=r"LEXIQUERY_AGENTS names 'slq', .*; did you mean 'sql'\?"):
        async with open_lexiquery(wrong):
            pass
    assert not settings.data_dir.exists()


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_only_loopback_is_this_machine(settings: Settings, host: str, local: bool) -> None:
    assert settings.model_copy(update={"host": host}).is_local is local
