"""A real HTTP server in a thread that answers what the test tells it to, and fails as it tells it to.

`ScriptedOllama` and `ScriptedOpenAI` are each one of these with the routes of an API.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal, Self

Json = dict[str, Any]
Reply = Callable[[Json], str] | list[str] | str
Break = Literal["silence", "broken", "endless", "closed", "undone", "error"]
"""How a stream goes wrong: nothing more comes; a line is no JSON; the last piece comes over and over; the connection is
closed; the stream ends well but without saying that it is done; the server says that it failed."""
Failure = tuple[int, str | Json, dict[str, str]]
"""Status, what stands in `error`, headers."""
DIMENSIONS = 384


class ScriptedServer:
    """reply: what a chat answers: one text, a list used up in order, or a function of the request body.

    Attributes:
        requests: (path, body) of every POST, as they came; headers: of every request.
        counts: False leaves the token counts out.
        logprob: of every piece of an answer, told where it is asked for, when set.
        refused: a field that a chat must not have, when set.
        raw: the body of every answer, when set.
        left: set when a client went away before the end of its answer.
    """

    handler: ClassVar[type[ScriptedHandler]]

    def __init__(self, reply: Reply = "ok") -> None:
        self.reply: Reply = reply
        self.requests: list[tuple[str, Json]] = []
        self.headers: list[dict[str, str]] = []
        self.counts = True
        self.logprob: float | None = None
        self.refused = ""
        self.raw: str | None = None
        self.arrived = threading.Event()
        self.left = threading.Event()
        self._failures: list[Failure] = []
        self._breaks: list[tuple[Break, int]] = []
        self._released = threading.Event()
        self._released.set()
        self._lock = threading.Lock()
        handler = type("Handler", (self.handler,), {"script": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, status: int = 500, error: str | Json = "scripted failure", times: int = 1, **headers: str) -> None:
        """The next `times` POSTs get this status; 0 closes the connection without an answer."""
        self._failures += [(status, error, headers)] * times

    def break_off(self, how: Break, after: int = 2, times: int = 1) -> None:
        """The next `times` streamed answers go wrong after so many pieces."""
        self._breaks += [(how, after)] * times

    def hang(self) -> None:
        """POSTs wait until `release`; `arrived` is set when one does."""
        self.arrived.clear()
        self._released.clear()

    def release(self) -> None:
        self._released.set()

    def take_failure(self) -> Failure | None:
        with self._lock:
            return self._failures.pop(0) if self._failures else None

    def take_break(self) -> tuple[Break, int] | None:
        with self._lock:
            return self._breaks.pop(0) if self._breaks else None

    def wait(self) -> None:
        self.arrived.set()
        self._released.wait()

    def answer(self, body: Json) -> str:
        with self._lock:
            if isinstance(self.reply, str):
                return self.reply
            if isinstance(self.reply, list):
                return self.reply.pop(0)
            return self.reply(body)


@dataclass(frozen=True)
class Stream:
    """Lines of a streamed answer. broken, error: what comes instead of the end when it goes wrong in those ways."""

    pieces: list[bytes]
    end: list[bytes]
    broken: bytes
    error: bytes
    head: tuple[bytes, ...] = ()


class ScriptedHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two packets: Nagle would cost each answer 40 ms
    script: Any
    at_once: frozenset[str] = frozenset()
    """Paths that ask about models: what a test lets fail or hang, and what it counts, is the calls of these."""

    def do_GET(self) -> None:
        self.script.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.get()

    def do_POST(self) -> None:
        content = self.rfile.read(length := int(self.headers["Content-Length"]))
        if len(content) < length:
            raise ConnectionResetError("the client died in the middle of its request")
        body: Json = json.loads(content)
        if self.path in self.at_once:
            self.post(body)
            return
        self.script.requests.append((self.path, body))
        self.script.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.script.wait()
        if not self._fail_as_told():
            self.post(body)

    def get(self) -> None:
        raise NotImplementedError

    def post(self, body: Json) -> None:
        raise NotImplementedError

    def error_body(self, status: int, error: str | Json) -> Json:
        raise NotImplementedError

    def send_json(self, body: Json, status: int = 200, headers: Json | None = None) -> None:
        self.send(status, json.dumps(body).encode(), "application/json", headers)

    def send(self, status: int, content: bytes, content_type: str, headers: Json | None = None) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            for name, value in (headers or {}).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True  # the client went away: that is what some tests do

    def send_stream(self, lines: Stream, content_type: str) -> None:
        """The answer's lines, as the script wants them."""
        how, after = self.script.take_break() or (None, 0)
        told = [*lines.head, *(lines.pieces if how is None else lines.pieces[:after])]
        told += {None: lines.end, "broken": [lines.broken], "error": [lines.error]}.get(how, [])
        try:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(_chunked(told))
            if how == "endless":
                self._never_end(told[-1:])
            if how == "silence" and not self.connection.recv(1):  # until the client goes away
                raise ConnectionError
            if how == "closed":
                self.close_connection = True
                return
            self.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            self.close_connection = True
            self.script.left.set()

    def handle_one_request(self) -> None:
        """A client that goes away resets its connection; that is no news to a test."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _never_end(self, lines: list[bytes]) -> None:
        for line in itertools.repeat(_chunked(lines), 1_000_000):
            self.wfile.write(line)

    def _fail_as_told(self) -> bool:
        """Whether the script wanted this request to fail, or to be answered with its raw text; then that is done."""
        if failure := self.script.take_failure():
            status, error, headers = failure
            if status:
                self.send_json(self.error_body(status, error), status, headers)
            else:
                self.close_connection = True
            return True
        if self.script.raw is not None:
            self.send(200, self.script.raw.encode(), "application/json")
            return True
        return False

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test reads `requests`."""


def _chunked(lines: Iterable[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines)


def pieces_of(text: str) -> list[str]:
    """As a model streams it: a word a piece."""
    return re.findall(r"\S+\s*|\s+", text)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def embedding(text: str) -> list[float]:
    """Hashed bag of words, unit length: texts that share words are near."""
    vector = [0.0] * DIMENSIONS
    for word in words(text):
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]
