"""A server learns of its runbooks by itself."""

from __future__ import annotations

import asyncio

from core_engine.watching import watch_runbooks
from tests.core_engine.test_runbooks import House, house

__all__ = ["house"]


async def test_what_is_there_when_a_server_starts_is_checked(house: House) -> None:
    watching = asyncio.create_task(watch_runbooks(house.runbooks, hours=0))
    async with asyncio.timeout(60):
        while not (await house.shop()).examples:
            assert not watching.done()
    watching.cancel()
    assert [one.status for one in await house.runbooks.last()] == ["proven"]
