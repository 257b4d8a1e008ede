"""The `lexiquery` command: what its words mean. The work is in core_engine/*commands.py, imported only when a command
runs.

Exit codes: 0 done (`prove`: proven or plausible; `ask`: answered), 1 it failed (`prove`: rejected), 2 the call was
wrong, 3 (`ask`) a question back. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from core_engine.cli import agents, costs, knowledge, operating
from core_engine.cli.documents import sop
from core_engine.cli.errors import errors
from core_engine.cli.words import Commands, Group, Json, group, perform

if TYPE_CHECKING:
    from core_engine import commands, evaluation_commands
else:
    commands, evaluation_commands = Commands("commands"), Commands("evaluation_commands")


class _RunsByDefault(TyperGroup):
    """`eval SUITE` means `eval run SUITE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, ["run", *args] if args and args[0] not in known else args)


app = group("Questions in plain language become queries that are proven to run.")
catalog = group("What is known of your data: schema groups and their tables.")
models = group("The embedded models.")
examples = group("Solved questions.")
evaluation = group("Answers measured beside known queries.", cls=_RunsByDefault)
_GROUPS = {
    "catalog": catalog,
    "sop": sop,
    "errors": errors,
    "glossary": knowledge.glossary,
    "graph": knowledge.graph,
    "examples": examples,
    "eval": evaluation,
    "cost": costs.cost,
    "cache": operating.cache,
    "prompts": operating.prompts,
    "providers": operating.providers,
    "journey": operating.journey,
    "agents": agents.agents,
    "models": models,
}
for name, commands_of in _GROUPS.items():
    app.add_typer(commands_of, name=name)


def _say_version(wanted: bool) -> None:
    if wanted:
        from shared import __version__

        typer.echo(f"lexiquery {__version__}")
        raise typer.Exit


@app.callback()
def _every_command(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None: ...


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 by default.")] = None,
) -> None:
    """Serve the HTTP API, A2A, MCP and all agents in one process."""
    perform(commands.up(host, port))


@app.command()
def serve(
    agent: Annotated[str, typer.Argument(help="An agent's name, such as sop or kql.")],
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; the agent's own by default.")] = None,
) -> None:
    """Run one agent as an A2A server."""
    perform(commands.serve_agent(agent, host, port))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In plain language.")],
    group: Group = None,
    platform: Annotated[list[str] | None, typer.Option("--platform", help="Platforms to choose from.")] = None,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Run proven queries and show their rows.")] = True,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Budget of the journey, in tokens.")] = None,
    user: Annotated[str | None, typer.Option(help="Who asks, for the ledger; you if not given.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A tag for the ledger, such as team=ops.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A label that you carry; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Answer a question.

    With a plan, what your runbooks say, proven queries with rows, and the cost.
    """
    perform(commands.ask(question, group, platform, run, max_tokens, user, tag or [], label or []), as_json)


@app.command()
def prove(
    platform: Annotated[str, typer.Option("--platform", help="Its platform, such as kql.")],
    group: Annotated[str | None, typer.Option("--group", help="Schema group; SPL can do without.")] = None,
    macros: Annotated[Path | None, typer.Option(help="A macros.conf, for SPL without a group.")] = None,
    file: Annotated[str | None, typer.Argument(help="File with the query; standard input, also as -, if none.")] = None,
    plan: Annotated[str | None, typer.Option(help="File with a query plan as JSON, instead of a query.")] = None,
    as_json: Json = False,
) -> None:
    """Prove a query against the real schema; no model is involved."""
    perform(commands.prove(platform, group, file, macros, plan), as_json)


@evaluation.command("run")
def evaluate(
    suite: Annotated[
        str, typer.Argument(help="JSON lines: {id, platform, schema_group, question, gold}; or nl2kql, or defog.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for results.jsonl and summary.json; an interrupted run goes on.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first items.")] = None,
    model: Annotated[str | None, typer.Option(help="Chat model, by Ollama's name.")] = None,
    examples: Annotated[
        bool | None, typer.Option("--examples/--no-examples", help="Solved examples, or none; the suite's own choice.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", help="A part of the derivation to leave out.")
    ] = None,
    learn_routes: Annotated[
        bool, typer.Option("--learn-routes", help="Ask by either route, and say which is better where.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure the answers to questions with known queries.

    `lexiquery eval SUITE` is the same.
    """
    asked = evaluation_commands.evaluate(suite, out, limit, model, examples, without or [], learn_routes=learn_routes)
    perform(asked, as_json)


@evaluation.command("compare")
def evaluation_compare(
    a: Annotated[Path, typer.Argument(help="The folder of a run.")],
    b: Annotated[Path, typer.Argument(help="The folder of another run of the same suite.")],
    as_json: Json = False,
) -> None:
    """Say what changed from run A to run B.

    And whether it may be chance.
    """
    perform(evaluation_commands.evaluation_compare(a, b), as_json)


@app.command()
def mcp() -> None:
    """Speak MCP on standard input and output, for IDE assistants."""
    perform(commands.mcp())


@app.command()
def seed(as_json: Json = False) -> None:
    """Load the seed data.

    One made-up company's operations in three schema groups, its runbooks and known errors.
    """
    perform(commands.seed(), as_json)


@app.command()
def demo(
    question: Annotated[str | None, typer.Argument(help="A question to ask of the seed data.")] = None,
    as_json: Json = False,
) -> None:
    """Set everything up and ask a question.

    Fetches the model, loads the seed data and starts a server; what is there already is left alone.
    """
    perform(commands.demo(question), as_json)


@catalog.command("import")
def catalog_import(
    source: Annotated[
        str,
        typer.Argument(
            help="A catalog file (YAML, JSON), a .sql file with CREATE TABLE, or the schema of Kusto, Log Analytics or "
            "Splunk, here or at http(s)://…; a file or folder of CSV, JSON-lines, Parquet or Splunk's conf files; or "
            "the tables of a database: sqlite:///FILE, postgresql://…, mysql://…"
        ),
    ],
    group: Annotated[str | None, typer.Option("--group", help="Schema group to import into.")] = None,
    platform: Annotated[str | None, typer.Option("--platform", help="Its platform, if the file does not say.")] = None,
    sample_values: Annotated[
        bool, typer.Option("--sample-values", help="Keep the values of text columns that have few different ones.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import a schema group.

    With the rows that a file names; each example is proven, broken ones are refused.
    """
    perform(commands.catalog_import(source, group, platform, sample_values), as_json)


@catalog.command("list")
def catalog_list(as_json: Json = False) -> None:
    """The schema groups."""
    perform(commands.catalog_list(), as_json)


@catalog.command("show")
def catalog_show(group: Annotated[str, typer.Argument(help="A schema group.")], as_json: Json = False) -> None:
    """A schema group's tables and columns."""
    perform(commands.catalog_show(group), as_json)


@catalog.command("connect")
def catalog_connect(
    group: Annotated[str, typer.Argument(help="A schema group.")],
    url: Annotated[
        str,
        typer.Argument(
            help="sqlite:///FILE, postgresql://, mysql:// or mariadb://USER:PASSWORD@HOST/DATABASE, duckdb:///FILE, "
            "loganalytics://WORKSPACE_ID or splunk://HOST:8089; a password by the name of its environment variable, "
            "in single quotes: '${PGPASSWORD}'."
        ),
    ],
    no_check: Annotated[bool, typer.Option("--no-check", help="Keep it without trying it.")] = False,
    as_json: Json = False,
) -> None:
    """Run a group's proven queries on its real platform.

    Read-only, instead of in the sandbox.
    """
    perform(commands.catalog_connect(group, url, not no_check), as_json)


@catalog.command("disconnect")
def catalog_disconnect(group: Annotated[str, typer.Argument(help="A schema group.")], as_json: Json = False) -> None:
    """Run a schema group's queries in the sandbox again."""
    perform(commands.catalog_connect(group, None), as_json)


@sop.command("search")
def sop_search(
    text: Annotated[list[str], typer.Argument(help="A question, an alert, a log line or a symptom.")],
    limit: Annotated[int, typer.Option(help="How many at most, 1 to 50.")] = 5,
    label: Annotated[list[str] | None, typer.Option(help="A label that you carry; repeatable.")] = None,
    folder: Annotated[str | None, typer.Option(help="Only below this folder, as documents are cited.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind of passage: text, code or table.")] = None,
    language: Annotated[str | None, typer.Option(help="Only code in this language, such as kql.")] = None,
    as_json: Json = False,
) -> None:
    """Search the runbooks and known errors."""
    within = {"labels": label or [], "folder": folder, "kind": kind, "language": language}
    perform(commands.sop_search(" ".join(text), limit, within), as_json)


sop.command("check")(knowledge.sop_check)


@examples.command("export")
def examples_export(
    group: Annotated[str | None, typer.Argument(help="A schema group; with --all none.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Of every schema group.")] = False,
    form: Annotated[str, typer.Option(help="chat, as a model is asked, or plain pairs.")] = "chat",
    out: Annotated[str, typer.Option(help="A file for the JSON lines; - is standard output.")] = "-",
    as_json: Json = False,
) -> None:
    """Write proven pairs of question and query.

    As JSON lines, to fine-tune a model with.
    """
    perform(evaluation_commands.examples_export(group, every, form, out), as_json)


@models.command("list")
def models_list(as_json: Json = False) -> None:
    """The models of the manifest, and which of them are here."""
    perform(commands.models_list(), as_json)


@models.command("pull")
def models_pull(
    name: Annotated[str | None, typer.Argument(help="A model; what the settings need if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Fetch a model's file.

    Resumes what was interrupted, checks its sha256.
    """
    perform(commands.models_pull(name), as_json)


def main() -> None:
    """Entry point of the `lexiquery` command."""
    # What is imported stays; Python would look for garbage among it after every 700 objects.
    gc.set_threshold(10_000, 10, 10)
    app()
