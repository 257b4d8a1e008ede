"""The energy that this machine draws while it answers calls, where its counters can be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

POWERCAP = Path("/sys/class/powercap")
# The driver's device on Linux, and that of Linux on Windows.
_NVIDIA = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
_ZONE = re.compile(r"intel-rapl:\d+")
_PACKAGE = "package-"


class Nvml(Protocol):
    """What is used of `pynvml` (NVIDIA's nvidia-ml-py)."""

    NVMLError: type[Exception]

    def nvmlInit(self) -> Any: ...  # noqa: N802 -- NVIDIA's name, as are the others
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...  # noqa: N802
    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any) -> int: ...  # noqa: N802


@dataclass(frozen=True)
class _Counter:
    """read: joules since some moment, None when it can't be read; it starts again from 0 at `span` joules, if any."""

    name: str
    read: Callable[[], float | None]
    span: float | None = None

    def since(self, before: float | None, now: float | None) -> float | None:
        """Joules between two readings. None without one of them, or after a start from 0 that it can't account for."""
        if before is None or now is None:
            return None
        if now >= before:
            return now - before
        return None if self.span is None else now + self.span - before


class EnergyMeter:
    """Joules of the calls that this machine answers.

    The energy between two events (a call starts, a call stops) is divided equally among the calls in flight, so the
    shares of all calls add up to the energy of the time in which any call ran. It is all that the counters see: the
    processors' packages (RAPL) and NVIDIA's boards (NVML), whoever used them, and neither the rest of the machine nor
    the losses of its power supply. A RAPL counter starts again after minutes to hours, and one start is seen between
    two events. Nothing readable: every answer is None.

    powercap: the kernel's tree of power zones; nvml: the library, looked for where a driver is if not given.
    """

    def __init__(self, powercap: Path = POWERCAP, nvml: Nvml | None = None) -> None:
        self._counters = [*_packages(powercap), *_boards(nvml or _installed_nvml())]
        self._read: list[float | None] = []
        self._joules: dict[str, float | None] = {}
        self._lock = Lock()

    @property
    def counters(self) -> list[str]:
        """What is measured: `package-0`, `nvidia-0`; empty when nothing is."""
        return [counter.name for counter in self._counters]

    @staticmethod
    def covers(url: str) -> bool:
        """Whether a model server at `url` (or HOST:PORT) is on this machine, as far as its address tells."""
        try:
            host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
            address = ip_address(host)
        except ValueError:  # a name, or no address at all
            return "[" not in url and (host == "localhost" or host.endswith(".localhost"))
        return address.is_loopback or address.is_unspecified

    def start(self, call_id: str) -> None:
        """A call is in flight from now on."""
        with self._lock:
            self._settle()
            self._joules.setdefault(call_id, 0.0 if self._counters else None)

    def stop(self, call_id: str) -> float | None:
        """The call's share in joules; None when it can't be told, or the call was never started."""
        with self._lock:
            self._settle()
            return self._joules.pop(call_id, None)

    def _settle(self) -> None:
        """Give every call in flight its share of the energy since the last event."""
        now = [counter.read() for counter in self._counters]
        if self._joules:
            spent = [one.since(a, b) for one, a, b in zip(self._counters, self._read, now, strict=True)]
            known = [joules for joules in spent if joules is not None]
            share = sum(known) / len(self._joules) if len(known) == len(spent) else None
            self._joules = {call: _plus(joules, share) for call, joules in self._joules.items()}
        self._read = now


def _plus(joules: float | None, share: float | None) -> float | None:
    return None if joules is None or share is None else joules + share


def _packages(powercap: Path) -> Iterator[_Counter]:
    """The processors' zones that can be read: Linux keeps them for root unless told otherwise.

    Only packages: their subzones (`intel-rapl:0:0`) and the whole platform (`psys`) hold the same energy again.
    Kernel documentation: power/powercap/powercap.
    """
    for zone in sorted(powercap.glob("intel-rapl:*")):
        if not _ZONE.fullmatch(zone.name) or not (name := _text(zone / "name") or "").startswith(_PACKAGE):
            continue
        counter = _Counter(name, _reader(zone / "energy_uj"), _microjoules(zone / "max_energy_range_uj"))
        if counter.read() is not None:
            yield counter


def _reader(path: Path) -> Callable[[], float | None]:
    return lambda: _microjoules(path)


def _microjoules(path: Path) -> float | None:
    """The file's number of microjoules, in joules."""
    text = _text(path)
    return int(text) / 1e6 if text and text.isdecimal() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _installed_nvml() -> Nvml | None:
    """NVIDIA's library, imported only where a driver is."""
    nvml: Nvml | None = import_module("pynvml") if any(device.exists() for device in _NVIDIA) else None
    return nvml


def _boards(nvml: Nvml | None) -> Iterator[_Counter]:
    """NVIDIA's boards that count their energy: Volta and newer, in millijoules since the driver was loaded."""
    if nvml is None:
        return
    try:
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return
    for index, handle in enumerate(handles):
        counter = _Counter(f"nvidia-{index}", _board_reader(nvml, handle))
        if counter.read() is not None:
            yield counter


def _board_reader(nvml: Nvml, handle: Any) -> Callable[[], float | None]:
    def read() -> float | None:
        try:
            return nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
        except nvml.NVMLError:
            return None

    return read
