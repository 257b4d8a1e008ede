"""Energy is measured where the machine's counters can be read, and shared by the calls in flight."""

from __future__ import annotations

from pathlib import Path

import pynvml  # type: ignore[import-untyped]
import pytest

from shared.llm.energy import EnergyMeter


class Zone:
    """A power zone as the kernel shows it: energy_uj and max_energy_range_uj in microjoules, and a name."""

    def __init__(self, powercap: Path, zone: str, name: str, span: float = 1000.0) -> None:
        self.path = powercap / zone
        self.path.mkdir(parents=True)
        (self.path / "name").write_text(f"{name}\n")
        (self.path / "max_energy_range_uj").write_text(f"{round(span * 1e6)}\n")
        self.reads(0.0)

    def reads(self, joules: float) -> None:
        (self.path / "energy_uj").write_text(f"{round(joules * 1e6)}\n")


class Boards:
    """NVIDIA's library on a machine with these boards; None for one that does not count."""

    NVMLError = pynvml.NVMLError

    def __init__(self, *millijoules: int | None) -> None:
        self.millijoules = list(millijoules)

    def nvmlInit(self) -> None:  # noqa: N802
        return None

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.millijoules)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        found = self.millijoules[handle]
        if found is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return found


@pytest.fixture
def package(tmp_path: Path) -> Zone:
    return Zone(tmp_path, "intel-rapl:0", "package-0")


def test_a_call_alone_has_all_the_energy_of_its_time(tmp_path: Path, package: Zone) -> None:
    meter = EnergyMeter(tmp_path)
    package.reads(5.0)
    meter.start("a")
    package.reads(12.5)
    assert meter.stop("a") == pytest.approx(7.5)


def test_calls_in_flight_share_equally_and_their_sum_is_all_that_was_drawn(tmp_path: Path, package: Zone) -> None:
    """a runs alone for 10 J, with b for 20, with b and c for 30; then nobody for 40, and d for 50."""
    meter = EnergyMeter(tmp_path)
    shares = {}
    for joules, event, name in [
        (0, "start", "a"),
        (10, "start", "b"),
        (30, "start", "c"),
        (60, "stop", "a"),
        (60, "stop", "b"),
        (60, "stop", "c"),
        (100, "start", "d"),
        (150, "stop", "d"),
    ]:
        package.reads(joules)
        shares[name] = getattr(meter, event)(name)
    assert shares == pytest.approx({"a": 30.0, "b": 20.0, "c": 10.0, "d": 50.0})


def test_a_counter_that_starts_again_loses_nothing(tmp_path: Path, package: Zone) -> None:
    package.reads(990.0)
    meter = EnergyMeter(tmp_path)
    meter.start("a")
    package.reads(15.0)
    assert meter.stop("a") == pytest.approx(25.0)


def test_only_packages_are_added_up(tmp_path: Path, package: Zone) -> None:
    """Their subzones and the platform hold the same energy again, and so does the other interface to them."""
    others = [
        Zone(tmp_path, "intel-rapl:0:0", "core"),
        Zone(tmp_path, "intel-rapl:2", "psys"),
        Zone(tmp_path, "intel-rapl-mmio:0", "package-0"),
        Zone(tmp_path / "intel-rapl:0", "intel-rapl:0:1", "dram"),
    ]
    second = Zone(tmp_path, "intel-rapl:1", "package-1")
    meter = EnergyMeter(tmp_path)
    meter.start("a")
    for zone in (package, second, *others):
        zone.reads(3.0)
    assert meter.counters == ["package-0", "package-1"]
    assert meter.stop("a") == pytest.approx(6.0)


def test_nvidias_boards_count_in_millijoules(tmp_path: Path, package: Zone) -> None:
    boards = Boards(1000, None, 4000)
    meter = EnergyMeter(tmp_path, boards)
    meter.start("a")
    package.reads(1.0)
    boards.millijoules = [3500, None, 4250]
    assert meter.counters == ["package-0", "nvidia-0", "nvidia-2"]
    assert meter.stop("a") == pytest.approx(1.0 + 2.5 + 0.25)


def test_a_driver_that_was_loaded_again_leaves_the_energy_unknown(tmp_path: Path) -> None:
    boards = Boards(9000)
    meter = EnergyMeter(tmp_path, boards)
    meter.start("a")
    boards.millijoules = [10]
    assert meter.stop("a") is None


def test_a_counter_that_can_no_longer_be_read_leaves_the_energy_unknown(tmp_path: Path, package: Zone) -> None:
    meter = EnergyMeter(tmp_path)
    meter.start("a")
    (package.path / "energy_uj").unlink()
    assert meter.stop("a") is None
    package.reads(1.0)
    meter.start("b")
    package.reads(3.0)
    assert meter.stop("b") == pytest.approx(2.0)


def test_nothing_to_read_is_unknown_not_zero(tmp_path: Path, package: Zone) -> None:
    (package.path / "energy_uj").unlink()
    meter = EnergyMeter(tmp_path)
    meter.start("a")
    assert meter.counters == []
    assert meter.stop("a") is None


def test_a_call_that_was_never_started_has_no_energy(tmp_path: Path, package: Zone) -> None:
    assert EnergyMeter(tmp_path).stop("a") is None


def test_the_real_library_without_a_driver_counts_nothing(tmp_path: Path) -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        assert EnergyMeter(tmp_path, pynvml).counters == []
    else:
        pytest.skip("this machine has NVIDIA's driver")


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://localhost:11434/v1", True),
        ("127.0.0.1:11434", True),
        ("http://[::1]:11434", True),
        ("http://0.0.0.0:11434", True),
        ("http://192.168.1.5:11434", False),
        ("http://gpu.example:8000", False),
        ("http://localhost.example:8000", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_only_servers_on_this_machine_are_measured(url: str, covered: bool) -> None:
    assert EnergyMeter.covers(url) is covered
