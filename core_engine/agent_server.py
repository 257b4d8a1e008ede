"""`lexiquery serve AGENT`: one agent as an A2A server of its own."""

from __future__ import annotations

from agents.serve import run_agent_server
from core_engine.agents import PORTS, check_agent, open_agent
from core_engine.listening import address, open_socket
from core_engine.state import open_state
from protocol_interface.a2a_server import grpc_place, webhooks_of
from shared.ledger.losses import closing_lost
from shared.llm.runtime import open_models
from shared.settings import Settings


async def serve_agent(name: str, settings: Settings) -> None:
    """One agent as an A2A server on its own port, if the settings name no other, until SIGINT or SIGTERM.

    Raises NotFound for an unknown agent.
    """
    check_agent(name)
    settings = with_own_port(name, settings)
    listener = open_socket(settings)
    async with open_state(settings) as state, open_models(settings, state.ledger, state.engine) as models:
        key = settings.api_key.get_secret_value() if settings.api_key else None
        async with closing_lost(state.ledger), open_agent(name, state, models) as agent:
            url = address(settings, listener)
            await run_agent_server(
                agent,
                listener,
                url=url,
                ledger=state.ledger,
                telemetry=state.telemetry,
                engine=state.engine,
                api_key=key,
                webhooks=webhooks_of(settings),
                place=grpc_place(settings, url),
                request_limit=settings.request_limit_mb * 2**20,
            )


def with_own_port(name: str, settings: Settings) -> Settings:
    return settings if "port" in settings.model_fields_set else settings.model_copy(update={"port": PORTS[name]})
