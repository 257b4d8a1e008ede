"""The process that reads documents for `agents.knowledge.ingest.reader`: a line of JSON in, a line of JSON out."""

from __future__ import annotations

import base64
import json
import os
import select
import sys
from dataclasses import asdict
from typing import IO, Any

from agents.knowledge.documents import read_document
from agents.knowledge.documents.elements import unstructured
from shared.errors import InvalidInput

_IDLE_SECONDS = 60.0
_MIB = 1024 * 1024


def main() -> None:
    memory_mb, seconds = int(sys.argv[1]), float(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints is no answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    unstructured()
    _bound_memory(memory_mb)
    answers.write(b"ready\n")
    answers.flush()
    while line := _next(sys.stdin.buffer):
        _bound_time(seconds)
        answer = _answer(line, memory_mb)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
        if "exhausted" in answer:
            return  # whatever was left half done in memory


def _next(asked: IO[bytes]) -> bytes:
    """The next line; empty when nobody asks any more, or for a long time."""
    ready = select.select([asked], [], [], _IDLE_SECONDS)[0] if sys.platform != "win32" else True
    return asked.readline() if ready else b""


def _answer(line: bytes, memory_mb: int) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        document = read_document(asked["name"], base64.b64decode(asked["content"]))
    except InvalidInput as error:
        return {"refused": error.message, "suggestion": error.suggestion}
    except MemoryError:
        return {"refused": f"takes more than {memory_mb:,} MiB of memory to read", "exhausted": True}
    return asdict(document)


def _bound_memory(memory_mb: int) -> None:
    """Beyond what the process has by now; of address space, the only memory that the kernel bounds for a process."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm") as statm:
        own = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (own + memory_mb * _MIB, own + memory_mb * _MIB))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bound_time(seconds: float) -> None:
    """Of computing for this document, should nobody be left who ends it."""
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime + seconds) + 2, hard))


if __name__ == "__main__":
    main()
