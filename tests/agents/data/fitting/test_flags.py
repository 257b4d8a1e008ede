"""Yes and no as the column has them, and values in the column that the question speaks of."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk

IDS = "SELECT device_id FROM devices"


@pytest.mark.parametrize(
    ("question", "where", "notes", "rows"),
    [
        ("Which devices are managed?", "is_managed = 'Yes'", ["took 'Yes' as true: is_managed is true or false"], [1, 3]),
        ("Which devices are not managed?", "is_managed = 'no'", ["took 'no' as false: is_managed is true or false"], [2]),
        ("Which devices are stolen?", "is_stolen = 'Yes'", ["used 'true' for 'Yes', as is_stolen has it"], [2]),
        ("Devices with unknown logons", "system = 'Unknown'", ["looked for 'Unknown' in logon_kind, of which the question speaks, not in system"], [2]),
        ("Devices with unknown logons", "system = 'unknown'", ["looked for 'unknown' in logon_kind, of which the question speaks, not in system", "used 'Unknown' for 'unknown', as logon_kind has it"], [2]),
        ("Devices closing access", "step = 'CloseAccess'", ["used 'Close' for 'CloseAccess', as step has it"], [1]),
    ],
)  # fmt: skip
def test_a_value_is_taken_as_the_question_means_it(
    desk: Desk, question: str, where: str, notes: list[str], rows: list[int]
) -> None:
    mended = desk.fit(question, f"{IDS} WHERE {where} ORDER BY 1")
    assert (mended.notes, desk.rows(mended.query)) == (notes, [[row] for row in rows])


@pytest.mark.parametrize(
    ("question", "where"),
    [
        ("Devices whose system is unknown", "system = 'Unknown'"),
        ("Unknown devices", "system = 'Unknown'"),
        ("Linux devices", "system = 'Linux'"),
        ("Devices by the logon of Unknown", "system = 'Unknown'"),
        ("Devices at the step Close 2", "step = 'Close-2'"),
        ("Devices with unknown logons", "logon_kind = 'Unknown'"),
        ("Devices at the step CloseAccess", "step = 'CloseAccess'"),
        ("Devices opening access", "step = 'CloseAccess'"),
        ("Devices with a managed owner called Yes", "system = 'Yes'"),
    ],
)
def test_what_the_question_may_mean_is_left(desk: Desk, question: str, where: str) -> None:
    mended = desk.fit(question, f"{IDS} WHERE {where}")
    assert not [note for note in mended.notes if note.startswith(("used", "took", "looked"))]
