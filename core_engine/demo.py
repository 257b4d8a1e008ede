"""`make demo`: from nothing to an answer. Fetches the model, loads the seed data, starts everything, asks over HTTP."""

from __future__ import annotations

import asyncio

from core_engine.fetching import pull_missing
from core_engine.progress import follow, say
from core_engine.seeding import load_seed
from core_engine.session import remote_product
from shared.models import Answer, Question
from shared.settings import Settings

QUESTION = "Is somebody trying a password spray? Count the failed sign-ins of each address in the last 24 hours."


async def run_demo(settings: Settings, question: str | None) -> Answer:
    """The answer to `question`, asked of a server that is started for it on a free port of this machine."""
    from core_engine.state import running_server

    if url := running_server(settings):
        say(f"using the server at {url}")
        return await _ask(settings, url, question)
    place = f"on the Ollama at {settings.ollama_host}" if settings.ollama_host else "embedded"
    say(f"model: {settings.model}, {place}")
    await pull_missing(settings)
    say("loading the seed data")
    report = await load_seed(settings)
    say(f"seed data: {report.render()}")
    return await _ask_new_server(settings.model_copy(update={"port": 0}), question)


async def _ask_new_server(settings: Settings, question: str | None) -> Answer:
    from core_engine.server import Server

    server = Server(settings)
    serving = asyncio.create_task(server.serve())
    try:
        url = await server.started()
        say(f"serving HTTP, A2A and MCP at {url}")
        return await _ask(settings, url, question)
    finally:
        server.stop()
        await serving


async def _ask(settings: Settings, url: str, question: str | None) -> Answer:
    asked = Question(question=question or QUESTION)
    say(f"asking: {asked.question}\n")
    async with remote_product(settings, url) as product:
        journey_id = await product.start(asked)
        await follow(product, journey_id)
        return await product.answer(journey_id)
