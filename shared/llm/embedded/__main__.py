"""`python -m shared.llm.embedded`: the embedded model server as a process, on loopback only."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from shared.llm.embedded.adapter import read_adapter
from shared.llm.embedded.app import embedded_app

_LOOPBACK = "127.0.0.1"


def main() -> None:
    arguments = _arguments()
    listening = socket.create_server((_LOOPBACK, arguments.port))
    # Connections inherit it; without it a stream's first piece waits (core_engine/listening.py).
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if arguments.exit_with_stdin:
        threading.Thread(target=_exit_with_stdin, daemon=True).start()
    adapter = read_adapter(arguments.adapter, arguments.adapted) if arguments.adapter else None
    threads = arguments.threads or cores()
    app = embedded_app(arguments.model_dir, num_ctx=arguments.num_ctx, threads=threads, adapter=adapter)
    # The port is open: who connects now waits until the app answers.
    print(json.dumps({"port": listening.getsockname()[1]}), flush=True)  # noqa: T201 -- read by the parent
    # From here on nobody reads stdout, and llama.cpp writes where it likes.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on"))
    server.run(sockets=[listening])


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _exit_with_stdin() -> None:
    """stdin is a pipe whose other end only the parent holds: it ends when the parent does, however that died."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m shared.llm.embedded", description=__doc__)
    parser.add_argument("--model-dir", type=Path, required=True, help="folder of the model files")
    parser.add_argument("--port", type=int, default=0, help='0 takes a free one; it is printed as {"port": N}')
    parser.add_argument("--num-ctx", type=int, default=8192, help="context window where a request names none, tokens")
    parser.add_argument("--threads", type=int, default=0, help="0 is one a core")
    parser.add_argument("--adapter", type=Path, help="a LoRA adapter, a GGUF file")
    parser.add_argument("--adapted", help="the model that the adapter is for")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when stdin does: the parent is gone")
    return parser.parse_args()


if __name__ == "__main__":
    main()
