"""The clients of docs/clients.md work as they are written, against a server with a scripted model."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.core_engine.processes import Command, Server
from tests.node import inspector
from tests.scripted_ollama import scripted_server

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
MCP_PAGE = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text(encoding="utf-8")
SCHEMAS = Path(__file__).parent / "schemas"
BIN = Path(sys.executable).parent
ADDRESS = "http://127.0.0.1:8000"
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
    about = code.replace(ADDRESS, server.url).replace("P1 tickets are still open", "orders are open")
    names: dict[str, object] = {}
    exec(f"async def client():\n{textwrap.indent(about, '    ')}", names)
    await names["client"]()  # type: ignore[operator]
    printed = capsys.readouterr().out
    assert "How many orders are open?" in printed
    assert "proof: proven" in printed


def assistants() -> list[tuple[str, dict[str, Any]]]:
    """(assistant, its settings) of the page: a block is for the names in bold between it and the block before."""
    found = re.findall(r"((?:(?!```).)*?)```(\w+)\n(.*?)```", PAGE, re.DOTALL)
    return [
        (name, json.loads(block))
        for text, language, block in found
        if language == "json"
        for name in re.findall(r"\*\*([\w ]+)\*\*", text)
    ]


def server_of(settings: dict[str, Any]) -> dict[str, Any]:
    [servers] = settings.values()
    named: dict[str, Any] = servers["lexiquery"]
    return named


@pytest.mark.parametrize(("assistant", "written"), assistants())
def test_an_assistants_settings_are_of_its_form(assistant: str, written: dict[str, Any]) -> None:
    schema = SCHEMAS / f"{assistant.lower().replace(' ', '-')}.json"
    jsonschema.validate(written, json.loads(schema.read_text(encoding="utf-8")))


def test_every_assistant_has_settings() -> None:
    counted = Counter(assistant for assistant, _ in assistants())
    assert counted == {"VS Code": 2, "Claude Code": 2, "Claude Desktop": 1, "Cursor": 2}


async def test_an_assistant_starts_what_its_settings_name(server: Server) -> None:
    started = [one for _, written in assistants() if "command" in (one := server_of(written))]
    [(command, args, env)] = {(one["command"], tuple(one["args"]), tuple(one["env"])) for one in started}
    lexiquery = StdioServerParameters(
        command=str(BIN / Path(command).name), args=list(args), env=dict.fromkeys(env, str(server.folder / "data"))
    )
    async with Client(stdio_client(lexiquery)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        documented = set(re.findall(r"^\| `(\w+)\(", MCP_PAGE, re.MULTILINE))
        assert tools == documented | {"query_kql", "query_spl", "query_sql"}
        found = await client.call_tool("query_sql", {"question": "How many orders are open?"})
        assert "proof: proven" in found.content[0].text  # type: ignore[union-attr]
        assert found.structured_content is not None
        journey_id = found.structured_content["journey_id"]
        cost = await client.call_tool("journey_cost", {"journey_id": journey_id})
    assert cost.structured_content is not None
    assert cost.structured_content["calls"] + cost.structured_content["cached_calls"] > 0


async def test_an_assistant_reaches_the_server_where_its_settings_say(server: Server) -> None:
    [url] = {one["url"] for _, written in assistants() if "url" in (one := server_of(written))}
    async with Client(url.replace(ADDRESS, server.url)) as client:
        found = await client.call_tool("ask", {"question": "How many orders are open?"})
    assert "proof: proven" in found.content[0].text  # type: ignore[union-attr]


def here(command: str, server: Server) -> list[str]:
    """The words of a command of the page, about this server."""
    about = command.replace(ADDRESS, server.url).replace("P1 tickets are still open", "orders are open")
    about = about.replace("/path/to/lexiquery/data/runtime", str(server.folder / "data"))
    return shlex.split(about.replace("/path/to/lexiquery/.venv/bin", str(BIN)))


PRINTED = {"tools/list": "query_sql", "prompts/list": "port_spl_to_kql"}
COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line.startswith(("npx", "curl"))]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_prints_what_it_asks_for(server: Server, command: str, tmp_path: Path) -> None:
    words = here(command, server)
    if words[0] == "npx":
        words = [*inspector(), *words[2:], "--connect-timeout", "100000"]  # a machine may be busy
    home = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=home)
    assert done.returncode == 0, done.stderr
    assert next((says for method, says in PRINTED.items() if method in words), "SELECT count(*)") in done.stdout
