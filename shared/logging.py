"""Logs: one line an event on stderr, JSON or for people; never on stdout, which belongs to answers and to MCP.

Each line carries the journey and the agent of its context. The loggers of libraries go the same way.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from shared import context
from shared.settings import Settings

# These bring handlers of their own, or say on `info` what the access log says better.
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "mcp", "dbos", "chromadb", "crewai")
_CHATTY = ("httpx", "httpx2", "httpcore", "httpcore2", "asyncio", "aiosqlite", "sqlalchemy", "urllib3", "filelock")


def get_logger(name: str) -> Any:
    """A structlog logger: `get_logger(__name__).info("journey started", question_length=12)`."""
    return structlog.stdlib.get_logger(name)


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Set up the process's logs by LEXIQUERY_LOG_LEVEL and LEXIQUERY_LOG_FORMAT; called again, it replaces itself."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_scope,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(settings, shared, colours=out.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    _route_libraries(root.level)


def _formatter(settings: Settings, shared: list[Processor], *, colours: bool) -> logging.Formatter:
    if settings.log_format == "json":
        last: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # The plain traceback: the usual one prints local variables, and with them questions and rows.
        last = [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _without_colours],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def _add_scope(_: object, __: str, event: EventDict) -> EventDict:
    scope = context.current()
    if scope.journey_id:
        event.setdefault("journey_id", scope.journey_id)
    event.setdefault("agent", scope.agent)
    return event


def _without_colours(_: object, __: str, event: EventDict) -> EventDict:
    """Uvicorn sends each message a second time, for terminals."""
    event.pop("color_message", None)
    return event


def _route_libraries(level: int) -> None:
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]  # with none, a library that is imported later brings its own
        logger.propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
