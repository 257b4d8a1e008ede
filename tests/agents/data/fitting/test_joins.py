"""Joins mended by relationships, and the joins that nothing is known against."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.data.fitting.joins import Joins
from agents.data.sandbox import Sandbox
from tests.agents.data.fitting.desk import SQL, Desk, linked

WHO = "Who is in which team?"


def test_a_join_of_different_keys_becomes_that_of_the_relationship(desk: Desk) -> None:
    query = "SELECT p.full_name, t.team FROM people p JOIN teams t ON p.person_id = t.team_id ORDER BY 1 LIMIT 1"
    note = "joined by `p.team_id = t.team_id`, not by `p.person_id = t.team_id`, which are different keys"
    assert desk.fitted_rows(WHO, query, note) == [["Ana Silva", "Network"]]


@pytest.mark.parametrize("side", ["", "LEFT"])
def test_tables_without_a_common_key_are_joined_by_way_of_the_one_between(desk: Desk, side: str) -> None:
    query = f"SELECT b.badge_id, t.team FROM badges b {side} JOIN teams t ON b.badge_id = t.team_id ORDER BY 1"
    note = "joined 'badges' and 'teams' by way of 'people', not by `b.badge_id = t.team_id`"
    assert desk.fitted_rows("Which badge is of which team?", query, note) == [[1, "Network"], [2, "Storage"]]
    assert desk.fit("Which badge is of which team?", query).query.count("LEFT") == 2 * bool(side)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM people p JOIN teams t ON p.team_id = t.team_id",
        "SELECT * FROM people P JOIN teams T ON P.TEAM_ID = T.Team_Id",
        # two ways to join them
        "SELECT * FROM tickets k JOIN people p ON k.ticket_id = p.person_id",
        # not keys that are known, or not keys alone
        "SELECT * FROM tickets k JOIN teams t ON k.region = t.team",
        "SELECT * FROM people p JOIN teams t ON p.full_name = t.team",
        "SELECT * FROM people p JOIN teams t ON p.person_id = t.team_id AND t.team = p.full_name",
        "SELECT * FROM people p JOIN people q ON p.person_id = q.team_id",
        # of other rows than the table's
        "WITH teams AS (SELECT person_id AS team_id FROM badges) SELECT * FROM people p JOIN teams t ON p.person_id = t.team_id",
        "SELECT * FROM people p JOIN (SELECT person_id AS team_id FROM badges) AS t ON p.person_id = t.team_id",
    ],
)
def test_a_join_that_may_be_meant_stays(desk: Desk, query: str) -> None:
    assert desk.leaves(WHO, query)


def complete(desk: Desk, question: str, query: str) -> tuple[str, list[str]]:
    mended = Joins(linked(question, desk.catalog), question).complete(query)
    return mended.query, mended.notes


@pytest.mark.parametrize(
    ("query", "note", "rows"),
    [
        (
            "SELECT full_name, team FROM people ORDER BY 1 LIMIT 1",
            "read 'team' from 'teams'",
            [["Ana Silva", "Network"]],
        ),
        (
            "SELECT b.badge_id, b.team FROM badges AS b ORDER BY 1 LIMIT 1",
            "read 'team' from 'teams'",
            [[1, "Network"]],
        ),
        (
            "SELECT p.full_name, t.team FROM people p JOIN squads t ON p.team_id = t.squad_id ORDER BY 1 LIMIT 1",
            "used table 'teams', which has 'team', for 'squads'",
            [["Ana Silva", "Network"]],
        ),
        (
            "SELECT t.full_name, t.team FROM people t JOIN teams t ON t.team_id = t.team_id ORDER BY 1 LIMIT 1",
            "called 'teams' 'teams': 't' is 'people'",
            [["Ana Silva", "Network"]],
        ),
    ],
)
def test_a_query_that_does_not_bind_gets_the_table_it_lacks(
    desk: Desk, query: str, note: str, rows: list[list[object]]
) -> None:
    assert SQL.bind(query, desk.catalog).status == "failed"
    mended, notes = complete(desk, WHO, query)
    assert note in notes
    assert desk.rows(mended) == rows


@pytest.mark.parametrize(
    "query",
    [
        "SELECT full_name, price FROM people",  # nobody has it
        "SELECT ticket_id, full_name FROM tickets",  # of the owner, or of the reporter?
        "WITH x AS (SELECT region AS host FROM tickets) SELECT host, price FROM x",
        "SELECT d.verdict, price FROM (SELECT region AS verdict FROM tickets) AS d",
        "SELECT full_name FROM people p WHERE EXISTS (SELECT 1 FROM badges WHERE full_name = 'x' AND price = 1)",
    ],
)
def test_a_column_that_may_be_of_several_or_of_none_stays(desk: Desk, query: str) -> None:
    assert complete(desk, WHO, query) == (query, [])


def test_a_join_is_said_as_postgresql_says_it(desk_rows: Sandbox) -> None:
    desk = Desk(desk_rows, "postgres")
    query, notes = complete(desk, WHO, "SELECT full_name, team FROM people")
    assert notes == ["read 'team' from 'teams'"]
    assert "JOIN teams AS teams\n  ON people.team_id = teams.team_id" in query
    assert SQL.bind(query, desk.catalog).status == "passed"


def test_keys_of_one_name_join_tables_of_which_no_relationship_tells(desk: Desk) -> None:
    heard = replace(linked(WHO, desk.catalog), relationships=[])
    mended = Joins(heard, WHO).complete("SELECT full_name, team FROM people")
    assert "ON people.team_id = teams.team_id" in mended.query.replace('"', "").replace("\n ", "").replace("  ", " ")
    assert desk.rows(mended.query)[0] == ["Ana Silva", "Network"]


def test_a_table_of_which_nothing_is_wanted_any_more_is_not_joined(desk: Desk) -> None:
    query = "SELECT b.full_name FROM badges b JOIN people p ON b.person_id = p.person_id"
    mended = Joins(linked(WHO, desk.catalog), WHO).complete(query)
    assert mended.notes == ["read 'full_name' from 'people'", "did not join 'badges', of which nothing is wanted"]
    assert sorted(desk.rows(mended.query)) == [["Ana Silva"], ["Bo Berg"], ["Cy Cole"]]
    question = "Who has badges?"
    kept = Joins(linked(question, desk.catalog), question).complete(query)
    assert sorted(desk.rows(kept.query)) == [["Ana Silva"], ["Bo Berg"]]


def test_a_key_is_read_by_the_column_that_refers_to_it(desk: Desk) -> None:
    question = "Tickets of each person"
    mended = Joins(linked(question, desk.catalog), question)
    tickets = [one for one in desk.catalog.tables if one.name == "badges"]
    assert not mended.refer("SELECT person_id FROM badges", tickets).notes
    catalog = desk.catalog.model_copy(
        update={"relationships": [one for one in desk.catalog.relationships if one.from_ != "tickets.reporter_id"]}
    )
    tickets = [one for one in catalog.tables if one.name == "tickets"]
    referred = Joins(linked(question, catalog), question).refer(
        "SELECT person_id, count(*) FROM tickets GROUP BY person_id", tickets
    )
    assert referred.notes == ["used column 'owner_id' for 'person_id', to which it refers"]
    assert "owner_id" in referred.query
    two = Joins(linked(question, desk.catalog), question).refer("SELECT person_id FROM tickets", tickets)
    assert not two.notes  # its owner, or who reported it


def test_a_join_that_only_repeats_rows_goes(desk: Desk) -> None:
    query = """SELECT t.team, p.full_name FROM people p JOIN tickets k ON k.reporter_id = p.person_id
        JOIN teams t ON t.team_id = p.team_id WHERE t.team = '{}'"""
    note = "did not join 'tickets', of which nothing is wanted"
    assert desk.fitted_rows("Names in the Network team", query.format("Network"), note) == [["Network", "Ana Silva"]]
    assert desk.leaves("Names in the Network team who reported tickets", query.format("Network"))


def test_a_column_that_a_join_holds_equal_is_of_either(desk: Desk) -> None:
    query = "SELECT person_id FROM people JOIN badges ON people.person_id = badges.person_id"
    mended = Joins(linked(WHO, desk.catalog), WHO).complete(query)
    assert mended.notes == ["read 'person_id' from 'people', which is joined by it"]
    assert sorted(desk.rows(mended.query)) == [[10], [11]]


def test_a_table_joined_with_itself_for_nothing_is_read_once(desk: Desk) -> None:
    query = "SELECT a.title, b.host FROM tickets a JOIN tickets b ON a.ticket_id = b.ticket_id ORDER BY 1"
    note = "did not join 'tickets' with itself, which brings nothing"
    found = desk.fitted_rows("Tickets and their hosts", query, note)
    assert found[0] == ["Disk full", "lt-103"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a.title, b.title FROM tickets a JOIN tickets b ON a.host = b.host",
        "SELECT a.title FROM tickets a JOIN tickets b ON a.host = b.host AND a.ticket_id < b.ticket_id",
        "SELECT a.title FROM tickets a JOIN tickets b ON a.host = b.host WHERE b.title = 'Disk slow'",
        "SELECT a.ticket_id, count(*) AS n FROM tickets a JOIN tickets b ON a.ticket_id = b.ticket_id GROUP BY 1",
        "SELECT a.title, b.region FROM tickets a JOIN tickets b ON a.host = b.host",
        "SELECT a.title FROM tickets a ANTI JOIN tickets b ON a.ticket_id = b.ticket_id",
        "SELECT a.title FROM tickets a LEFT JOIN tickets b ON a.host = b.host",
        "SELECT a.title, b.host FROM tickets a JOIN tickets b ON a.ticket_id = b.owner_id",
        "SELECT b.title FROM tickets a JOIN people p ON p.person_id = a.owner_id JOIN tickets b ON b.owner_id = p.person_id",
    ],
)
def test_a_table_compared_with_itself_stays(desk: Desk, query: str) -> None:
    assert desk.leaves("Tickets on the host of Disk slow, and their titles", query)
