"""`lexiquery sop check`, `lexiquery glossary` and `lexiquery graph`: what their words mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core_engine.cli.words import Commands, Group, Json, Limit, group, perform

if TYPE_CHECKING:
    from core_engine import knowledge_commands
else:
    knowledge_commands = Commands("knowledge_commands")

glossary = group("Business terms and rules that runbooks define.")
graph = group("What is known: tables, services, alerts, codes, procedures.")

Ids = Annotated[list[str] | None, typer.Argument(help="Ids, as `lexiquery glossary list` shows them.")]


def sop_check(
    group: Group = None,
    every: Annotated[bool, typer.Option("--all", help="Show the proven queries too.")] = False,
    as_json: Json = False,
) -> None:
    """Prove the queries that stand in runbooks.

    Exit code 1 when one is broken, or an accepted condition is: runbooks as tests.
    """
    perform(knowledge_commands.sop_check(group, every), as_json)


@glossary.command("list")
def glossary_list(
    group: Group = None,
    status: Annotated[str | None, typer.Option(help="proposed, accepted or rejected; all if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Terms and rules of runbooks."""
    perform(knowledge_commands.glossary_list(group, status), as_json)


@glossary.command("propose")
def glossary_propose(group: Group = None, as_json: Json = False) -> None:
    """Read the runbooks, and show what waits for a decision."""
    perform(knowledge_commands.glossary_propose(group), as_json)


@glossary.command("accept")
def glossary_accept(
    ids: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="All that say a condition.")] = False,
    condition: Annotated[
        str | None, typer.Option(help="SQL, instead of the proposed one; '' for the words alone.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="Whose columns the condition is over.")] = None,
    group: Group = None,
    as_json: Json = False,
) -> None:
    """Make proposals part of their groups' glossaries.

    A condition is proven first; queries then hold it where a question says the term.
    """
    perform(knowledge_commands.glossary_accept(ids or [], every, condition, table, group), as_json)


@glossary.command("reject")
def glossary_reject(
    ids: Annotated[list[str], typer.Argument(help="Ids, as `lexiquery glossary list` shows them.")],
    as_json: Json = False,
) -> None:
    """Take terms out, or never propose them again."""
    perform(knowledge_commands.glossary_reject(ids), as_json)


@graph.command("about")
def graph_about(
    text: Annotated[str, typer.Argument(help="A service, table, alert, error code or term, or a question with one.")],
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Which runbooks touch it, where, and what else they name."""
    perform(knowledge_commands.graph_about(text, limit), as_json)


@graph.command("show")
def graph_show(as_json: Json = False) -> None:
    """How much is known, by kind."""
    perform(knowledge_commands.graph_show(), as_json)
