"""One server for all these tests, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn

from tests.agents.serving import loopback_socket
from tests.protocol_interface.mcp_conformance.serving import conformance_app


@pytest.fixture(scope="session")
def mcp_url() -> Iterator[str]:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(conformance_app(url), log_config=None, timeout_graceful_shutdown=1))
    serving = threading.Thread(target=server.run, args=([listener],))
    serving.start()
    yield f"{url}/mcp"
    server.should_exit = True
    serving.join()
