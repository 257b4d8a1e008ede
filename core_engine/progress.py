"""What people read on standard error while a command works: never part of its result."""

from __future__ import annotations

import sys

from protocol_interface.product import Product


def say(text: str) -> None:
    """A line, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


async def follow(product: Product, journey_id: str) -> None:
    """Say each stage of the journey as it starts, until the journey ends, and an empty line."""
    async for event in product.events(journey_id):
        if event.kind == "stage" and event.data["status"] == "started":
            say(f"  {event.data['stage']} …")
    say("")


def count(done: int, total: int, what: str = "documents") -> None:
    """`  12 of 60 documents`, written over the last one; a line of its own at the end."""
    sys.stderr.write(f"\r  {done:,} of {total:,} {what}" + ("\n" if done >= total else ""))
    sys.stderr.flush()
