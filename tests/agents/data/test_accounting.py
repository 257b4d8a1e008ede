"""Where the literals of a query come from, and what of the question it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.data.accounting import Account, account
from agents.data.entities import read_entities
from agents.data.linking import Linked
from agents.data.phrases import Phrases
from agents.data.time_bounds import time_bounds
from agents.data.times import read_times
from shared.catalog import Catalog
from shared.models import KnowledgeHit
from tests.agents.data.deriving import CLOCK, small_catalog

KQL = small_catalog()
SPL = KQL.model_copy(update={"platform": "spl"})
SAMPLES = {("Heartbeat", "Computer"): ["web-03", "web-04"]}
HIT = KnowledgeHit(agent="sop", title="Lockouts", source="a.md", excerpt="Look for NO first.", score=0.9)


def told(question: str, query: str, catalog: Catalog = KQL, hits: list[KnowledgeHit] | None = None) -> Account:
    times = read_times(question, catalog.clock or CLOCK)
    mentions = Phrases(catalog, SAMPLES).mentions(question)
    linked = Linked(catalog, [], mentions, times=times, entities=read_entities(question))
    return account(question, query, catalog.tables, linked, hits or [])


def codes(account: Account) -> list[str]:
    return [problem.code for problem in account.problems]


@pytest.mark.parametrize(
    ("question", "query", "origin"),
    [
        ("Sign-ins of eve", "SigninLogs | where UserPrincipalName == 'eve'", "question"),
        ("Sign-ins that failed", "SigninLogs | where ResultType == 'Failure'", "value"),
        ("Any break-in?", "SigninLogs | where ResultType == 'Failure'", "glossary"),
        ("Any lockouts?", "SigninLogs | where Country == 'NO'", "runbook"),
        ("Sign-ins of eve yesterday", "SigninLogs | where TimeGenerated > '2026-03-13'", "time"),
        ("Which sign-ins?", "SigninLogs | where ResultType == 'Success'", "catalog"),
        ("Which sign-ins?", "SigninLogs | where Country == ''", "constant"),
        ("Which sign-ins?", "SigninLogs | where Country == 'DE'", None),
        ("Sign-ins outside of Germany", "SigninLogs | where Country != 'DE'", "question"),
        ("Users with more than ten sign-ins", "SigninLogs | summarize n=count() by Country | where n > 10", "question"),
        ("Users with many sign-ins", "SigninLogs | summarize n=count() by Country | where n > 10", None),
        ("Sessions over 15 minutes", "SigninLogs | where Seconds > 900", "question"),
        ("Who had the most sign-ins?", "SigninLogs | summarize n=count() by Country | top 7 by n", "question"),
    ],
)  # fmt: skip
def test_each_literal_has_an_origin(question: str, query: str, origin: str | None) -> None:
    (literal,) = told(question, query, hits=[HIT]).literals
    assert literal.origin == origin
    assert query[slice(*literal.place)] == literal.literal


@pytest.mark.parametrize(
    "query",
    [
        "let Busy = Heartbeat | distinct Computer; SigninLogs | where Computer in (Busy)",
        "Heartbeat | extend Computer = 'x'",
        "SigninLogs | where UserPrincipalName == Country",
    ],
)
def test_names_are_no_literals(query: str) -> None:
    assert told("What is there?", query).literals == []


def test_a_literal_that_nothing_says_is_a_problem_in_words() -> None:
    (problem,) = told("Which users signed in?", "SigninLogs | where UserPrincipalName has 'contoso.com'").problems
    assert problem.code == "unsaid_literal"
    assert problem.message == "UserPrincipalName is compared with 'contoso.com', which nothing in the question says"


@pytest.mark.parametrize(
    ("question", "query", "found"),
    [
        ("Is web-03 alive?", "Heartbeat | where Computer == 'web-03' | count", []),
        ("Is web-03 alive?", "Heartbeat | count", ["unused_entity"]),
        ("Sign-ins from 10.0.0.1", "SigninLogs | where IPAddress == '10.0.0.1'", []),
        ("Sign-ins from 10.0.0.1", "SigninLogs", ["unused_entity"]),
        ("The 5 newest", "SigninLogs | top 5 by TimeGenerated", []),
        ("The 5 newest", "SigninLogs | top 10 by TimeGenerated", ["unused_number"]),
        ("More than 90 percent", "T | where share > 0.9", []),
    ],
)
def test_what_the_question_names_must_be_used(question: str, query: str, found: list[str]) -> None:
    assert codes(told(question, query)) == found


def test_a_known_value_left_out_is_evidence_and_no_problem() -> None:
    one = told("How many success stories are there?", "Heartbeat | count")
    assert (codes(one), one.evidence["unused_values"] > 0) == ([], True)


@pytest.mark.parametrize(
    ("question", "query", "time"),
    [
        ("in the last 7 days", "SigninLogs | where TimeGenerated > ago(7d)", "fits"),
        ("in the last 7 days", "SELECT 1 FROM s WHERE t >= CURRENT_DATE - INTERVAL '7 days'", "fits"),
        ("in the last 7 days", "search index=a earliest=-7d@d", "fits"),
        ("in the last 7 days", "SigninLogs | where TimeGenerated > ago(30d)", "differs"),
        ("in the last 7 days", "SigninLogs | count", "missing"),
        ("on 10 March", "SigninLogs | where TimeGenerated >= datetime(2026-03-10)", "fits"),
        ("on 10 March", "SELECT 1 FROM s WHERE t >= '2026-03-10' AND t < '2026-03-11'", "fits"),
        ("on 10 March", 'search index=a earliest="03/10/2026:00:00:00"', "fits"),
        ("on 10 March", "SigninLogs | where TimeGenerated >= datetime(2026-03-01)", "differs"),
        ("in 2025", "SELECT 1 FROM s WHERE year = 2025", "fits"),
        ("this week", "SigninLogs | where TimeGenerated > startofweek(now())", "fits"),
        ("per user", "SigninLogs | where TimeGenerated > ago(7d)", "unasked"),
        ("silent for an hour", "Heartbeat | where TimeGenerated < ago(1h)", "fits"),
        ("per day", "SigninLogs | summarize count() by bin(TimeGenerated, 1d)", "fits"),
        ("between 22:00 and 6:00", "SigninLogs | where hourofday(TimeGenerated) >= 22", "fits"),
    ],
)
def test_the_time_of_the_query_is_held_against_the_questions(question: str, query: str, time: str) -> None:
    assert told(question, query).time == time


def test_a_wrong_time_is_told_with_the_right_one() -> None:
    (problem,) = told("sign-ins on 10 March", "SigninLogs | where TimeGenerated > datetime(2026-01-01)").problems[-1:]
    assert (problem.code, problem.suggestion) == (
        "other_time",
        "2026-03-10T00:00:00+00:00 to 2026-03-11T00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("question", "query", "form"),
    [
        ("How many sign-ins?", "SigninLogs", "count"),
        ("Average duration", "SELECT x FROM t", "average"),
        ("What percentage failed?", "SigninLogs | count", "share"),
        ("Sign-ins per hour", "SigninLogs | summarize count() by Country", "course"),
        ("The top 5 countries", "SigninLogs | summarize count() by Country", "order"),
        ("The distinct countries", "SigninLogs | project Country", "distinct"),
        ("The median duration", "SELECT x FROM t", "percentile"),
    ],
)
def test_a_form_that_the_query_lacks_is_told(question: str, query: str, form: str) -> None:
    assert form in [one.form for one in told(question, query).unmet]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("How many sign-ins per hour?", "index=auth | timechart span=1h count"),
        ("Average duration of the top 5", "SELECT avg(x) FROM t ORDER BY 1 LIMIT 5"),
        ("What percentage failed?", "T | summarize 100.0 * countif(x) / count()"),
        ("How many minutes passed?", "SELECT date_diff('minute', a, b) FROM t"),
        ("How many different users?", "SELECT count(DISTINCT u) FROM t"),
    ],
)
def test_a_form_that_the_query_has_is_not(question: str, query: str) -> None:
    assert told(question, query).unmet == []


def test_splunk_fields_without_quotes_are_literals_and_indexes_are_not() -> None:
    literals = told("Failures of eve", "index=SigninLogs user=eve Country=NL", SPL).literals
    assert [(one.literal, one.origin) for one in literals] == [("eve", "question"), ("NL", None)]


def test_evidence_is_small_for_a_query_that_fits_and_large_for_another() -> None:
    question = "How many failures did eve have in the last 7 days?"
    fits = (
        "SigninLogs | where UserPrincipalName == 'eve' and ResultType == 'Failure' and TimeGenerated > ago(7d) | count"
    )
    other = "SigninLogs | where UserPrincipalName == 'bob' and Country == 'DE' | project Country"
    assert set(told(question, fits).evidence.values()) == {0.0}
    assert sum(told(question, other).evidence.values()) > 1.5


def test_counts_back_are_instants() -> None:
    now = datetime(2026, 3, 15, tzinfo=UTC)
    queries = [
        "ago(2d)",
        "now() - interval '2 days'",
        "now() - interval '2.0' day",
        "now() - interval 48.0 hours",
        "earliest=-2d",
        "DATEADD(day, -2, GETDATE())",
        "date('now', '-2 days')",
    ]
    assert {time_bounds(f"WHERE t > {query}", now).instants for query in queries} == {
        (datetime(2026, 3, 13, tzinfo=UTC),)
    }
