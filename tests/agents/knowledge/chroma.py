"""A Chroma server: `chroma run` of the installed package."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SECONDS = 60


@contextmanager
def chroma_served(folder: Path, port: int) -> Iterator[str]:
    """On what it keeps in the folder; its URL."""
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder / "server")]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        assert _answers(process, url), (folder / "server.log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    pause = threading.Event()
    for _ in range(SECONDS * 10):
        try:
            return httpx.get(f"{url}/api/v2/heartbeat", trust_env=False).is_success
        except httpx.TransportError:
            if process.poll() is not None:
                return False
            pause.wait(0.1)
    return False
