"""Times, and the tables they are shown in."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

RANKS = ("p50", "p95", "p99")


@dataclass
class Taken:
    """What some calls took. seconds: each, by the clock on the wall, in which others use the machine too; cpu: seconds
    that this process computed for all of them together."""

    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0

    @contextmanager
    def one(self) -> Iterator[None]:
        """One call more, with nothing beside it."""
        began, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds.append(time.perf_counter() - began)
        self.cpu += time.process_time() - cpu

    def rank(self, percent: float) -> float:
        """Nearest rank."""
        return sorted(self.seconds)[max(0, math.ceil(len(self.seconds) * percent / 100) - 1)]

    @property
    def ranks(self) -> list[str]:
        return [ms(self.rank(percent)) for percent in (50, 95, 99)]

    @property
    def cpu_each(self) -> str:
        return ms(self.cpu / len(self.seconds))


@dataclass
class Figures:
    """What was measured, as Markdown for docs/performance.md."""

    lines: list[str]

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        title = f"{title} (pace {ms(pace())})"
        self.lines += ["", f"{title}:", "", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
        self.lines += [f"| {' | '.join(row)} |" for row in rows]
        shown = Table(*columns, title=title, title_justify="left")
        for row in rows:
            shown.add_row(*row)
        Console().print(shown)


def pace() -> float:
    """Seconds that a million multiplications take this machine just now: a virtual one changes its pace by a factor of
    two within minutes, and everything that it computes with it."""
    began, total = time.perf_counter(), 0
    for number in range(1_000_000):
        total += number * number
    return time.perf_counter() - began


async def times(work: Callable[[], Awaitable[object]], runs: int) -> list[float]:
    """Seconds of each run."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return taken


def first_and_median(seconds: Sequence[float]) -> list[str]:
    """Of the first, and of those after it."""
    return [ms(seconds[0]), ms(statistics.median(seconds[1:]))]


def ms(seconds: float) -> str:
    """With its unit."""
    return f"{seconds * 1000:,.{2 if seconds < 0.01 else 1 if seconds < 0.1 else 0}f} ms"
