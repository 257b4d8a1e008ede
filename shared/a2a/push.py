"""Push notifications: who wants to be told of a task, and telling them.

A webhook is anybody's URL, so two things decide whether it is called: `Webhooks.allowed` when it is given to us, for a
clear refusal, and the transport at each call, which connects only where it may (a name may have moved meanwhile).
"""

from __future__ import annotations

import asyncio
from asyncio import Semaphore
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import httpx
import structlog
from a2a.server.context import ServerCallContext
from a2a.server.models import PushNotificationConfigMixin
from a2a.server.tasks import (
    DatabasePushNotificationConfigStore,
    PushNotificationEvent,
    PushNotificationSender,
)
from a2a.types import Task, TaskPushNotificationConfig, TaskState, TaskStatusUpdateEvent
from a2a.utils.constants import A2A_JSON_MEDIA_TYPE
from a2a.utils.errors import InvalidParamsError
from a2a.utils.proto_utils import to_stream_response
from google.protobuf.json_format import MessageToJson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.a2a.tasks import ENDED, Base, KeptTask
from shared.errors import LexiQueryError

log = structlog.get_logger(__name__)
CONFIGS = 16
"""Most webhooks of one task."""
SECONDS = 10.0
"""For one call; the specification recommends 10 to 30."""
DELAYS = (1.0, 5.0)
"""Seconds before the second and the third attempt."""
WAITING = 200
"""Most notifications that wait for one webhook; of more, the oldest are left out."""
CLOSE_SECONDS = 5.0
"""How long the server's end waits for what is under way."""
AT_ONCE = 4
"""Most connections to one host."""
_NAME, _SECRET = 255, 4096
"""Characters of a config's id, and of its URL, token and credentials."""


@dataclass(frozen=True)
class Webhooks:
    """How webhooks are called. transport: connects only where it may; allowed: raises LexiQueryError for a URL that
    may not be called; delays: seconds before each further attempt."""

    transport: httpx.AsyncBaseTransport
    allowed: Callable[[httpx.URL], Awaitable[None]]
    delays: tuple[float, ...] = DELAYS

    async def check(self, config: TaskPushNotificationConfig) -> None:
        """Raises InvalidParamsError naming what of the config can't be used."""
        for name, text in _texts(config):
            if len(text) > (_NAME if name == "id" else _SECRET) or not (text.isascii() and text.isprintable()):
                raise InvalidParamsError(message=f"the push notification config's {name} is too long, or not ASCII")
        try:
            url = httpx.URL(config.url)
        except httpx.InvalidURL as error:
            raise InvalidParamsError(message=f"the webhook's address is no URL: {error}") from error
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise InvalidParamsError(message="a webhook's address is an http or https URL without a password")
        if url.port is not None and not 0 < url.port < 2**16:
            raise InvalidParamsError(message=f"the webhook's port {url.port} is none of 1 to 65535")
        try:
            await self.allowed(url)
        except LexiQueryError as error:
            raise InvalidParamsError(message=f"the webhook may not be called: {error.message}") from error


def _texts(config: TaskPushNotificationConfig) -> Iterable[tuple[str, str]]:
    auth = config.authentication
    return (
        ("id", config.id),
        ("url", config.url),
        ("token", config.token),
        ("authentication", f"{auth.scheme} {auth.credentials}"),
    )


class KeptPushConfig(PushNotificationConfigMixin, Base):
    """A webhook of a task, and whose it is."""

    __tablename__ = "a2a_push_configs"


class KeptPushConfigs(DatabasePushNotificationConfigStore):
    """The webhooks of one agent's tasks in SQL. Those of open tasks are in memory too: each event asks for them."""

    def __init__(self, engine: AsyncEngine, agent: str) -> None:
        super().__init__(engine, create_table=False, owner_resolver=lambda context: f"{agent}/{context.user.user_name}")
        self.config_model = KeptPushConfig  # type: ignore[assignment]  # as for KeptTasks
        self._prefix = f"{agent}/"
        self._of_open: dict[str, list[TaskPushNotificationConfig]] = {}

    async def load(self) -> None:
        """Read the webhooks of the tasks that wait for input: they go on in this process."""
        ended = [TaskState.Name(state) for state in ENDED]
        of_task = select(KeptTask.id).where(KeptTask.status["state"].as_string().not_in(ended))
        mine = KeptPushConfig.owner.startswith(self._prefix, autoescape=True)
        for config in await self._select_configs(mine, KeptPushConfig.task_id.in_(of_task)):
            self._of_open.setdefault(config.task_id, []).append(config)

    async def set_info(
        self, task_id: str, notification_config: TaskPushNotificationConfig, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        kept = await super().set_info(task_id, notification_config, context)
        self._of_open[task_id] = await self.get_info(task_id, context)
        return kept

    async def delete_info(self, task_id: str, context: ServerCallContext, config_id: str | None = None) -> None:
        await super().delete_info(task_id, context, config_id)
        self._of_open[task_id] = await self.get_info(task_id, context)

    async def get_info_for_dispatch(self, task_id: str) -> list[TaskPushNotificationConfig]:
        return self._of_open.get(task_id, [])

    async def of_lost(self, task_id: str) -> list[TaskPushNotificationConfig]:
        """Of a task that another process left behind."""
        return await self._select_configs(KeptPushConfig.task_id == task_id)

    def forget(self, task_id: str) -> None:
        """The task has ended: its webhooks stay in SQL only."""
        self._of_open.pop(task_id, None)


@dataclass
class _Lane:
    """What waits for one webhook of one task. failing: its last notification could not be delivered."""

    waiting: deque[tuple[TaskPushNotificationConfig, bytes]] = field(default_factory=lambda: deque(maxlen=WAITING))
    failing: bool = False


class PushSender(PushNotificationSender):
    """Tells a task's webhooks of its events, in their order, without anybody waiting for it."""

    def __init__(self, configs: KeptPushConfigs, webhooks: Webhooks) -> None:
        self.configs = configs
        self.webhooks = webhooks
        self._http = httpx.AsyncClient(transport=webhooks.transport, timeout=SECONDS, follow_redirects=False)
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._turns: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()
        self._sending: set[asyncio.Task[None]] = set()

    async def send_notification(self, task_id: str, event: PushNotificationEvent) -> None:
        self.tell(task_id, event, await self.configs.get_info_for_dispatch(task_id))
        if isinstance(event, Task | TaskStatusUpdateEvent) and event.status.state in ENDED:
            self.configs.forget(task_id)

    def tell(self, task_id: str, event: PushNotificationEvent, configs: list[TaskPushNotificationConfig]) -> None:
        if not configs:
            return
        # Written down now: a Task changes afterwards.
        payload = MessageToJson(to_stream_response(event), indent=None).encode()
        for config in configs:
            key = (task_id, config.id)
            if key not in self._lanes:
                self._lanes[key] = _Lane()
                sending = asyncio.create_task(self._drain(key))
                self._sending.add(sending)
                sending.add_done_callback(self._sending.discard)
            self._lanes[key].waiting.append((config, payload))

    async def close(self) -> None:
        if self._sending:
            await asyncio.wait(self._sending, timeout=CLOSE_SECONDS)
        for sending in self._sending:
            sending.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._http.aclose()

    async def _drain(self, key: tuple[str, str]) -> None:
        lane = self._lanes[key]
        try:
            while lane.waiting:
                lane.failing = not await self._delivered(*lane.waiting.popleft(), once=lane.failing)
        finally:
            del self._lanes[key]

    async def _delivered(self, config: TaskPushNotificationConfig, payload: bytes, *, once: bool) -> bool:
        try:
            return await self._deliver(config, payload, once=once)
        except Exception:
            log.exception("push notification failed", task_id=config.task_id, config_id=config.id)
            return False

    async def _deliver(self, config: TaskPushNotificationConfig, payload: bytes, *, once: bool) -> bool:
        """Whether it was taken. once: no further attempts, for a webhook that failed before."""
        for delay in (0.0, *(() if once else self.webhooks.delays)):
            await asyncio.sleep(delay)
            try:
                await self._post(config, payload)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:
                problem = f"{type(error).__name__}: {error}"[:200]
            else:
                return True
        log.warning("push notification not delivered", task_id=config.task_id, config_id=config.id, problem=problem)
        return False

    async def _post(self, config: TaskPushNotificationConfig, payload: bytes) -> None:
        """Raises HTTPStatusError. Only the status is read: what else a stranger answers has no end, or comes slowly."""
        turns = self._turns.setdefault(httpx.URL(config.url).host, Semaphore(AT_ONCE))
        told = self._http.stream("POST", config.url, content=payload, headers=_headers(config))
        async with turns, asyncio.timeout(SECONDS), told as response:
            response.raise_for_status()


def _headers(config: TaskPushNotificationConfig) -> dict[str, str]:
    headers = {"Content-Type": A2A_JSON_MEDIA_TYPE, "Accept-Encoding": "identity"}
    if config.token:
        headers["X-A2A-Notification-Token"] = config.token
    if config.authentication.scheme and config.authentication.credentials:
        headers["Authorization"] = f"{config.authentication.scheme} {config.authentication.credentials}"
    return headers
