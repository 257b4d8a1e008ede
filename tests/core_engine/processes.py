"""The `lexiquery` command as a user runs it: a process, its environment, its output."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from core_engine.cli import app

SHOP = """
schema_group: shop
platform: sql
description: Orders of the web shop
tables:
  - name: orders
    description: Orders of customers, one row for each order
    rows: orders.csv
    columns:
      - {name: id, type: BIGINT}
      - {name: status, type: VARCHAR, description: state of the order, values: [open, paid, sent]}
      - {name: amount, type: DOUBLE, description: order amount in EUR}
examples:
  - {question: How many orders are paid?, query: SELECT count(*) AS orders FROM orders WHERE status = 'paid'}
"""
ROWS = "id,status,amount\n1,open,10.5\n2,paid,20\n3,open,7.25\n"

PAUSE = 0.05
"""Seconds between two looks at a server that starts: a look without a pause takes the processor from it."""


class Command:
    """`lexiquery` on one data directory, with the Ollama at `ollama_url`."""

    def __init__(self, folder: Path, ollama_url: str) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("LEXIQUERY_")} | {
            "LEXIQUERY_DATA_DIR": str(folder / "data"),
            "OLLAMA_HOST": ollama_url,
        }

    def run(self, *words: str, stdin: str | None = None, **environment: str) -> Result:
        """In this process, so that the heavy imports are paid once; see `spawn`."""
        changed = {name: self.environment.get(name) for name in os.environ} | self.environment | environment
        with loggers_kept():
            return CliRunner().invoke(app, list(words), input=stdin, env=changed)

    def spawn(self, *command: str) -> subprocess.CompletedProcess[str]:
        """As a process of its own."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=180, check=False)

    def json(self, *words: str, stdin: str | None = None) -> Any:
        done = self.run(*words, "--json", stdin=stdin)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def import_shop(self) -> None:
        (self.folder / "shop.yaml").write_text(SHOP)
        (self.folder / "orders.csv").write_text(ROWS)
        done = self.run("catalog", "import", str(self.folder / "shop.yaml"))
        assert done.exit_code == 0, (done.stderr, done.exception)

    @contextmanager
    def server(self, **environment: str) -> Iterator[Server]:
        """`lexiquery up` on a free port; ended at the end of the block if it still lives."""
        with self._process(environment) as process:
            yield Server(process, self._address(process), self.folder)

    def kill_in_start(self, seconds: float, **environment: str) -> int:
        """`lexiquery up`, killed so long after it took the data directory, wherever it is then; its pid."""
        with self._process(environment) as process:
            while not self._notice(process):
                time.sleep(PAUSE)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            assert process.poll() is None, (self.folder / "server.log").read_text()
        return process.pid

    @contextmanager
    def _process(self, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
        log = (self.folder / "server.log").open("a+")
        process = subprocess.Popen(
            [sys.executable, "-m", "core_engine.cli", "up", "--port", "0"],
            env=self.environment | environment,
            stdout=subprocess.DEVNULL,
            stderr=log,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            log.close()

    def _address(self, process: subprocess.Popen[str]) -> str:
        while not ((url := self._notice(process)) and answers(url)):
            time.sleep(PAUSE)
        return url

    def _notice(self, process: subprocess.Popen[str]) -> str | None:
        """Where the process says that it listens, once the data directory is its own."""
        assert process.poll() is None, (self.folder / "server.log").read_text()
        notice = self.folder / "data" / "server.json"
        found = {}
        with suppress(FileNotFoundError):
            found = json.loads(notice.read_text())
        return str(found["url"]) if found.get("pid") == process.pid else None


class Server:
    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path) -> None:
        self.process = process
        self.url = url
        self.folder = folder
        self.client = httpx.Client(base_url=url, timeout=120, trust_env=False)

    def kill(self) -> None:
        """kill -9: nothing of the process gets to clean up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait_for(self, journey_id: str) -> dict[str, Any]:
        """The journey's answer, read from the end of its event stream."""
        with self.client.stream("GET", f"/api/v1/journeys/{journey_id}/events") as events:
            data = [line.removeprefix("data: ") for line in events.iter_lines() if line.startswith("data: ")]
        answer: dict[str, Any] = json.loads(data[-1])["data"]
        return answer


@contextmanager
def loggers_kept() -> Iterator[None]:
    """A command sets up logging on its standard error, which ends with it."""
    loggers = [logging.getLogger(), logging.getLogger("dbos")]
    kept = [(logger, list(logger.handlers), logger.propagate) for logger in loggers]
    try:
        yield
    finally:
        for logger, handlers, propagate in kept:
            logger.handlers, logger.propagate = handlers, propagate


def answers(url: str) -> bool:
    """Whether a server of ours is there."""
    try:
        return httpx.get(f"{url}/health", timeout=1, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
