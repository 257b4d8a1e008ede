"""The reference pages say what the code says: a setting or a command that is not documented fails here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import typer.main
import yaml
from typer.core import TyperCommand, TyperGroup

from agents.data.importing import checked
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from core_engine.cli import app
from shared.catalog import Catalog
from shared.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def settings_table() -> str:
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = "OLLAMA_HOST" if name == "ollama_host" else f"LEXIQUERY_{name.upper()}"
        default = "" if field.is_required() or field.default in (None, ...) or field.default_factory else field.default
        rows.append(f"| `{variable}` | {f'`{default}`' if default != '' else ''} | {field.description} |")
    return "\n".join(rows)


def commands() -> dict[str, TyperCommand]:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    found: dict[str, object] = {}
    for name, command in root.commands.items():
        below = (
            {f"{name} {sub}": one for sub, one in command.commands.items()} if isinstance(command, TyperGroup) else {}
        )
        found |= below or {name: command}
    return cast("dict[str, TyperCommand]", found)


def options(command: TyperCommand) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts) if name[:2] == "--"}


def test_every_setting_is_in_the_settings_page() -> None:
    assert settings_table() in (DOCS / "settings.md").read_text(encoding="utf-8"), settings_table()


def test_every_command_is_in_the_command_page() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    rows = {name: next((row for row in page.splitlines() if f"| `lexiquery {name}" in row), "") for name in commands()}
    assert [name for name, row in rows.items() if not row] == []
    hidden = {"--json", "--run"}  # said once for all commands; what happens without --no-run
    missing = {
        name: [one for one in options(commands()[name]) - hidden if one not in row] for name, row in rows.items()
    }
    assert {name: found for name, found in missing.items() if found} == {}


def test_every_command_says_what_it_does_and_those_with_a_result_print_json() -> None:
    said = {
        name: [command.help, *(getattr(one, "help", "") for one in command.params)]
        for name, command in commands().items()
    }
    assert [name for name, texts in said.items() if not all(texts)] == []
    assert {name for name, command in commands().items() if "--json" not in options(command)} == {"up", "serve", "mcp"}


def test_the_catalog_page_shows_a_catalog_that_can_be_used(settings: Settings) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", (DOCS / "catalog.md").read_text(encoding="utf-8"), re.DOTALL)
    catalog = Catalog.model_validate(yaml.safe_load(block))
    [example] = catalog.examples
    sandbox = Sandbox(settings)
    assert prove(checked(catalog), example.query, catalog, sandbox).verdict == "proven"
    sandbox.close()
