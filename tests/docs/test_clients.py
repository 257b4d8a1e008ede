"""The clients of docs/clients.md work as they are written, against a server with a scripted model."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.core_engine.processes import Command, Server
from tests.scripted_ollama import scripted_server

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
QUERY = "SELECT count(*) AS orders FROM orders WHERE status = 'open'"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with scripted_server(QUERY) as ollama:
        lexiquery = Command(tmp_path_factory.mktemp("clients"), ollama.url)
        lexiquery.import_shop()
        with lexiquery.server() as running:
            yield running


@pytest.mark.parametrize("code", blocks("python"))
async def test_a_client_in_python_prints_the_answer(
    server: Server, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here = code.replace("http://127.0.0.1:8000", server.url).replace("P1 tickets are still open", "orders are open")
    names: dict[str, object] = {}
    exec(f"async def client():\n{textwrap.indent(here, '    ')}", names)
    await names["client"]()  # type: ignore[operator]
    printed = capsys.readouterr().out
    assert "How many orders are open?" in printed
    assert "proof: proven" in printed


async def test_an_assistant_starts_what_its_settings_name(server: Server) -> None:
    [block] = blocks("json")
    named = json.loads(block)["mcpServers"]["lexiquery"]
    started = StdioServerParameters(
        command=str(Path(sys.executable).parent / Path(named["command"]).name),
        args=named["args"],
        env=dict.fromkeys(named["env"], str(server.folder / "data")),
    )
    async with Client(stdio_client(started)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        listed = re.search(r"The tools are (.+?)\. ", PAGE)
        assert listed
        assert tools == set(re.findall(r"`(\w+)`", listed[1]))
        found = await client.call_tool("ask", {"question": "How many orders are open?"})
    assert "proof: proven" in found.content[0].text  # type: ignore[union-attr]
