"""time.monotonic of a module, set by hand."""

from __future__ import annotations

from types import ModuleType

import pytest


class Clock:
    """What `module.monotonic()` tells: now, in seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
        self.now = 0.0
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
