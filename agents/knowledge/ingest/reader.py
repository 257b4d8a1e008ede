"""Documents read in a process of their own: a file that was made to do harm ends that process, not this one.

The process has bounds on memory and time, no settings and no keys in its environment, and answers in JSON. It is
started with the first document, kept for the next ones, and ends when it has nothing to do.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from agents.knowledge.documents import Block, Document, check_kind, check_size
from shared.errors import InvalidInput, ServerStopping
from shared.settings import Settings

_MOST_ANSWERED = 64 * 1024 * 1024
"""Bytes: the longest text allowed, with everything in it escaped."""
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT", "HOME")
_START_SECONDS = 120.0
"""Longest start: two seconds, more when everything starts at once."""


class Reader:
    """`read` is safe to call concurrently; documents are read one after the other. `close` ends the process, and none
    is started after it."""

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.document_seconds
        self._memory_mb = settings.document_memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._one = threading.Lock()
        self._closed = False

    async def read(self, name: str, content: bytes) -> Document:
        """Like read_document. Raises InvalidInput also for what takes more time or memory than is allowed, and
        ServerStopping after `close`."""
        check_kind(name)
        check_size(len(content))
        return await asyncio.to_thread(self._read, name, content)

    def begin(self) -> None:
        """Start the process, which takes seconds, and do not wait for it: documents are about to come."""
        if self._process is None:
            threading.Thread(target=self._begin, daemon=True).start()

    def close(self) -> None:
        with self._one:
            self._closed = True
            self._end()

    def _begin(self) -> None:
        with self._one, suppress(ServerStopping):
            self._running()

    def _read(self, name: str, content: bytes) -> Document:
        with self._one:
            answer = self._answer(name, content)
        if "refused" in answer:
            raise InvalidInput(answer["refused"], suggestion=answer.get("suggestion"))
        return _document(answer)

    def _answer(self, name: str, content: bytes) -> dict[str, Any]:
        asked = json.dumps({"name": name, "content": base64.b64encode(content).decode()}).encode() + b"\n"
        for _ in range(2):  # the first process may have had nothing to do for so long that it just ended
            process = self._running()
            line, overrun = self._exchange(process, asked)
            if line:
                found: dict[str, Any] = json.loads(line)
                return found
            code = process.wait()
            self._end()
            if overrun:
                raise InvalidInput(f"takes more than {self._seconds:g} seconds to read")
            if code:
                raise InvalidInput(f"the process that read it ended on it ({_ending(code)})")
        raise InvalidInput("the process that reads documents ends at once")

    def _exchange(self, process: subprocess.Popen[bytes], asked: bytes) -> tuple[bytes, bool]:
        """The answer, empty when the process ended without one; whether it was ended for its time."""
        assert process.stdin
        assert process.stdout
        overrun = threading.Event()

        def end() -> None:
            overrun.set()
            process.kill()

        timer = threading.Timer(self._seconds, end)
        timer.start()
        try:
            process.stdin.write(asked)
            process.stdin.flush()
            return process.stdout.readline(_MOST_ANSWERED), overrun.is_set()
        except BrokenPipeError:
            return b"", overrun.is_set()
        finally:
            timer.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise ServerStopping("no document is read any more")
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._started()
        return self._process

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        process = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-m", "agents.knowledge.ingest.reading_process", str(self._memory_mb), str(self._seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment
            | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONSAFEPATH": "1"},
        )
        assert process.stdout
        timer = threading.Timer(_START_SECONDS, process.kill)
        timer.start()
        process.stdout.readline()
        timer.cancel()
        return process

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):  # of what was left to write to it
                pipe.close() if pipe else None


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _document(answer: dict[str, Any]) -> Document:
    blocks = [Block(**block) for block in answer["blocks"]]
    return Document(answer["title"], blocks, answer["notes"], answer["labels"])
