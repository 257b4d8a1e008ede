"""The desk with its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.data.sandbox import Sandbox
from shared.settings import Settings
from tests.agents.data.fitting.desk import Desk, write_rows


@pytest.fixture(scope="session")
def desk_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    base: Path = tmp_path_factory.mktemp("desk")
    sandbox = Sandbox(Settings(data_dir=base))
    write_rows(sandbox)
    yield sandbox
    sandbox.close()


@pytest.fixture
def desk(desk_rows: Sandbox) -> Desk:
    return Desk(desk_rows)
