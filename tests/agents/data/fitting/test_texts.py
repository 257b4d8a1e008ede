"""Parts of texts that a question says, and how many rows it asks for."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk

IDS = "SELECT ticket_id FROM tickets"


@pytest.mark.parametrize(
    ("question", "where", "note", "rows"),
    [
        ("Titles containing 'disk'", "title = 'disk'", "looked for '%disk%' in title, as the question says", [101, 102]),
        ("Titles that contain the word slow", "title = 'slow'", "looked for '%slow%' in title, as the question says", [102]),
        ("Titles starting with Disk", "title = 'Disk'", "looked for 'Disk%' in title, as the question says", [101, 102]),
        ("Titles that end with full", "title = 'full'", "looked for '%full' in title, as the question says", [101]),
        ("Titles that don't contain disk", "title <> 'disk'", "looked for '%disk%' in title, as the question says", [100, 103]),
        ("Titles that end with full", "title ILIKE '%full%'", "looked for '%full' in title, as the question says", [101]),
        ("Titles starting with Disk", "title LIKE '%Disk'", "looked for 'Disk%' in title, as the question says", [101, 102]),
        ("Titles that don't contain disk", "title ILIKE '%disk%'", "looked for rows without '%disk%' in title, as the question says", [100, 103]),
        ("Titles that do not start with Disk", "title = 'Disk'", "looked for rows without 'Disk%' in title, as the question says", [100, 103]),
        ("Titles not ending with the word full", "title LIKE '%full%'", "looked for rows without '%full' in title, as the question says", [100, 102, 103]),
        ("Tickets whose title includes slow", "title LIKE 'slow%'", "looked for '%slow%' in title, as the question says", [102]),
        ("Tickets called Disk full", "title LIKE 'Disk full'", "compared title with 'Disk full': the pattern has no wildcard", [101]),
    ],
)  # fmt: skip
def test_a_text_is_looked_for_as_the_question_says(
    desk: Desk, question: str, where: str, note: str, rows: list[int]
) -> None:
    assert desk.fitted_rows(question, f"{IDS} WHERE {where} ORDER BY 1", note) == [[row] for row in rows]


@pytest.mark.parametrize(
    ("question", "where"),
    [
        ("Tickets containing disks on db-7", "host = 'db-7'"),
        ("Titles that contain disk", "title LIKE '%Disk%'"),
        ("Titles that don't contain disk", "NOT title LIKE '%Disk%'"),
        ("Titles that don't contain disk", "NOT (title ILIKE '%disk%')"),
        ("Titles that don't contain disk", "NOT (title ILIKE '%disk%' OR host ILIKE '%disk%')"),
        (
            "Titles that don't contain disk",
            "ticket_id NOT IN (SELECT ticket_id FROM tickets WHERE title ILIKE '%disk%')",
        ),
        ("Tickets that end in 2026", "title LIKE '2026%'"),
        ("Titles that contain disk, and those that don't contain disk", "title LIKE '%Disk%'"),
        ("Tickets that start with nothing", "title = ''"),
        ("Titles containing VPN dropsy", "title = 'VPN drops'"),
        ("Tickets containing open and pending ones", "status = 'open'"),
        ("All tickets including Disk full", "title = 'Disk full'"),
    ],
)
def test_what_the_question_does_not_say_to_hold_is_compared_whole(desk: Desk, question: str, where: str) -> None:
    assert desk.leaves(question, f"{IDS} WHERE {where}")


@pytest.mark.parametrize(
    ("question", "query", "rows"),
    [
        ("The top 1 hosts by tickets", "SELECT host, count(*) AS n FROM tickets GROUP BY host", [["db-7", 2]]),
        ("Show me 2 entries of open tickets", f"{IDS} WHERE status = 'open' OR status = 'closed' ORDER BY 1", [[100], [101]]),
    ],
)  # fmt: skip
def test_as_many_rows_are_shown_as_asked_for(desk: Desk, question: str, query: str, rows: list[list[object]]) -> None:
    mended = desk.fit(question, query)
    assert mended.notes == [f"shows {len(rows)} row{'s' * (len(rows) > 1)}, as the question says"]
    assert desk.rows(mended.query) == rows


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Hosts in the top 10 percent", "SELECT host, count(*) AS n FROM tickets GROUP BY host"),
        ("Tickets of the last 3 days", f"{IDS} WHERE opened_at >= TIMESTAMP '2026-03-11 12:00'"),
        ("Show me 2 entries", f"{IDS} LIMIT 2"),
        ("The top 2 tickets", f"{IDS} ORDER BY 1 LIMIT 2"),
        ("Tickets on db-7 newest first", f"{IDS} WHERE host = 'db-7' ORDER BY opened_at DESC"),
        ("Tickets since 2026-03-05 newest first", f"{IDS} ORDER BY opened_at DESC"),
        ("Tickets of the last 2 quarters, newest first", f"{IDS} ORDER BY opened_at DESC"),
        ("Tickets of the last 24 h by time", f"{IDS} ORDER BY opened_at DESC"),
        (
            "The top 1 host per region",
            "SELECT region, host, count(*) AS n FROM tickets GROUP BY region, host QUALIFY row_number() OVER (PARTITION BY region ORDER BY n DESC) <= 1",
        ),
        (
            "Top 1 host with its tickets by region",
            "SELECT region, count(*) AS n FROM tickets WHERE host IN (SELECT host FROM tickets GROUP BY host ORDER BY count(*) DESC LIMIT 1) GROUP BY region",
        ),
        ("Most tickets of 2025 by host", "SELECT host, count(*) AS n FROM tickets GROUP BY host"),
        ("Teams limited to 1 person", "SELECT team_id, count(*) AS n FROM people GROUP BY team_id"),
        (
            "For the top 2 hosts show when the first ticket was opened",
            "SELECT host, min(opened_at) AS first FROM tickets GROUP BY host",
        ),
    ],
)
def test_other_numbers_are_no_limits(desk: Desk, question: str, query: str) -> None:
    assert not any("rows, as the question says" in note for note in desk.fit(question, query).notes)


def test_the_latest_rows_are_no_time(desk: Desk) -> None:
    query = f"{IDS} WHERE opened_at > now() - INTERVAL 2 DAY ORDER BY opened_at DESC"
    mended = desk.fit("The 2 latest tickets", query)
    assert [row[0] for row in desk.rows(mended.query)] == [100, 101]
    assert len(mended.notes) == 3
    newest = desk.fit("The latest 3 tickets", "SELECT ticket_id, opened_at FROM tickets ORDER BY opened_at DESC")
    assert newest.notes == ["shows 3 rows, as the question says"]


@pytest.mark.parametrize(
    ("where", "mended"),
    [
        ("step = 'Close'", "step ILIKE '%Close%'"),
        ("step <> 'Close'", "NOT step ILIKE '%Close%'"),
        ("step IN ('Close', 'Open')", "( step ILIKE '%Close%' OR step ILIKE '%Open%' )"),
        ("step = 'Other'", None),  # the value with a comma is no list of others
        ("step IN ('Close', 'Other')", None),
        ("step = 'Close, Open'", None),
        ("step = 'Part'", None),  # a part of another value
    ],
)
def test_a_value_is_looked_for_within_the_lists_of_its_column(desk: Desk, where: str, mended: str | None) -> None:
    query = f"SELECT device_id FROM devices WHERE {where}"
    found = desk.fit("Devices by their step: Close, Open, Other", query)
    if mended is None:
        assert not any("which holds lists" in note for note in found.notes)
    else:
        assert any("within step, which holds lists: 'Close, Open'" in note for note in found.notes)
        assert mended in " ".join(found.query.split())


@pytest.mark.parametrize(
    ("question", "part", "said"),
    [
        ("Tickets about disk 7 on hosts", "4: disk 7 of 9", "disk 7"),
        ("Titles with Login fails", "ERROR login fails", "login fails"),
    ],
)
def test_words_around_what_is_said_are_not_looked_for(desk: Desk, question: str, part: str, said: str) -> None:
    mended = desk.fit(question, f"{IDS} WHERE title ILIKE '%{part}%'")
    assert f"looked for '{said}' in title, not for '{part}'" in mended.notes


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("Titles that say the disk was not found", "disk not found"),
        ("Titles with a disk that is full", "the disk full"),
        ("Titles with disk 71", "4 disk 7"),
        ("Titles with Disk full", "Disk full"),
    ],
)
def test_parts_whose_words_stand_apart_stay(desk: Desk, question: str, part: str) -> None:
    mended = desk.fit(question, f"{IDS} WHERE title ILIKE '%{part}%'")
    assert not any("not for" in note for note in mended.notes)
