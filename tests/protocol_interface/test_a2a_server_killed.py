"""Two servers on one database, one of which is killed: the other says what became of its tasks, without a restart."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.serve import agent_app
from shared.a2a import lost
from tests.agents.scripted_agent import ScriptedAgent
from tests.protocol_interface.a2a_requirements.conftest import endpoint

ROOT = Path(__file__).parents[2]
OTHER = """
import asyncio, sys
from pathlib import Path
from tests.protocol_interface.a2a_requirements.conftest import endpoint

async def main():
    async with endpoint(sys.argv[2], Path(sys.argv[1])) as served:
        print((await served.waiting(served.wires["JSONRPC"]))["id"], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("name", ["lexiquery", "agent"])
async def test_tasks_of_a_killed_server_are_closed_by_one_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(lost, "BEAT_SECONDS", 0.02)
    async with endpoint(name, tmp_path) as served:
        wire = served.wires["HTTP+JSON"]
        other = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", OTHER, str(tmp_path), name), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert other.stdout
        task_id = (await other.stdout.readline()).decode().strip()
        mine = await served.waiting(wire)
        seen: dict[str, Any] = await wire.call("GetTask", {"id": task_id})
        assert seen["status"]["state"] in ("TASK_STATE_SUBMITTED", "TASK_STATE_WORKING")
        other.kill()
        await other.wait()
        async with asyncio.timeout(30):
            while seen["status"]["state"] != "TASK_STATE_FAILED":
                seen = await wire.call("GetTask", {"id": task_id})
        assert seen["status"]["message"]["parts"][0]["text"] == "the server of this task was killed"
        assert (await wire.call("GetTask", {"id": mine["id"]}))["status"]["state"] != "TASK_STATE_FAILED"


async def test_nothing_of_a_server_that_has_ended_is_at_work(engine: AsyncEngine) -> None:
    """What still cancels a statement on SQLite when the loop closes would keep the process from ending."""
    before = asyncio.all_tasks()
    app = agent_app(ScriptedAgent(), url="http://agent", engine=engine)
    async with app.router.lifespan_context(app):
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before
