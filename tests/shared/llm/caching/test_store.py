"""What every store does: keep bytes, within its bounds, for every process alike."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from uuid import uuid4

import pytest

from shared.llm.caching.memory import Memory
from shared.llm.caching.store import Allowance, CacheStore, Kept, Layered
from tests.shared.llm.caching.conftest import Clock, Place

SIXTEENTH = 64
BOUND = 16 * SIXTEENTH


@pytest.mark.parametrize("kind", ["responses", "embeddings"])
async def test_what_one_process_keeps_another_finds(place: Place, kind: str) -> None:
    ours, theirs = getattr(place, kind)(), getattr(place, kind)()
    values = {f"{number:064}": bytes([number % 256]) * 8 for number in range(600)}
    await ours.put("model", values)
    assert await theirs.get("model", [*values, "unknown"]) == values
    assert (await theirs.kept()).entries == 600
    assert (await theirs.kept()).bytes == 600 * 8


async def test_the_vectors_of_one_model_are_not_those_of_another(place: Place) -> None:
    store = place.embeddings()
    await store.put("sha256:a", {"text": b"aaaa"})
    await store.put("sha256:b", {"text": b"bbbb"})
    assert await store.get("sha256:a", ["text"]) == {"text": b"aaaa"}
    assert await store.get("sha256:c", ["text"]) == {}


async def test_clearing_one_kind_leaves_the_other(place: Place) -> None:
    responses, embeddings = place.responses(), place.embeddings()
    await responses.put("chat", {"a": b"1", "b": b"2"})
    await embeddings.put("model", {"a": b"aaaa"})
    assert await responses.clear() == 2
    assert await responses.kept() == Kept(0, 0)
    assert await embeddings.get("model", ["a"]) == {"a": b"aaaa"}
    assert await embeddings.clear() == 1


async def test_what_was_not_used_for_longest_goes_first(place: Place, clock: Clock) -> None:
    store = place.responses(max_bytes=BOUND)
    for number in range(15):
        await store.put("chat", {f"k{number}": b"x" * SIXTEENTH})
        clock.advance(hours=1)
    assert await store.get("chat", ["k0"])
    clock.advance(hours=1)
    await store.put("chat", {"k15": b"x" * SIXTEENTH})
    found = await store.get("chat", [f"k{number}" for number in range(16)])
    assert set(found) == {"k0", *(f"k{number}" for number in range(3, 16))}


async def test_a_store_stays_within_its_bound_however_much_is_put(place: Place) -> None:
    store = place.responses(max_bytes=BOUND)
    for number in range(40):
        await store.put("chat", {f"k{number}": b"x" * 50})
        assert (await store.kept()).bytes <= BOUND
    assert (await store.kept()).bytes > BOUND // 2


async def test_a_new_process_drops_what_has_expired(place: Place, clock: Clock) -> None:
    await place.responses().put("chat", {"old": b"x"})
    clock.advance(days=31)
    await place.responses().put("chat", {"new": b"y"})
    assert (await place.responses().kept()).entries == 1


async def test_two_processes_may_keep_the_same_at_once(place: Place) -> None:
    values = {uuid4().hex: b"abcd" for _ in range(100)}
    turned = dict(reversed(values.items()))
    for make in (place.responses, place.embeddings):
        stores = [make() for _ in range(4)]
        await asyncio.gather(*(one.put("m", values if n % 2 else turned) for n, one in enumerate(stores)))


def test_memory_drops_what_was_not_used_for_longest() -> None:
    memory = Memory(max_bytes=3 * (256 + 100))
    for name in "abc":
        memory.put(("shelf", name), b"x" * 100)
    assert memory.get(("shelf", "a"))
    memory.put(("shelf", "d"), b"x" * 100)
    assert [name for name in "abcd" if memory.get(("shelf", name))] == ["a", "c", "d"]


def test_memory_does_not_hold_what_is_larger_than_itself() -> None:
    memory = Memory(max_bytes=1000)
    memory.put(("shelf", "a"), b"x" * 2000)
    assert memory.get(("shelf", "a")) is None
    memory.put(("shelf", "a"), b"x" * 100)
    assert memory.get(("shelf", "a")) == b"x" * 100


def test_memory_holds_nothing_longer_than_it_may() -> None:
    now = [0.0]
    memory = Memory(max_bytes=1000, seconds=600, clock=lambda: now[0])
    memory.put(("shelf", "a"), b"x")
    now[0] = 599.0
    assert memory.get(("shelf", "a")) == b"x"
    now[0] = 600.0
    assert memory.get(("shelf", "a")) is None


class Counting:
    """A store that says what it was asked for."""

    place = "counting"

    def __init__(self, store: CacheStore) -> None:
        self._store = store
        self.asked: list[set[str]] = []

    async def get(self, shelf: str, keys: Collection[str]) -> dict[str, bytes]:
        self.asked.append(set(keys))
        return await self._store.get(shelf, keys)

    async def put(self, shelf: str, values: Mapping[str, bytes]) -> None:
        await self._store.put(shelf, values)

    async def kept(self) -> Kept:
        return await self._store.kept()

    async def clear(self) -> int:
        return await self._store.clear()


async def test_only_what_memory_lacks_is_asked_of_the_store(place: Place) -> None:
    store = Counting(place.embeddings())
    await place.embeddings().put("m", {"a": b"a", "b": b"b"})
    layered = Layered(store, 10_000)
    assert await layered.get("m", ["a"]) == {"a": b"a"}
    assert await layered.get("m", ["a", "b", "c", "b"]) == {"a": b"a", "b": b"b"}
    await layered.put("m", {"c": b"c"})
    assert await layered.get("m", ["a", "b", "c"]) == {"a": b"a", "b": b"b", "c": b"c"}
    assert store.asked == [{"a"}, {"b", "c"}]


def test_sizes_are_read_at_the_first_write_and_then_a_sixteenth_apart() -> None:
    allowance = Allowance(1600)
    assert [allowance.is_used_up(40) for _ in range(7)] == [True, False, False, True, False, False, True]
