"""Confidence is computed from evidence by weights that were fitted on outcomes, or it is None."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.data.confidence import Calibration, calibration_error, confidence, fit, read_calibration
from shared.errors import InvalidInput

PROVEN, REJECTED = {"proven": 1.0, "link": 0.9}, {"proven": 0.0, "link": 0.9}
OUTCOMES = [("kql", PROVEN, True)] * 18 + [("kql", PROVEN, False)] * 2 + [("kql", REJECTED, False)] * 10


def calibrated() -> Calibration:
    return fit(OUTCOMES, model="m", suite="s", made="2026-03-14")


def test_what_went_well_before_is_said_with_more_confidence() -> None:
    sure, unsure = (confidence(evidence, "kql", calibrated()) for evidence in (PROVEN, REJECTED))
    assert sure is not None
    assert unsure is not None
    assert sure > 0.75 > 0.35 > unsure


def test_a_platform_that_was_not_measured_gets_none() -> None:
    assert confidence(PROVEN, "spl", calibrated()) is None
    assert confidence(PROVEN, "kql", None) is None


def test_too_few_outcomes_fit_nothing() -> None:
    with pytest.raises(InvalidInput, match="10 outcomes"):
        fit(OUTCOMES[:9], model="m", suite="s", made="2026-03-14")


def test_outcomes_that_are_all_right_do_not_make_it_certain() -> None:
    calibration = fit(OUTCOMES[:18], model="m", suite="s", made="2026-03-14")
    assert (confidence(PROVEN, "kql", calibration) or 1) < 1


def test_what_a_model_server_does_not_tell_is_taken_as_usual() -> None:
    sure, unsure = {"proven": 1.0, "surprise": 0.0}, {"proven": 1.0, "surprise": 1.0}
    outcomes = [("kql", sure, True)] * 15 + [("kql", unsure, False)] * 15
    calibration = fit(outcomes, model="m", suite="s", made="2026-03-14")
    said = [confidence(evidence, "kql", calibration) or 0 for evidence in (sure, {"proven": 1.0}, unsure)]
    assert calibration.usual == {"surprise": 0.5}
    assert said[0] > 0.7 > said[1] > 0.3 > said[2]


def test_a_calibration_counts_for_its_model_and_the_users_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text(calibrated().model_dump_json())
    assert read_calibration(tmp_path, "m") == calibrated()
    assert read_calibration(tmp_path, "another model") is None


def test_a_broken_calibration_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"calibration\.json"):
        read_calibration(tmp_path, "m")


def test_the_calibration_error_is_the_gap_between_said_and_right() -> None:
    assert calibration_error([0.9, 0.9], [1, 0]) == pytest.approx(0.4)
    assert calibration_error([1.0, 0.0], [1, 0]) == 0
