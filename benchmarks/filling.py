"""Writing many calls at once, by the product's own code: what a restored or reported log takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from benchmarks.calls import realistic
from benchmarks.databases import Place
from shared.calls import CallRecord
from shared.ledger.changes import Merge, apply
from shared.ledger.writer import Writer

_AT_ONCE = 10_000


async def fill(place: Place, count: int, text: int) -> float:
    """Seconds of writing; making up the calls is not in them."""
    engine = place.open()
    writer = Writer(engine)
    seconds = 0.0
    for batch in _batches(realistic(count, datetime.now(UTC), text)):
        changes = [Merge(record) for record in batch]
        began = time.perf_counter()
        await writer.run(lambda connection, changes=changes: apply(connection, changes))  # type: ignore[misc]
        seconds += time.perf_counter() - began
    await writer.close()
    await engine.dispose()
    await place.settle()
    return seconds


def _batches(records: Iterable[CallRecord]) -> Iterator[list[CallRecord]]:
    rest = iter(records)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch
