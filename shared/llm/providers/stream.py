"""What every provider does with a call: a bounded time, tries again, and an answer that is heard piece by piece."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from shared.errors import LexiQueryError, ModelUnavailable
from shared.llm.providers.base import ChatRequest, Heard, Likelihood, Reply

log = structlog.get_logger(__name__)
T = TypeVar("T")

RETRIES = 2
LONGEST_PAUSE = 20.0
"""Seconds. A server that wants a longer pause is given up: another provider may answer sooner."""
_BACKOFF_SECONDS = 0.25
_WHEN_LATE = "on a slow or busy machine raise LEXIQUERY_MODEL_TIMEOUT or name a smaller LEXIQUERY_MODEL"
_WHEN_STOPPED = "ask again; if that happens often, raise LEXIQUERY_MODEL_IDLE_TIMEOUT"
LOOK = "ask again; `lexiquery providers list` shows whether it is up, and its own log why it failed"
"""What helps where a server answers, and answers wrong."""
_UNIT, _TIMES, _SPAN = 80, 20, 400
_LONGEST_TOKEN = 256
"""Characters. The longest tokens are runs of 128 spaces or so: more than that a token is no answer to max_tokens."""


class Transient(Exception):
    """Another try may succeed. problem: what to raise when there is none; pause: seconds that the server asked for."""

    def __init__(self, problem: LexiQueryError, pause: float | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.pause = pause


@dataclass(frozen=True)
class Part:
    """One event of a streamed answer. reply: in the last one, what the server says of the whole, without its text;
    logprobs: of the event's tokens, where the server tells them."""

    text: str = ""
    reply: Reply | None = None
    logprobs: Sequence[float] = ()


@dataclass(frozen=True)
class Patience:
    """Seconds: the longest wait for one try, and for the next piece once an answer has begun."""

    timeout: float
    idle_timeout: float


async def tried(once: Callable[[], Awaitable[T]], on_retry: Callable[[], None]) -> T:
    """What `once` gives, after at most RETRIES more tries where it raises Transient."""
    for retry in range(1, RETRIES + 2):
        try:
            return await once()
        except Transient as error:
            pause = pause_before(retry, error.pause)
            if retry > RETRIES or pause > LONGEST_PAUSE:
                raise error.problem from error
        on_retry()
        await asyncio.sleep(pause)
    raise AssertionError("the last try returns or raises")


def pause_before(retry: int, asked: float | None) -> float:
    """Seconds before the retry of that number, from 1. Jittered, so that those who failed together don't return so."""
    own = _BACKOFF_SECONDS * retry * random.uniform(0.5, 1.5)  # noqa: S311 -- jitter, not a secret
    return max(own, asked or 0.0)


@asynccontextmanager
async def in_time(who: str, patience: Patience) -> AsyncIterator[Callable[[], None]]:
    """The block ends in time, or raises ModelUnavailable. Gives what is to be called with each piece that comes."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + patience.timeout
    timer = asyncio.timeout_at(deadline)

    def came() -> None:
        timer.reschedule(min(deadline, clock() + patience.idle_timeout))

    try:
        async with timer:
            yield came
    except TimeoutError as error:
        if (timer.when() or deadline) < deadline:
            stopped = f"{who} stopped in the middle of its answer: nothing came for {patience.idle_timeout:g} s"
            raise ModelUnavailable(stopped, suggestion=_WHEN_STOPPED) from error
        late = f"{who} did not answer within {patience.timeout:g} s"
        raise ModelUnavailable(late, suggestion=_WHEN_LATE) from error


async def listen(
    parts: AsyncGenerator[Part, None], request: ChatRequest, heard: Heard, who: str, patience: Patience
) -> Reply:
    """The answer that `parts` make. Raises Transient only before the first piece: what was heard isn't asked for again.

    An answer that repeats itself is not read to its end and comes back as one that max_tokens cut: the server would
    have gone on until then, the data agent mends cut answers, and an error would end the whole journey.
    """
    pieces: list[str] = []
    logprobs: list[float] = []
    reply: Reply | None = None
    tail, length = "", 0
    try:
        async with in_time(who, patience) as came, aclosing(parts):
            async for part in parts:
                reply = part.reply or reply
                logprobs += part.logprobs
                if not part.text:
                    continue
                came()
                pieces.append(part.text)
                heard.piece(part.text)
                tail, length = (tail + part.text)[-_UNIT * _TIMES :], length + len(part.text)
                if repeats(tail) or length > request.max_tokens * _LONGEST_TOKEN:
                    log.warning("answer without an end given up", model=request.model, pieces=len(pieces))
                    return Reply("".join(pieces), finish="length")
    except Transient as error:
        if not pieces:
            raise
        broken = f"{who} broke off in the middle of its answer: {error.problem.message}"
        raise ModelUnavailable(broken, suggestion=error.problem.suggestion) from error
    if reply is None:
        raise ModelUnavailable(f"{who} ended its answer without saying that it is done", suggestion=LOOK)
    return replace(reply, text="".join(pieces), likelihood=Likelihood.of(logprobs))


def repeats(text: str) -> bool:
    """Whether the text ends in one unit of at most 80 characters, over and over: 20 times and 400 characters at least.

    Lists of a query differ from item to item, and no indentation, rule or row of NULLs is that long.
    """
    for unit in range(1, _UNIT + 1):
        span = max(unit * _TIMES, _SPAN)
        if len(text) < span:
            return False
        end = text[-span:]
        if end[unit:] == end[:-unit]:
            return True
    return False
