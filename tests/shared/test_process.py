"""A process is known by its pid and its start, on systems with /proc and without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from shared import process
from shared.process import is_alive, process_started, this_process


def test_this_process_is_alive_and_always_the_same() -> None:
    assert is_alive(*this_process())
    assert process_started(os.getpid()) == this_process()[1]


def test_a_process_that_ended_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        started = process_started(other.pid)
        assert started is not None
        assert is_alive(other.pid, started)
    assert not is_alive(other.pid, started)


@pytest.mark.skipif(shutil.which("ps") is None, reason="no ps on this machine")
def test_without_proc_ps_tells_the_start() -> None:
    assert process._from_ps(os.getpid())
    assert process._from_ps(2**22 + 1) is None
