"""`lexiquery up`: the HTTP API, A2A and MCP in one process on one port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from fastapi import Depends, FastAPI, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from sqlalchemy import text

from agents.knowledge.store.vectors import chroma_answers
from core_engine.api import api_router
from core_engine.api_page import api_page
from core_engine.bootstrap import LexiQuery, open_lexiquery
from core_engine.listening import address, open_socket
from core_engine.mending import known_parameters_only
from core_engine.metrics import MEDIA_TYPE, exposition, runbooks_exposition
from core_engine.problems import install_problem_responses
from core_engine.watching import watch_runbooks
from protocol_interface.a2a_client import NOTIFICATIONS_PATH
from protocol_interface.app import mount_protocols
from protocol_interface.mcp_server import open_paths
from shared import __version__, serving
from shared.auth import PUBLIC_PATHS, ApiKeyRequired
from shared.ledger.statistics import Statistics
from shared.logging import get_logger
from shared.serving import BodyLimited, OwnHostOnly, WithoutNul
from shared.settings import Settings


def build_app(lexiquery: LexiQuery, url: str) -> FastAPI:
    """The whole product as one ASGI app that is reached at `url`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for protocol in protocols:
                await stack.enter_async_context(protocol)
            yield

    app = FastAPI(
        title="LexiQuery",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry={"auto_configure": False},  # only shared/telemetry sends any
    )
    install_problem_responses(app)
    app.include_router(api_router(lexiquery))
    _add_health(app, lexiquery)
    state = lexiquery.state
    key = state.settings.api_key
    protocols = mount_protocols(
        app,
        lexiquery.product,
        lexiquery.registry,
        lexiquery.client,
        url,
        engine=state.engine,
        telemetry=state.telemetry,
        secured=key is not None,
        ledger=state.ledger,
        settings=state.settings,
        dependencies=[Depends(known_parameters_only)],
    )
    if key:
        public = PUBLIC_PATHS | {NOTIFICATIONS_PATH} | open_paths(state.settings, url)
        app.add_middleware(ApiKeyRequired, key=key.get_secret_value(), public=public)
    else:
        app.add_middleware(OwnHostOnly, url=url)
    app.add_middleware(WithoutNul)
    app.add_middleware(BodyLimited, limit=state.settings.request_limit_mb * 2**20)
    return app


def _add_health(app: FastAPI, lexiquery: LexiQuery) -> None:
    state = lexiquery.state

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(api_page(app.openapi()))

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """For Prometheus: journeys by status, queries of runbooks, model calls, tokens, seconds and cost."""
        statistics = Statistics(state.engine)
        counted = exposition(await state.store.count(), await statistics.kinds(), await statistics.latencies())
        return Response(counted + runbooks_exposition(*await lexiquery.runbooks.counts()), media_type=MEDIA_TYPE)

    @app.get("/health")
    async def health() -> dict[str, str]:
        """The process lives."""
        return {"status": "ok"}

    @app.get("/ready")
    async def ready() -> dict[str, object]:
        """It can answer: the database is there and the model server has its models. 503 with the reason otherwise.
        `vectors` is `away` while the Chroma server is: runbooks are searched by words until it is back."""
        async with state.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        told: dict[str, object] = {"status": "ready", "models": await lexiquery.models.check()}
        if url := state.settings.chroma_url:
            told["vectors"] = "ready" if await chroma_answers(url) else "away"
        return told


class Server:
    """Everything, served until SIGINT, SIGTERM or `stop`; open journeys go on at the next start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._uvicorn: serving.Server | None = None

    async def serve(self) -> None:
        """Raises AlreadyRunning, InvalidInput, StorageFailed before it listens."""
        try:
            await self._serve()
        except BaseException as error:
            if not self._url.done():
                self._url.set_exception(error)
                self._url.exception()  # seen here: `started` may never be awaited
            raise

    async def _serve(self) -> None:
        listener = open_socket(self._settings)
        url = address(self._settings, listener)
        async with open_lexiquery(self._settings, url=url) as lexiquery:
            config = uvicorn.Config(build_app(lexiquery, url), log_config=None, timeout_graceful_shutdown=5)
            self._uvicorn = serving.Server(config)
            self._url.set_result(url)
            get_logger(__name__).info("serving HTTP, A2A and MCP", url=url, docs=f"{url}/docs")
            hours = self._settings.runbook_check_hours
            watching = asyncio.create_task(watch_runbooks(lexiquery.runbooks, hours=hours))
            try:
                await self._uvicorn.serve(sockets=[listener])
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def started(self) -> str:
        """Its URL, once requests are taken; raises what kept it from starting."""
        return await asyncio.shield(self._url)

    def stop(self) -> None:
        if self._uvicorn:
            self._uvicorn.should_exit = True
