"""Every line of the log goes to stderr and says whose journey it is about."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.context import scoped
from shared.logging import configure_logging, get_logger
from shared.settings import Settings


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_names_the_journey_and_the_agent(settings: Settings) -> None:
    out = io.StringIO()
    configure_logging(settings, out)
    with scoped(journey_id="j1", agent="kql"):
        get_logger("test").info("derived", route="sql")
    line = json.loads(out.getvalue())
    assert {
        "event": "derived",
        "route": "sql",
        "journey_id": "j1",
        "agent": "kql",
        "level": "info",
    }.items() <= line.items()


def test_a_library_s_line_goes_the_same_way(settings: Settings) -> None:
    out = io.StringIO()
    configure_logging(settings, out)
    with scoped(journey_id="j2"):
        logging.getLogger("uvicorn.error").warning("%s left", "client")
    line = json.loads(out.getvalue())
    assert (line["event"], line["logger"], line["journey_id"]) == ("client left", "uvicorn.error", "j2")


def test_uvicorn_s_second_text_for_terminals_is_left_out(settings: Settings) -> None:
    out = io.StringIO()
    configure_logging(settings, out)
    logging.getLogger("uvicorn.error").warning("up", extra={"color_message": "\x1b[36mup\x1b[0m"})
    assert "color_message" not in json.loads(out.getvalue())


def test_nothing_is_written_to_stdout(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(settings)
    get_logger("test").error("broken")
    written = capsys.readouterr()
    assert written.out == ""
    assert "broken" in written.err


def test_lines_below_the_set_level_are_left_out(settings: Settings) -> None:
    out = io.StringIO()
    configure_logging(settings.model_copy(update={"log_level": "error"}), out)
    get_logger("test").warning("minor")
    get_logger("test").error("major")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["major"]


def test_an_exception_is_one_json_line(settings: Settings) -> None:
    out = io.StringIO()
    configure_logging(settings, out)
    try:
        raise ValueError("odd")
    except ValueError:
        get_logger("test").exception("failed")
    (line,) = out.getvalue().splitlines()
    assert "ValueError: odd" in json.loads(line)["exception"]


def test_the_console_format_is_for_people(settings: Settings) -> None:
    out = io.StringIO()
    configure_logging(settings.model_copy(update={"log_format": "console"}), out)
    get_logger("test").info("ready", port=8000)
    assert "ready" in out.getvalue()
    assert "port=8000" in out.getvalue()
