"""Fill a ledger, read it, record on it; find agents; call over the protocols; print what each took: `make bench`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from benchmarks import ingest
from benchmarks.bare import inserted_and_updated
from benchmarks.databases import Name, Place, ledger_on
from benchmarks.discovery import discovery
from benchmarks.figures import RANKS, Figures
from benchmarks.filling import fill
from benchmarks.reading import searches, sums
from benchmarks.recording import at_once, one_by_one

Part = Literal["ledger", "discovery", "protocols"]
_RECORDERS = (1, 100)
_POSTGRESQL = "postgresql://root@127.0.0.1/test"


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["ingest"]:
        ingest.main(given[1:])
        return
    asked = _parser().parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    figures = asyncio.run(_measure(asked))
    if asked.out:
        asked.out.write_text("\n".join(figures.lines) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, help="on the ledger before anything is measured")
    parser.add_argument("--text", type=int, default=1000, help="characters of a prompt; an answer has a quarter")
    parser.add_argument("--recorded", type=int, default=2000, help="calls that are recorded one by one")
    parser.add_argument("--seconds", type=float, default=10.0, help="of recording calls at once")
    parser.add_argument("--agents", type=int, default=10_000, help="in the registry")
    parser.add_argument("--parts", nargs="+", choices=get_args(Part), default=list(get_args(Part)), help="all of them")
    parser.add_argument("--rounds", type=int, default=300, help="of a call over a protocol, ours and the bare SDK's")
    parser.add_argument("--streams", type=int, default=200, help="at once")
    parser.add_argument("--databases", nargs="+", choices=get_args(Name), default=list(get_args(Name)))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="of the file; on a real disk")
    parser.add_argument("--postgresql", default=_POSTGRESQL, help="URL of a database; gets a schema of its own")
    parser.add_argument("--out", type=Path, help="a Markdown file for the tables")
    return parser


async def _measure(asked: argparse.Namespace) -> Figures:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = f"{cores} core(s) of {platform.machine()}, load {os.getloadavg()[0]:.1f}, {platform.system()}"
    figures = Figures([f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Python {platform.python_version()}"])
    for name in asked.databases if {"ledger", "discovery"} & {*asked.parts} else ():
        async with ledger_on(name, asked.folder, asked.postgresql) as place:
            await _measure_on(place, asked, figures)
    if "protocols" in asked.parts:
        # The SDKs take seconds to import, which are none of what adding runbooks takes.
        from benchmarks.protocols import measure_protocols

        await measure_protocols(figures, asked.rounds, asked.streams)
    return figures


async def _measure_on(place: Place, asked: argparse.Namespace, figures: Figures) -> None:
    if "ledger" in asked.parts:
        await _measure_ledger(place, asked, figures)
    if "discovery" in asked.parts:
        rows = await discovery(place, asked.agents)
        title = f"{place.name}, discovery among {asked.agents:,} agents"
        figures.table(title, ("asked for", "found", *RANKS, "CPU"), rows)


async def _measure_ledger(place: Place, asked: argparse.Namespace, figures: Figures) -> None:
    for title, columns, rows in (
        ("filling", ("calls", "seconds", "calls/s", "MB with indexes"), _filling),
        ("sums of 30 days", ("asked for", "first", "median", "from the calls", "times"), _sums),
        ("100 calls, the newest first", ("asked for", "first", "median"), _searches),
        ("what a journey waits for a call to be recorded", ("by", *RANKS, "times the driver", "CPU"), _one_by_one),
        ("calls at once", ("recorders", "calls/s", *RANKS, "CPU"), _at_once),
    ):
        figures.table(f"{place.name}, {title}", columns, await rows(place, asked))


async def _filling(place: Place, asked: argparse.Namespace) -> list[list[str]]:
    seconds = await fill(place, asked.calls, asked.text)
    rate, size = f"{asked.calls / seconds:,.0f}", f"{await place.size() / 1e6:,.0f}"
    return [[f"{asked.calls:,}", f"{seconds:,.1f}", rate, size]]


async def _sums(place: Place, _: argparse.Namespace) -> list[list[str]]:
    return await sums(place)


async def _searches(place: Place, _: argparse.Namespace) -> list[list[str]]:
    return await searches(place)


async def _one_by_one(place: Place, asked: argparse.Namespace) -> list[list[str]]:
    bare = await inserted_and_updated(place, asked.recorded, asked.text)
    rows = [["the bare driver", *bare.ranks, "1.0", bare.cpu_each]]
    for what, on, budgets in _ways(place):
        taken = await one_by_one(on, asked.recorded, asked.text, budgets=budgets)
        rows.append([what, *taken.ranks, f"{taken.rank(50) / bare.rank(50):.1f}", taken.cpu_each])
    return rows


def _ways(place: Place) -> Iterator[tuple[str, Place, bool]]:
    yield "the ledger", place, False
    yield "the ledger, with budgets", place, True
    if place.synced:
        yield "the ledger, commits wait for the disk", replace(place, open=place.synced), False


async def _at_once(place: Place, asked: argparse.Namespace) -> list[list[str]]:
    rows = []
    for recorders in _RECORDERS:
        rate, taken = await at_once(place, recorders, asked.seconds, asked.text)
        rows.append([str(recorders), f"{rate:,.0f}", *taken.ranks, taken.cpu_each])
    return rows


if __name__ == "__main__":
    gc.set_threshold(10_000, 10, 10)  # as the command does
    gc.freeze()  # as a server does
    main()
