"""The reference pages say what the code says: a setting or a command that is not documented fails here."""

from __future__ import annotations

from pathlib import Path

import typer.main
from typer.core import TyperGroup

from core_engine.cli import app
from shared.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def settings_table() -> str:
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = "OLLAMA_HOST" if name == "ollama_host" else f"LEXIQUERY_{name.upper()}"
        default = "" if field.is_required() or field.default in (None, ...) or field.default_factory else field.default
        rows.append(f"| `{variable}` | {f'`{default}`' if default != '' else ''} | {field.description} |")
    return "\n".join(rows)


def commands() -> list[str]:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    found = []
    for name, command in root.commands.items():
        found += [f"{name} {sub}" for sub in command.commands] if isinstance(command, TyperGroup) else [name]
    return found


def test_every_setting_is_in_the_settings_page() -> None:
    assert settings_table() in (DOCS / "settings.md").read_text(encoding="utf-8"), settings_table()


def test_every_command_is_in_the_command_page() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert [command for command in commands() if f"`lexiquery {command}" not in page] == []
