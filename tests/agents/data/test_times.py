"""Time phrases read into ranges against a given now."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.data.times import TimeRange, Trailing, read_times, speaks_of_time

NOW = datetime(2026, 3, 15, 10, 30, tzinfo=UTC)  # a Sunday
OSLO = ZoneInfo("Europe/Oslo")


def one(text: str, now: datetime = NOW, zone: ZoneInfo | None = None) -> TimeRange:
    (found,) = read_times(text, now, zone or UTC)
    return found


def short(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00").removesuffix(" 00:00") if moment else ""


quick = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("failed sign-ins in the last 7 days", "2026-03-08 10:30", "2026-03-15 10:30"),
        ("past 24h", "2026-03-14 10:30", "2026-03-15 10:30"),
        ("for last 7 day, who", "2026-03-08 10:30", "2026-03-15 10:30"),
        ("recent 30-days", "2026-02-13 10:30", "2026-03-15 10:30"),
        ("within the past couple of days", "2026-03-13 10:30", "2026-03-15 10:30"),
        ("on each of the last seven days", "2026-03-08 10:30", "2026-03-15 10:30"),
        ("in the last hour", "2026-03-15 09:30", "2026-03-15 10:30"),
        ("in the past month", "2026-02-15 10:30", "2026-03-15 10:30"),
        ("last 6 months, not including the current month", "2025-09-01", "2026-03-01"),
        ("last 8 calendar weeks (excluding the current week)", "2026-01-12", "2026-03-09"),
        ("yesterday", "2026-03-14", "2026-03-15"),
        ("last half hour", "2026-03-15 10:00", "2026-03-15 10:30"),
        ("in the last half an hour", "2026-03-15 10:00", "2026-03-15 10:30"),
        ("past hour and a half", "2026-03-15 09:00", "2026-03-15 10:30"),
        ("last 1.5 hours", "2026-03-15 09:00", "2026-03-15 10:30"),
        ("last 2 and a half days", "2026-03-12 22:30", "2026-03-15 10:30"),
        ("half an hour ago", "2026-03-15 10:00", "2026-03-15 10:01"),
        ("more than half an hour ago", "", "2026-03-15 10:00"),
        ("older than 1.5 days", "", "2026-03-13 22:30"),
        ("past fortnight", "2026-03-01 10:30", "2026-03-15 10:30"),
        ("week to date", "2026-03-09", "2026-03-15 10:30"),
        ("sales this month to date", "2026-03-01", "2026-03-15 10:30"),
        ("year-to-date sales", "2026-01-01", "2026-03-15 10:30"),
        ("top 50 March 2026 orders", "2026-03-01", "2026-04-01"),
        ("at the end of last month", "2026-02-28", "2026-03-01"),
        ("by the end of February", "", "2026-03-01"),
        ("since the start of 2025", "2025-01-01", ""),
        ("since the beginning of last month", "2026-02-01", ""),
        ("today's errors", "2026-03-15", "2026-03-16"),
        ("the day before yesterday", "2026-03-13", "2026-03-14"),
        ("yesterday evening", "2026-03-14 18:00", "2026-03-15"),
        ("last night", "2026-03-14 18:00", "2026-03-15 06:00"),
        ("this week", "2026-03-09", "2026-03-16"),
        ("in the previous ISO week", "2026-03-02", "2026-03-09"),
        ("last month", "2026-02-01", "2026-03-01"),
        ("last weekend", "2026-03-07", "2026-03-09"),
        ("on Friday", "2026-03-13", "2026-03-14"),
        ("last Friday", "2026-03-13", "2026-03-14"),
        ("on Monday at 2pm", "2026-03-09 14:00", "2026-03-09 15:00"),
        ("5 days ago", "2026-03-10", "2026-03-11"),
        ("two weeks ago", "2026-03-01", "2026-03-02"),
        ("3 hours ago", "2026-03-15 07:30", "2026-03-15 08:30"),
        ("on 3 March", "2026-03-03", "2026-03-04"),
        ("on the 3rd of March 2025", "2025-03-03", "2025-03-04"),
        ("on March 3, 2025", "2025-03-03", "2025-03-04"),
        ("on 20 December", "2025-12-20", "2025-12-21"),
        ("on 04.03.2026", "2026-03-04", "2026-03-05"),
        ("since 06/29/2022 09:22:06 AM", "2022-06-29 09:22:06", ""),
        ("2026-W10", "2026-03-02", "2026-03-09"),
        ("in February", "2026-02-01", "2026-03-01"),
        ("in 2025", "2025-01-01", "2026-01-01"),
        ("in Q1 2026", "2026-01-01", "2026-04-01"),
        ("in the first quarter of 2023", "2023-01-01", "2023-04-01"),
        ("the week of 10 March", "2026-03-09", "2026-03-16"),
        ("the last week of February", "2026-02-22", "2026-03-01"),
        ("between 9 and 10 March", "2026-03-09", "2026-03-11"),
        ("between March 9 and 10", "2026-03-09", "2026-03-11"),
        ("9-10 March 2025", "2025-03-09", "2025-03-11"),
        ("from April 1 2023 to April 4 2023", "2023-04-01", "2023-04-05"),
        ("from 20 December to 5 January", "2025-12-20", "2026-01-06"),
        ("from 3 days ago to yesterday", "2026-03-12", "2026-03-15"),
        ("between 02:00 and 04:00 on 12 March", "2026-03-12 02:00", "2026-03-12 04:00"),
        ("on 12 March, for hosts that failed between 02:00 and 04:00", "2026-03-12 02:00", "2026-03-12 04:00"),
        ("between 3 and 4 in the morning of 5 March", "2026-03-05 03:00", "2026-03-05 04:00"),
        ("between 2 and 4 pm yesterday", "2026-03-14 14:00", "2026-03-14 16:00"),
        ("between 20:00 on 12 March and midnight", "2026-03-12 20:00", "2026-03-13"),
        ("between 22:00 and 02:00 on 12 March", "2026-03-11 22:00", "2026-03-12 02:00"),
        ("on the evening of 12 March after 20:00", "2026-03-12 20:00", "2026-03-13"),
        ("at 14:30", "2026-03-14 14:30", "2026-03-14 14:31"),
        ("around 14:30 on 3 March", "2026-03-03 14:15", "2026-03-03 14:45"),
        ("at 2022-10-05T18:42:38Z", "2022-10-05 18:42:38", "2022-10-05 18:42:39"),
        ("on 2026-03-09 at 14:30 CET", "2026-03-09 13:30", "2026-03-09 13:31"),
        ('between "2026-03-09T10:00:00+02:00" and "2026-03-09T12:00:00Z"', "2026-03-09 08:00", "2026-03-09 12:00"),
        ("between 20:54.33 and 21:05.12 on 2022-10-05", "2022-10-05 20:54:33", "2022-10-05 21:05:12"),
        ("at 14:00 UTC+2 on 3 March", "2026-03-03 12:00", "2026-03-03 12:01"),
        ("at 14:00 GMT -5 on 3 March", "2026-03-03 19:00", "2026-03-03 19:01"),
        ("on 3 March at 14:00 UTC+05:30", "2026-03-03 08:30", "2026-03-03 08:31"),
        ("at 14:00 Etc/GMT+2 on 3 March", "2026-03-03 16:00", "2026-03-03 16:01"),
        ("from 10:00 UTC-12:00 UTC on 3 March", "2026-03-03 10:00", "2026-03-03 12:00"),
        ("yesterday between 9am and 5pm New York time", "2026-03-14 13:00", "2026-03-14 21:00"),
        ("between 9am and 5pm yesterday, New York time", "2026-03-14 13:00", "2026-03-14 21:00"),
        ("yesterday New York time between 9 and 11 am", "2026-03-14 13:00", "2026-03-14 15:00"),
        ("at 14:00 in Lisbon time on 3 July 2025", "2025-07-03 13:00", "2025-07-03 13:01"),
        ("at 2pm Pacific time on 3 July 2025", "2025-07-03 21:00", "2025-07-03 22:00"),
        ("at 2pm Pacific Standard Time on 3 July 2025", "2025-07-03 22:00", "2025-07-03 23:00"),
        ("at 14:00 ET on 3 March", "2026-03-03 19:00", "2026-03-03 19:01"),
        ("yesterday in Tokyo time", "2026-03-13 15:00", "2026-03-14 15:00"),
        ("between 9 and 10 March Tokyo time", "2026-03-08 15:00", "2026-03-10 15:00"),
        ("yesterday in wake time", "2026-03-14", "2026-03-15"),
        ("since Monday", "2026-03-09", ""),
        ("since midnight", "2026-03-15", ""),
        ("since noon", "2026-03-14 12:00", ""),
        ("since 9am", "2026-03-15 09:00", ""),
        ("since 11am New York time", "2026-03-14 15:00", ""),
        ("errors at 2pm Eastern yesterday", "2026-03-14 18:00", "2026-03-14 19:00"),
        ("at 14:00 (UTC+2) on 3 March", "2026-03-03 12:00", "2026-03-03 12:01"),
        ("between 9am and 11am (New York time) yesterday", "2026-03-14 13:00", "2026-03-14 15:00"),
        ("at 14:00 (all hosts) on 3 March", "2026-03-03 14:00", "2026-03-03 14:01"),
        ("at 2pm Central servers failed yesterday", "2026-03-14 14:00", "2026-03-14 15:00"),
        ("since 9am on 12 March", "2026-03-12 09:00", ""),
        ("since the beginning of the month", "2026-03-01", ""),
        ("from 9 March on", "2026-03-09", ""),
        ("after 10 March", "2026-03-11", ""),
        ("after 2022-10-06 01:36", "2022-10-06 01:36", ""),
        ("before 10 March", "", "2026-03-10"),
        ("until Friday", "", "2026-03-14"),
        ("older than 30 days", "", "2026-02-13 10:30"),
        ("more than two hours ago", "", "2026-03-15 08:30"),
    ],
)  # fmt: skip
def test_a_phrase_is_a_range(text: str, start: str, end: str) -> None:
    found = one(text)
    assert (short(found.start), short(found.end)) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        "requests per day",
        "Which users may sign in?",
        "flights on Mondays and Wednesdays",
        "Windows Server 2019 on 10.0.0.4",
        "CVE-2020-0791 in steps of 30 minutes",
        'alerts named "last week"',
        "connections to https://example.com/2026-03-01/today",
        "response time of search before and since 12 March 2026 10:30",
        "sessions longer than 2 hours",
        "logons within 30 minutes of an email",
        "two months after March 2021",
        "the last sign-in of eve",
        "version 1.29.1 on port 8080",
        "since 0001-01-01",
        "on 31 February 2026",
        "on February 31, 2026",
        "since February 31",
        "on 29 February 2025",
    ],
)
def test_what_says_no_time_is_left_alone(text: str) -> None:
    assert read_times(text, NOW) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("last week", "2026-03-02 to 2026-03-08"),
        ("in the last week", "up to now"),
        ("on 06/01/2022", "the month first"),
        ("last Sunday", "2026-03-08"),
        ("two weeks ago", "not the whole week"),
        ("in December", "2025"),
        ("at 14:30", "2026-03-14"),
        ("this morning", "6:00 to 12:00"),
        ("at 14:30 EST on 3 March", "UTC-05:00"),
        ("at 14:30 ET on 3 March", "America/New_York"),
        ("at 14:30 IST on 3 March", "more than one place"),
        ("since noon", "2026-03-14, the latest"),
        ("until Friday", "includes"),
        ("between March 12 and March 10", "the year before"),
        ("at the end of last month", "2026-02-28"),
    ],
)
def test_a_phrase_with_two_readings_says_which_was_taken(text: str, says: str) -> None:
    assert says in one(text).reading


def test_a_phrase_with_one_reading_says_nothing() -> None:
    assert [one(text).reading for text in ("past 24h", "yesterday", "on 3 March", "between 9 and 10 March")] == [""] * 4


def test_a_window_of_hours_without_a_day_is_of_every_day() -> None:
    found = one("who used the VPN between 22:00 and 6:00?")
    assert (found.kind, found.start, found.end, found.daily) == ("daily", None, None, (time(22), time(6)))


def test_relative_and_absolute_ranges_are_told_apart() -> None:
    kinds = [one(text).kind for text in ("last 7 days", "yesterday", "since Monday", "on 3 March", "in 2025")]
    assert kinds == ["relative", "relative", "relative", "absolute", "absolute"]
    assert one("past 24h").trailing == Trailing(24, "hour")
    assert one("last 1.5 hours").trailing == Trailing(90, "minute")


def test_several_phrases_keep_their_order_and_places() -> None:
    text = "signed in during the last 30 days but not in the last 10 days"
    found = read_times(text, NOW)
    assert [one.words for one in found] == ["during the last 30 days", "in the last 10 days"]
    assert [text[slice(*one.places[0])] for one in found] == [one.words for one in found]


def test_days_begin_at_midnight_of_the_zone() -> None:
    found = one("yesterday", zone=OSLO)
    assert (short(found.start), short(found.end)) == ("2026-03-13 23:00", "2026-03-14 23:00")


def test_today_is_the_day_of_the_zone_that_is_said() -> None:
    late = datetime(2026, 3, 15, 16, tzinfo=UTC)  # 1:00 on Monday in Tokyo
    found = [one(text, late) for text in ("yesterday in Tokyo time", "since midnight Tokyo time")]
    assert [short(each.start) for each in found] == ["2026-03-14 15:00", "2026-03-15 15:00"]


def test_a_day_on_which_clocks_change_is_an_hour_shorter() -> None:
    found = one("on 29 March 2026", datetime(2026, 4, 1, tzinfo=UTC), OSLO)
    assert found.start
    assert found.end
    assert found.end - found.start == timedelta(hours=23)


def test_now_must_have_a_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        read_times("today", datetime(2026, 3, 15))


moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
phrases = st.sampled_from(
    """yesterday|last week|this month|in Q3|on Monday|last weekend|at 14:30|on 3 March|in February|two weeks ago
    |between 9 and 10 March|from 22:00 to 02:00 on 5 May|past 24h|29 February|last night|until Friday|since 7 January
    |the first week of June|last 3 calendar months|5 hours ago""".replace("\n", "").split("|")
).map(str.strip)


@quick
@given(moments, phrases)
def test_no_range_is_empty_and_all_are_utc(now: datetime, phrase: str) -> None:
    for found in read_times(phrase, now):
        assert not (found.start and found.end) or found.start < found.end
        assert {moment.tzinfo for moment in (found.start, found.end) if moment} <= {UTC}


@quick
@given(moments, phrases)
def test_what_names_no_year_has_begun(now: datetime, phrase: str) -> None:
    assert all(found.start is None or found.start <= now for found in read_times(phrase, now))


@quick
@given(moments, st.integers(1, 500), st.sampled_from(["minute", "hour", "day", "week"]))
def test_a_count_back_is_that_long(now: datetime, count: int, unit: str) -> None:
    found = one(f"in the last {count} {unit}s", now)
    assert (found.start, found.end) == (now - count * timedelta(**{f"{unit}s": 1}), now)


@quick
@given(st.dates(date(1971, 1, 1), date(2090, 1, 1)), st.sampled_from(["%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d.%m.%Y"]))
def test_every_date_is_read_in_every_form(day: date, form: str) -> None:
    found = one(f"on {day:{form}}")
    assert found.start
    assert (found.start.date(), found.end) == (day, found.start + timedelta(days=1))


@quick
@given(st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1)), st.integers(-12, 14))
def test_a_timestamp_is_its_instant(moment: datetime, offset: int) -> None:
    local = moment.replace(microsecond=0)
    found = one(f"at {local.isoformat()}{offset:+03d}:00")
    assert found.start == (local - timedelta(hours=offset)).replace(tzinfo=UTC)


@quick
@given(phrases, st.sampled_from(["", "Show sign-ins of ana@contoso.com ", "Which hosts, "]), st.sampled_from(["", "?"]))
def test_words_around_a_phrase_do_not_change_it(phrase: str, before: str, after: str) -> None:
    bounds = [(found.start, found.end, found.daily) for found in read_times(phrase, NOW)]
    assert [(found.start, found.end, found.daily) for found in read_times(before + phrase + after, NOW)] == bounds


@quick
@given(st.text(st.sampled_from("0123456789 :-/.TZadmprsyo'\"")) | st.text())
def test_any_text_can_be_read(text: str) -> None:
    ends = 0
    for found in read_times(text, NOW):
        for start, end in found.places:
            assert ends <= start < end <= len(text)
            ends = end
        assert re.sub(r"\s+", " ", found.words)


@pytest.mark.parametrize(
    "question",
    [
        "failed sign-ins in the last 7 days",
        "errors this week",
        "who signed in on 10 March 2026?",
        "orders since 2026-03-01",
        "deployments on Friday",
        "requests between 14:00 and 16:00",
        "logins in May",
        "the last three hours",
    ],
)
def test_a_time_is_heard(question: str) -> None:
    assert speaks_of_time(question)


@pytest.mark.parametrize(
    "question", ["requests per day", "Which users may sign in?", "sign-ins by hour", "last sign-in of eve"]
)
def test_a_question_without_one_is_not_given_one(question: str) -> None:
    assert not speaks_of_time(question)
