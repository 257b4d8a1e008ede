"""What operators work with: journeys, prompts, model providers and caches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core_engine.cli.words import Commands, Json, Limit, group, perform

if TYPE_CHECKING:
    from core_engine import cache_commands, journey_commands, prompt_commands, provider_commands
    from core_engine import replay_commands as replay_commands
else:
    cache_commands, journey_commands = Commands("cache_commands"), Commands("journey_commands")
    prompt_commands, provider_commands = Commands("prompt_commands"), Commands("provider_commands")
    replay_commands = Commands("replay_commands")

journey = group("Questions on their way to an answer.")
prompts = group("What models are told.")
providers = group("Model servers, and the keys to them.")
cache = group("Answers and vectors that are kept for reuse.")

JourneyId = Annotated[str, typer.Argument(help="A journey's id.")]
PromptName = Annotated[str, typer.Argument(help="A prompt's name.")]
Provider = Annotated[str, typer.Argument(help="A provider's name in LEXIQUERY_PROVIDERS.")]


@journey.command("list")
def journey_list(
    limit: Limit = 20,
    status: Annotated[str | None, typer.Option(help="Only those that are running, completed, failed, …")] = None,
    as_json: Json = False,
) -> None:
    """The newest journeys."""
    perform(journey_commands.journeys_list(limit, status), as_json)


@journey.command("show")
def journey_show(journey_id: JourneyId, as_json: Json = False) -> None:
    """A journey's answer."""
    perform(journey_commands.journey_show(journey_id), as_json)


@journey.command("cancel")
def journey_cancel(journey_id: JourneyId, as_json: Json = False) -> None:
    """End a journey that runs."""
    perform(journey_commands.journey_cancel(journey_id), as_json)


@journey.command("replay")
def journey_replay(
    journey_id: JourneyId,
    model: Annotated[str | None, typer.Option(help="Ask this model instead of the journey's log.")] = None,
    as_json: Json = False,
) -> None:
    """Run a journey again.

    From its log, without a model, or on another model; says what changed.
    """
    perform(replay_commands.journey_replay(journey_id, model), as_json)


@prompts.command("list")
def prompts_list(as_json: Json = False) -> None:
    """The prompts, their versions and variables."""
    perform(prompt_commands.prompts_list(), as_json)


@prompts.command("show")
def prompts_show(
    name: PromptName,
    version: Annotated[str | None, typer.Argument(help="As the ledger names it; the one in use if not given.")] = None,
    as_json: Json = False,
) -> None:
    """A prompt's text."""
    perform(prompt_commands.prompts_show(name, version), as_json)


@prompts.command("diff")
def prompts_diff(
    name: PromptName,
    a: Annotated[str | None, typer.Argument(help="A version; the newest other one if not given.")] = None,
    b: Annotated[str | None, typer.Argument(help="A version; the one in use if not given.")] = None,
    as_json: Json = False,
) -> None:
    """What changed between two versions of a prompt."""
    perform(prompt_commands.prompts_diff(name, a, b), as_json)


@providers.command("list")
def providers_list(as_json: Json = False) -> None:
    """The model servers in the order of failover, and how they are."""
    perform(provider_commands.providers_list(), as_json)


@providers.command("set-key")
def providers_set_key(name: Provider, as_json: Json = False) -> None:
    """Keep a provider's key, read from standard input, encrypted."""
    perform(provider_commands.key_set(name), as_json)


@providers.command("remove-key")
def providers_remove_key(name: Provider, as_json: Json = False) -> None:
    """Forget a provider's key."""
    perform(provider_commands.key_remove(name), as_json)


@providers.command("rotate-keys")
def providers_rotate_keys(as_json: Json = False) -> None:
    """Encrypt every key anew, under a new secret."""
    perform(provider_commands.keys_rotate(), as_json)


@cache.command("stats")
def cache_stats(as_json: Json = False) -> None:
    """What is kept, and what it saved."""
    perform(cache_commands.cache_stats(), as_json)


@cache.command("clear")
def cache_clear(
    responses: Annotated[bool, typer.Option("--responses", help="Only answers.")] = False,
    embeddings: Annotated[bool, typer.Option("--embeddings", help="Only vectors.")] = False,
    as_json: Json = False,
) -> None:
    """Drop what is kept."""
    perform(cache_commands.cache_clear(responses, embeddings), as_json)
