"""MCP on stdio, where whoever writes to the process is no good client."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.protocol_interface.mcp_serving import ROOT
from tests.protocol_interface.test_mcp_http import HELLO


async def test_nonsense_is_passed_over_and_the_process_ends_with_its_client() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.protocol_interface.stdio_server",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=2**20,
    )
    assert process.stdin
    assert process.stdout
    for line in (b"{", b"[]", b'{"jsonrpc": "2.0"}', b"\xff\xfe", json.dumps(HELLO).encode()):
        process.stdin.write(line + b"\n")
    answered = {"id": None}
    while answered["id"] != HELLO["id"]:
        answered = json.loads(await process.stdout.readline())
    assert answered["result"]["serverInfo"]["name"] == "lexiquery"  # type: ignore[index]
    process.stdin.close()
    assert await process.wait() == 0
