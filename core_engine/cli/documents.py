"""`lexiquery sop`: the runbooks that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core_engine.cli.words import Commands, Json, group, perform

if TYPE_CHECKING:
    from core_engine import document_commands
else:
    document_commands = Commands("document_commands")

sop = group("Your runbooks and procedures.")
_Name = Annotated[str, typer.Argument(help="A document's source or id, as `sop list` has them.")]


@sop.command("add")
def add(
    paths: Annotated[list[str], typer.Argument(help="Files, folders, Git working copies, web addresses.")],
    label: Annotated[
        list[str] | None, typer.Option("--label", help="Who may find them; everybody if none is given.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Lift the labels that they were added with.")] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Forget a folder's documents also when none is left in it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add runbooks: Markdown, text, HTML, DOCX, PDF."""
    perform(document_commands.add(paths, label, everybody=everybody, allow_empty=allow_empty), as_json)


@sop.command("list")
def list_(as_json: Json = False) -> None:
    """The documents, when they were read, and who may find them."""
    perform(document_commands.list_documents(), as_json)


@sop.command("show")
def show(
    name: _Name,
    version: Annotated[
        int | None, typer.Option(min=1, help="A number of its history; the newest if not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What was read of a document."""
    perform(document_commands.show(name, version), as_json)


@sop.command("history")
def history(name: _Name, as_json: Json = False) -> None:
    """The versions of a document that are kept, the newest first."""
    perform(document_commands.history(name), as_json)


@sop.command("remove")
def remove(
    names: Annotated[list[str], typer.Argument(help="Documents by source or id, as `sop list` has them.")],
    as_json: Json = False,
) -> None:
    """Forget documents, and their history."""
    perform(document_commands.remove(names), as_json)
