"""The registry of agents: who is there, who comes and goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core_engine.cli.words import Commands, Json, group, perform

if TYPE_CHECKING:
    from core_engine import agent_commands
else:
    agent_commands = Commands("agent_commands")

agents = group("The registry of agents.")
AgentName = Annotated[str, typer.Argument(help="An agent's name.")]


@agents.command("list")
def agents_list(
    skill: Annotated[str | None, typer.Option(help="Only those with this skill.")] = None,
    platform: Annotated[str | None, typer.Option(help="Only those for this platform.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with a skill of this tag.")] = None,
    text: Annotated[str | None, typer.Option(help="Only those whose cards have these words.")] = None,
    healthy: Annotated[bool | None, typer.Option("--healthy/--dead", help="Only those that answer, or don't.")] = None,
    as_json: Json = False,
) -> None:
    """The registered agents, their platforms and skills."""
    found = agent_commands.agents_list(skill=skill, platform=platform, tag=tag, q=text, healthy=healthy)
    perform(found, as_json)


@agents.command("show")
def agents_show(name: AgentName, as_json: Json = False) -> None:
    """An agent's skills, replicas and card versions."""
    perform(agent_commands.agents_show(name), as_json)


@agents.command("register")
def agents_register(
    place: Annotated[str, typer.Argument(help="The URL of the agent or its card, or a file with the card.")],
    as_json: Json = False,
) -> None:
    """Register an A2A agent by its URL or its card.

    The Agent Card is fetched and checked, with its signature.
    """
    perform(agent_commands.agents_register(place), as_json)


@agents.command("remove")
def agents_remove(name: AgentName, as_json: Json = False) -> None:
    """Remove a registered agent."""
    perform(agent_commands.agents_remove(name), as_json)


@agents.command("export")
def agents_export(
    out: Annotated[str, typer.Option(help="A file for the JSON; - is standard output.")] = "-", as_json: Json = False
) -> None:
    """Write the registry as JSON."""
    perform(agent_commands.agents_export(out), as_json)


@agents.command("import")
def agents_import(
    file: Annotated[Path, typer.Argument(help="What `agents export` wrote.")], as_json: Json = False
) -> None:
    """Register the agents of an export.

    Each card is checked like any; LexiQuery's own agents are left out.
    """
    perform(agent_commands.agents_import(file), as_json)
