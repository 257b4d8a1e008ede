"""Which process is this, and is that one still alive? A pid alone is reused, so its start time goes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path


def process_started(pid: int) -> str | None:
    """A text that no later process of that pid has; None when there is no such process."""
    proc = Path("/proc")
    if (proc / "self" / "stat").exists():
        return _from_proc(proc, pid)
    return _from_ps(pid)


def _from_proc(proc: Path, pid: int) -> str | None:
    try:
        # proc(5): the name in parentheses may hold spaces; `starttime` is the 20th field after it, in ticks from boot.
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if fields[0] == "Z" else f"{boot}:{fields[19]}"


def _from_ps(pid: int) -> str | None:
    ps = shutil.which("ps")
    if ps is None:
        return None
    answer = subprocess.run([ps, "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603 -- fixed command, integer argument
    return answer.stdout.strip() or None


@cache
def _started_of_this(pid: int) -> str:
    return process_started(pid) or "unknown"


def this_process() -> tuple[int, str]:
    """pid and start of this process; right after a fork, too."""
    pid = os.getpid()
    return pid, _started_of_this(pid)


def is_alive(pid: int, started: str) -> bool:
    return (pid, started) == this_process() or process_started(pid) == started
