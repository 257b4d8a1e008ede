"""Many journeys on one data directory, whose process is killed again and again; and what its database holds then."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx
from sqlalchemy import Row, column, create_engine, func, select, table
from sqlalchemy.engine import make_url

from shared.ledger.tables import calls
from tests.core_engine.processes import Command, Server
from tests.scripted_ollama import Json, ScriptedOllama

WRONG = "SELECT count(*) AS orders FROM orders WHERE zzyzx = 'open'"
RIGHT = "SELECT count(*) AS orders FROM orders WHERE status = 'open'"
PLENTY = 1_000_000_000
AT_ONCE = 8
"""Clients that send questions at the same time."""


def question(number: int) -> str:
    """One that no other journey has: no answer is in a cache. Every fourth misleads the model at first."""
    letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
    return f"How many orders are open in round {letters}x{', misleading' if number % 4 == 0 else ''}?"


def reply(body: Json) -> str:
    said = " ".join(message["content"] for message in body["messages"])
    return WRONG if "misleading" in said and "zzyzx" not in said else RIGHT


class Model(ScriptedOllama):
    """The model of one process, so that every request has a known sender. From its last request on it keeps silent, if
    `hangs`; `reached` is set when that one comes."""

    def __init__(self, last: int | None = None, *, hangs: bool = False) -> None:
        super().__init__(reply)
        self.last = last
        self.hangs = hangs
        self.reached = threading.Event()

    def wait(self) -> None:
        if self.last is not None and len(self.requests) >= self.last:
            if self.hangs:
                self.hang()
            self.reached.set()
        super().wait()


@dataclass(frozen=True)
class Kill:
    """When a process dies: so many seconds after its model got so many requests, where the model is `silent` from then
    on; or, with 0 requests, so many seconds after it took the data directory."""

    requests: int
    seconds: float
    silent: bool = False

    @classmethod
    def some(cls, chance: random.Random, journeys: int, *, running: int, starting: int) -> list[Kill]:
        """Anywhere in the work: each journey takes two requests or more. The first process dies at work, the others in
        any order."""
        moments = [0, *sorted(chance.sample(range(1, 2 * journeys), running))]
        at_work = [
            Kill(after - before, chance.uniform(0, 0.5), silent=chance.random() < 0.5)
            for before, after in pairwise(moments)
        ]
        places = [True] * (running - 1) + [False] * starting
        chance.shuffle(places)
        rest = iter(at_work)
        return [next(rest) if is_at_work else Kill(0, chance.uniform(0, 3)) for is_at_work in [True, *places]]


@dataclass(frozen=True)
class Life:
    """A process from its start to its end."""

    pid: int
    model: Model


class Clients:
    """They send each question until a process has accepted it, under the same id every time; or until the block ends.

    Attributes:
        sent: how often they sent one.
    """

    def __init__(self, journeys: Sequence[str]) -> None:
        self.sent = 0
        self._server: Server | None = None
        self._has_ended = False
        self._news = threading.Condition()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._asked: list[Future[None]] = [
            self._pool.submit(self._ask, journey_id, question(number)) for number, journey_id in enumerate(journeys)
        ]

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *_: object) -> None:
        with self._news:
            self._has_ended = True
            self._news.notify_all()
        self._pool.shutdown(cancel_futures=True)

    def turn_to(self, server: Server) -> None:
        with self._news:
            self._server = server
            self._news.notify_all()

    def wait(self) -> None:
        """Until every question is accepted."""
        for one in self._asked:
            one.result()

    def _ask(self, journey_id: str, text: str) -> None:
        body = {"question": text, "schema_group": "shop", "platforms": ["sql"]}
        headers = {"Prefer": "respond-async", "X-Journey-ID": journey_id}
        gone: Server | None = None
        while server := self._other_than(gone):
            self.sent += 1
            try:
                accepted = server.client.post("/api/v1/query", json=body, headers=headers)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                gone = server
                continue
            assert accepted.status_code == 202, accepted.text
            return

    def _other_than(self, gone: Server | None) -> Server | None:
        """The server that is there once that one is gone; None when the block ends."""
        with self._news:
            self._news.wait_for(lambda: self._has_ended or self._server is not gone)
            return None if self._has_ended else self._server


class Lives:
    """The processes of a command, one after the other. Leaving the block stops their models."""

    def __init__(self, lexiquery: Command, clients: Clients) -> None:
        self.all: list[Life] = []
        self._lexiquery = lexiquery
        self._clients = clients
        self._models = ExitStack()

    def __enter__(self) -> Lives:
        return self

    def __exit__(self, *_: object) -> None:
        self._models.close()

    def model(self, *, last: int | None = None, hangs: bool = False) -> Model:
        model = Model(last, hangs=hangs)
        model.start()
        self._models.callback(model.stop)
        return model

    def prepare(self) -> Life:
        """The catalog, and a budget that is never spent; by this process."""
        model = self.model()
        self._lexiquery.environment["OLLAMA_HOST"] = model.url
        self._lexiquery.import_shop()
        assert self._lexiquery.run("cost", "set-budget", "day", "--tokens", str(PLENTY)).exit_code == 0
        return Life(os.getpid(), model)

    def until(self, kill: Kill, book: Book) -> None:
        if not kill.requests:
            model = self.model()
            pid = self._lexiquery.kill_in_start(kill.seconds, OLLAMA_HOST=model.url)
            self.all.append(Life(pid, model))
            return
        model = self.model(last=kill.requests, hangs=kill.silent)
        with self._lexiquery.server(OLLAMA_HOST=model.url) as server:
            self.all.append(Life(server.process.pid, model))
            book.check_owner(server)
            self._clients.turn_to(server)
            assert model.reached.wait(300), f"{len(model.requests)} requests of {kill.requests}"
            lives_on(server, kill.seconds)
            server.kill()


class Book:
    """What the command's database holds."""

    def __init__(self, lexiquery: Command) -> None:
        file = f"sqlite:///{lexiquery.folder}/data/lexiquery.db"
        url = make_url(lexiquery.environment.get("LEXIQUERY_DATABASE_URL", file))
        is_postgresql = url.get_backend_name() == "postgresql"
        self._engine = create_engine(url.set(drivername="postgresql+psycopg") if is_postgresql else url)

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def running(self) -> int:
        """Journeys without an answer."""
        journeys = table("journeys", column("status"))
        with self._engine.connect() as connection:
            found = connection.scalar(select(func.count()).select_from(journeys).where(journeys.c.status == "running"))
        return int(found or 0)

    def calls(self) -> list[Row[Any]]:
        with self._engine.connect() as connection:
            return list(connection.execute(select(calls).order_by(calls.c.started_at, calls.c.id)))

    def check_owner(self, server: Server) -> None:
        """What is pending while a process lives is its own: it closed what the dead ones left, and budgets hold nothing
        back for those."""
        owners = {call.owner_pid for call in self.calls() if call.status == "pending"}
        assert owners <= {server.process.pid}


def lives_on(server: Server, seconds: float) -> None:
    """So long; fails when the process ends by itself."""
    try:
        server.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise AssertionError((server.folder / "server.log").read_text())
