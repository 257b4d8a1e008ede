"""The inspector's command line, which nobody here wrote, on our server by both protocol versions."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.node import inspector

CALLS: dict[str, tuple[list[str], str]] = {
    "tools/list": (["--strict"], "query_kql"),
    "tools/call": (["--tool-name", "ask", "--tool-args-json", '{"question": "Failures?"}'], "SigninLogs | count"),
    "resources/templates/list": ([], "catalog://{group}/{table}"),
    "resources/read": (["--uri", "catalog://ops_logs/SigninLogs"], "ResultType"),
    "prompts/get": (["--prompt-name", "investigate_alert", "--prompt-args", "alert=VPN down"], "Restart the gateway."),
}


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("method", CALLS)
def test_the_inspector_is_served(mcp_url: str, tmp_path: Path, era: str, method: str) -> None:
    more, says = CALLS[method]
    command = [*inspector(), "--cli", mcp_url, "--protocol-era", era, "--format", "json", "--method", method, *more]
    home: dict[str, Any] = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=home)
    assert done.returncode == 0, done.stderr
    assert says in json.dumps(json.loads(done.stdout))
