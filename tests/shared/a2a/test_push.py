"""Webhooks that are slow, fail, or are told more than they take."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from a2a.server.context import ServerCallContext
from a2a.types import TaskPushNotificationConfig, TaskState, TaskStatus, TaskStatusUpdateEvent
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.a2a.push import AT_ONCE, WAITING, KeptPushConfigs, PushSender, Webhooks
from shared.a2a.tasks import schema
from shared.database import create_tables

CONTEXT = ServerCallContext()


class Receiver(httpx.AsyncBaseTransport):
    """answers: the statuses it answers with, one after another, then 200. closed: waits for `open`."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.got: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.open.wait()
        self.got.append(json.loads(await request.aread())["statusUpdate"]["contextId"])
        return httpx.Response(self.answers.pop(0) if self.answers else 200, request=request)


async def anywhere(url: httpx.URL) -> None:
    """Every address is allowed."""


async def sender(engine: AsyncEngine, receiver: Receiver) -> PushSender:
    await create_tables(engine, schema)
    configs = KeptPushConfigs(engine, "kql")
    await configs.set_info("t", TaskPushNotificationConfig(url="https://h.example"), CONTEXT)
    return PushSender(configs, Webhooks(receiver, anywhere, delays=(0.0, 0.0)))


def update(number: int, state: TaskState = TaskState.TASK_STATE_WORKING) -> TaskStatusUpdateEvent:
    return TaskStatusUpdateEvent(task_id="t", context_id=f"{number}", status=TaskStatus(state=state))


async def test_events_arrive_in_their_order(engine: AsyncEngine) -> None:
    receiver = Receiver(500, 500)
    pushing = await sender(engine, receiver)
    for number in range(3):
        await pushing.send_notification("t", update(number))
    await pushing.close()
    assert receiver.got == ["0", "0", "0", "1", "2"]


async def test_a_webhook_that_keeps_failing_is_asked_once_an_event(engine: AsyncEngine) -> None:
    receiver = Receiver(*[500] * 5)
    pushing = await sender(engine, receiver)
    for number in range(4):
        await pushing.send_notification("t", update(number))
    await pushing.close()
    assert receiver.got == ["0", "0", "0", "1", "2", "3"]


async def test_nobody_waits_for_a_webhook_and_the_oldest_are_left_out(engine: AsyncEngine) -> None:
    receiver = Receiver()
    receiver.open.clear()
    pushing = await sender(engine, receiver)
    for number in range(WAITING + 50):
        await pushing.send_notification("t", update(number))
    receiver.open.set()
    await pushing.close()
    assert len(receiver.got) <= WAITING + 1
    assert receiver.got[-1] == f"{WAITING + 49}"


async def test_a_redirect_is_not_followed(engine: AsyncEngine) -> None:
    receiver = Receiver(307, 307, 307)
    pushing = await sender(engine, receiver)
    await pushing.send_notification("t", update(0))
    await pushing.close()
    assert receiver.got == ["0"] * 3


async def test_a_task_that_has_ended_is_told_of_no_more(engine: AsyncEngine) -> None:
    receiver = Receiver()
    pushing = await sender(engine, receiver)
    await pushing.send_notification("t", update(0, TaskState.TASK_STATE_COMPLETED))
    await pushing.send_notification("t", update(1))
    await pushing.close()
    assert receiver.got == ["0"]


@pytest.mark.parametrize("scheme", ["", "Bearer"])
async def test_credentials_are_sent_only_with_a_scheme(engine: AsyncEngine, scheme: str) -> None:
    seen: list[str | None] = []

    class Looking(Receiver):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request.headers.get("authorization"))
            return httpx.Response(200, request=request)

    pushing = await sender(engine, Looking())
    config = TaskPushNotificationConfig(url="https://h.example", task_id="t")
    config.authentication.scheme, config.authentication.credentials = scheme, "secret"
    pushing.tell("t", update(0), [config])
    await pushing.close()
    assert seen == ["Bearer secret" if scheme else None]


class Endless(httpx.AsyncByteStream):
    """A body without an end; read: how many pieces of it were taken."""

    def __init__(self) -> None:
        self.read = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.read < 1000:
            self.read += 1
            yield b"x" * 1000

    async def aclose(self) -> None:
        self.closed = True


async def test_what_a_webhook_answers_is_not_read(engine: AsyncEngine) -> None:
    body = Endless()
    accepted: list[str] = []

    class Talking(Receiver):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            accepted.append(request.headers["accept-encoding"])
            return httpx.Response(200, stream=body, request=request)

    pushing = await sender(engine, Talking())
    await pushing.send_notification("t", update(0))
    await pushing.close()
    assert (body.read, body.closed, accepted) == (0, True, ["identity"])


async def test_a_webhook_that_answers_nothing_is_let_go(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.a2a.push.SECONDS", 0.01)
    receiver = Receiver()
    receiver.open.clear()
    pushing = await sender(engine, receiver)
    pushing.webhooks = Webhooks(receiver, anywhere, delays=())
    await pushing.send_notification("t", update(0))
    await asyncio.gather(*pushing._sending)
    receiver.open.set()
    await pushing.send_notification("t", update(1))
    await pushing.close()
    assert receiver.got == ["1"]


async def test_a_host_has_a_few_connections_at_once(engine: AsyncEngine) -> None:
    most = now = 0

    class Counting(Receiver):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal most, now
            now += 1
            most = max(most, now)
            for _ in range(20):
                await asyncio.sleep(0)
            now -= 1
            return httpx.Response(200, request=request)

    pushing = await sender(engine, Counting())
    hooks = [TaskPushNotificationConfig(url=f"https://h.example/{n}", id=f"{n}", task_id="t") for n in range(12)]
    pushing.tell("t", update(0), hooks)
    await pushing.close()
    assert most == AT_ONCE


async def test_a_notification_that_fails_as_nobody_foresaw_keeps_no_other_back(engine: AsyncEngine) -> None:
    class Failing(Receiver):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not self.answers:
                self.answers.append(200)
                raise OverflowError("port must be 0-65535")
            return await super().handle_async_request(request)

    receiver = Failing()
    pushing = await sender(engine, receiver)
    await pushing.send_notification("t", update(0))
    await pushing.send_notification("t", update(1))
    await pushing.close()
    assert receiver.got == ["1"]
