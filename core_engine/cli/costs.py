"""`lexiquery cost`: what model calls took, what they may take, and the ledger's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core_engine.cli.words import Commands, Days, Json, Limit, group, perform

if TYPE_CHECKING:
    from core_engine import analysis_commands, cost_commands
else:
    analysis_commands, cost_commands = Commands("analysis_commands"), Commands("cost_commands")

cost = group("What model calls took, and may take.")

Tokens = Annotated[int | None, typer.Option(min=1, help="Prompt and completion tokens.")]
Seconds = Annotated[float | None, typer.Option(min=0.001, help="Time of model calls, in seconds.")]
Calls = Annotated[int | None, typer.Option(min=1, help="Model calls.")]
Money = Annotated[float | None, typer.Option(min=0.000001, help="Cost, in the rate card's currency.")]
Whose = Annotated[str, typer.Argument(help="journey (each), user (each), user:NAME, or day (everybody's).")]


@cost.command("show")
def cost_show(journey: Annotated[str, typer.Argument(help="A journey's id.")], as_json: Json = False) -> None:
    """One journey's cost."""
    perform(cost_commands.cost_show(journey), as_json)


@cost.command("recent")
def cost_recent(limit: Limit = 20, as_json: Json = False) -> None:
    """The newest journeys and their cost."""
    perform(cost_commands.cost_recent(limit), as_json)


@cost.command("stats")
def cost_stats(
    by: Annotated[
        str, typer.Option(help="What the lines stand for: model, operation, agent, user, tag, day or peer.")
    ] = "model",
    days: Days = 30,
    daily: Annotated[bool, typer.Option("--daily", help="A line for each day.")] = False,
    as_json: Json = False,
) -> None:
    """Calls, errors, tokens, cost and percentiles of their time."""
    perform(cost_commands.cost_stats(by, days, daily), as_json)


@cost.command("calls")
def cost_calls(
    journey: Annotated[str | None, typer.Option(help="Of one journey.")] = None,
    agent: Annotated[str | None, typer.Option(help="Of one agent.")] = None,
    model: Annotated[str | None, typer.Option(help="Of one model.")] = None,
    user: Annotated[str | None, typer.Option(help="Of one user's questions.")] = None,
    tag: Annotated[str | None, typer.Option(help="With this tag.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Such as derive, repair, link.")] = None,
    status: Annotated[str | None, typer.Option(help="Such as error, lost, cached.")] = None,
    slower: Annotated[float | None, typer.Option(min=0, help="That took at least so many seconds.")] = None,
    before: Annotated[str | None, typer.Option(help="Older than the call of this id: the next page.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """The newest calls."""
    wanted = {"journey_id": journey, "agent": agent, "model": model, "user": user, "tag": tag, "purpose": purpose}
    perform(cost_commands.cost_calls({**wanted, "status": status, "slower": slower, "before": before}, limit), as_json)


@cost.command("export")
def cost_export(
    out: Annotated[
        str, typer.Option("--out", help="A file ending in .csv, .jsonl or .parquet; - is JSON lines on stdout.")
    ] = "-",
    as_json: Json = False,
) -> None:
    """Every call of the ledger."""
    perform(cost_commands.cost_export(out), as_json)


@cost.command("prune")
def cost_prune(
    days: Annotated[int, typer.Option(min=1, max=36500, help="Keep the calls of so many days.")],
    texts: Annotated[bool, typer.Option("--texts", help="Remove only prompts and responses.")] = False,
    as_json: Json = False,
) -> None:
    """Remove old calls.

    The sums of their days stay.
    """
    perform(cost_commands.cost_prune(days, texts), as_json)


@cost.command("analyze")
def cost_analyze(days: Days = 30, as_json: Json = False) -> None:
    """What would save most."""
    perform(analysis_commands.cost_analyze(days), as_json)


@cost.command("card")
def cost_card(as_json: Json = False) -> None:
    """The rate card in force, and which models it prices."""
    perform(analysis_commands.cost_card(), as_json)


@cost.command("budgets")
def cost_budgets(as_json: Json = False) -> None:
    """The limits, and what is used of them today."""
    perform(cost_commands.budgets(), as_json)


@cost.command("set-budget")
def cost_set_budget(
    whose: Whose,
    tokens: Tokens = None,
    seconds: Seconds = None,
    calls: Calls = None,
    money: Money = None,
    alert_at: Annotated[float, typer.Option(min=0.01, max=1, help="Warn at this share of a limit.")] = 0.8,
    as_json: Json = False,
) -> None:
    """Limit what a journey or a day may take."""
    limits = {"tokens": tokens, "seconds": seconds, "calls": calls, "money": money}
    perform(cost_commands.set_budget(whose, limits, alert_at), as_json)


@cost.command("remove-budget")
def cost_remove_budget(whose: Whose, as_json: Json = False) -> None:
    """Lift a limit."""
    perform(cost_commands.remove_budget(whose), as_json)
