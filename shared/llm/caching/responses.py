"""Answers that a model gave before: the very same request to the very same model needs no second call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from shared.llm.caching.store import CacheStore, Layered, utc_now
from shared.llm.providers.base import ChatRequest, Reply
from shared.settings import Settings

_FORM = 2
"""Part of each key: raised when what is kept changes its meaning, so that older entries are not found."""
_SHELF = "chat"
_MEMORY_BYTES = 16 * 2**20
_LONGEST_ID = 64
_A_MINUTE = timedelta(minutes=1)
"""By how much the clock of another machine may be ahead."""


@dataclass(frozen=True)
class CachedReply:
    """An answer and the call that it comes from. cost, seconds: what that call took, and this one is spared; None where
    it wasn't known. currency: ISO 4217."""

    reply: Reply
    call_id: str
    cost: float | None
    currency: str | None
    seconds: float | None
    made_at: datetime


_entry = TypeAdapter(CachedReply)


class ResponseCache:
    """Exact answers for `response_cache_days`; of 0 days there is no cache.

    Only with `call_text` full does anything reach the store: an answer can't be both masked and exact, and with the
    texts off none is to be written anywhere. Memory alone then serves what repeats within a process's life.
    """

    def __init__(
        self, settings: Settings, store: CacheStore | None, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._life = timedelta(days=settings.response_cache_days)
        self._kept = Layered(store if settings.call_text == "full" else None, _MEMORY_BYTES)
        self._clock = clock

    def key(
        self,
        request: ChatRequest,
        digest: str | None,
        *,
        prompt_name: str | None = None,
        prompt_version: str | None = None,
    ) -> str | None:
        """What the answer is kept under; None if it is not to be kept at all."""
        if not self._life:
            return None
        return request_key(request, digest, prompt_name=prompt_name, prompt_version=prompt_version)

    async def get(self, key: str | None) -> CachedReply | None:
        if key is None:
            return None
        value = (await self._kept.get(_SHELF, [key])).get(key)
        if value is None:
            return None
        try:
            entry = _entry.validate_json(value)
        except ValueError:  # another version's, or a text that is no UTF-8: the call is made again and replaces it
            return None
        if entry.made_at.tzinfo is None or len(entry.call_id) > _LONGEST_ID:
            return None  # nobody wrote it here
        age = self._clock() - entry.made_at
        return entry if -_A_MINUTE < age < self._life else None

    async def put(
        self,
        key: str | None,
        reply: Reply,
        call_id: str,
        *,
        cost: float | None = None,
        currency: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Keep a whole answer.

        One that was cut off or is empty is no answer: it is mostly an accident of the moment (a full window, a server
        that was stopped), whoever asks again wants another try, and a cache would make the accident last.
        """
        if key is None or reply.finish == "length" or not reply.text.strip():
            return
        entry = CachedReply(reply, call_id, cost, currency, seconds, self._clock())
        value = asdict(entry) | {"made_at": entry.made_at.isoformat()}
        await self._kept.put(_SHELF, {key: json.dumps(value).encode()})


def request_key(
    request: ChatRequest, digest: str | None, *, prompt_name: str | None = None, prompt_version: str | None = None
) -> str | None:
    """sha256 of all that the answer depends on; None where it depends on chance or on a model that nobody can name.

    The digest stands for the model, whichever provider serves it under whichever name. A field that ChatRequest gains
    becomes part of the key by itself.
    """
    if request.temperature > 0 or digest is None:
        return None
    asked = {field.name: getattr(request, field.name) for field in fields(request) if field.name != "model"}
    # The one part whose order counts: a model writes the fields of its answer in the order of the schema.
    asked["format"] = None if request.format is None else json.dumps(request.format)
    content = {"form": _FORM, "digest": digest, "prompt": [prompt_name, prompt_version], "request": asked}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
