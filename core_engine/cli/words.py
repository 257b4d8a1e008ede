"""The words that every command is made of: how a group of commands looks, how a command runs, and common options."""

from __future__ import annotations

from collections.abc import Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from core_engine.results import Result


class Commands:
    """A module, imported when a command of it runs: `lexiquery --help` needs none."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(f"core_engine.{self._name}"), name)


def group(help_text: str, cls: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """Plain help: loading rich for its boxes would double the time of `lexiquery --help`."""
    return typer.Typer(
        cls=cls,
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def perform(work: Coroutine[Any, Any, Result | None], as_json: bool = False) -> None:
    from core_engine.results import run

    raise typer.Exit(run(work, as_json=as_json))


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Group = Annotated[str | None, typer.Option("--group", help="Schema group; all of them if not given.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many at most.")]
Days = Annotated[int, typer.Option(min=1, max=3650, help="How far back.")]
