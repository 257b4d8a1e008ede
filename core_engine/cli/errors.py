"""`lexiquery errors`: the known errors that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core_engine.cli.words import Commands, Json, group, perform

if TYPE_CHECKING:
    from core_engine import error_commands
else:
    error_commands = Commands("error_commands")

errors = group("Known errors: a signature in the logs, its cause, its fix.")


@errors.command("add")
def add(
    files: Annotated[list[Path], typer.Argument(help="YAML files with a list below `known_errors:`.")],
    as_json: Json = False,
) -> None:
    """Add known errors, or replace those with their ids.

    The others stay.
    """
    perform(error_commands.add(files), as_json)


@errors.command("list")
def list_(as_json: Json = False) -> None:
    """The known errors, and which file they came from."""
    perform(error_commands.list_errors(), as_json)


@errors.command("remove")
def remove(
    ids: Annotated[list[str], typer.Argument(help="Ids, as `errors list` has them.")], as_json: Json = False
) -> None:
    """Forget known errors."""
    perform(error_commands.remove(ids), as_json)
