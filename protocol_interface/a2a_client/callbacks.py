"""Being called back: an agent tells an address of ours when something becomes of a task that takes long.

What a call back says is not read. It wakes who waits for the task, who then asks the agent how it is: a false one
costs one look, and a lost one is made up for by looking now and then.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from secrets import token_urlsafe
from uuid import uuid4

import httpx
from a2a.types import AuthenticationInfo, TaskPushNotificationConfig

from shared.errors import NotFound

NOTIFICATIONS_PATH = "/a2a/notifications"
"""Where agents call back. Whoever knows the token of a task may; no API key is asked for, as strangers get none."""
GATHER_SECONDS = 0.05
"""Between a call back and the look at the task: events that come together are one look."""
_ENDED = 1000
"""Most tasks whose late calls back are taken: an agent's last one comes when its task has been seen to be over."""


class Callback:
    """One task's: the address and the token that its agent gets, and whether it has called."""

    def __init__(self, url: str) -> None:
        self.token = token_urlsafe(32)
        self._url = url
        self._called = asyncio.Event()
        self.has_called = False
        """Ever: an agent that was told to may be kept from it."""

    def config(self, task_id: str) -> TaskPushNotificationConfig:
        """With the token in both places that 1.0 has for it: agents send the one, the other, or both."""
        bearer = AuthenticationInfo(scheme="Bearer", credentials=self.token)
        return TaskPushNotificationConfig(
            id=str(uuid4()), task_id=task_id, url=self._url, token=self.token, authentication=bearer
        )

    def wake(self) -> None:
        self.has_called = True
        self._called.set()

    async def wait(self, seconds: float) -> None:
        """Until the agent has called, `seconds` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._called.wait()
                await asyncio.sleep(GATHER_SECONDS)
        self._called.clear()


class Callbacks:
    """The tasks whose agents were told to call back. They can be once the product is served over HTTP."""

    def __init__(self) -> None:
        self._address: httpx.URL | None = None
        self._waiting: dict[bytes, Callback] = {}
        self._ended: deque[bytes] = deque(maxlen=_ENDED)

    def serve_at(self, url: str) -> None:
        """url: where others reach this server."""
        self._address = httpx.URL(url.rstrip("/") + NOTIFICATIONS_PATH)

    def reached_from(self, host: str) -> bool:
        """Whether an agent at `host` can use our address; one of this machine alone is of use only there."""
        if self._address is None or self._address.host in ("0.0.0.0", "::"):  # noqa: S104 -- compared, not listened on
            return False
        return not _is_loopback(self._address.host) or _is_loopback(host)

    @contextmanager
    def awaited(self) -> Iterator[Callback]:
        """A token that is good for as long as the context is open."""
        callback = Callback(str(self._address))
        key = _digest(callback.token)
        self._waiting[key] = callback
        try:
            yield callback
        finally:
            del self._waiting[key]
            self._ended.append(key)

    def called(self, token: str) -> None:
        """Wake who waits. Raises NotFound for a token that is nobody's."""
        # Looked up by its digest, so that the time it takes tells nothing of a token that is right.
        key = _digest(token)
        if callback := self._waiting.get(key):
            callback.wake()
        elif key not in self._ended:
            raise NotFound("no task waits for a notification with this token")


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
