"""Words of a question that tell an event, `opened`, and say no value or term of another form, `open`."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.data.accounting import account
from agents.data.linking import Linked
from agents.data.phrases import Phrases
from shared.catalog import Catalog, Column, Example, GlossaryTerm, Table, read_catalog
from tests.agents.data.fitting.desk import Desk

SEED = Path(__file__).parents[4] / "data" / "seed" / "ops_warehouse" / "catalog.yaml"


def _tickets(**more: object) -> Catalog:
    tables = {
        "tickets": [
            {"name": "status", "type": "VARCHAR", "values": ["open", "closed", "block", "ManualReview"]},
            {"name": "opened_at", "type": "TIMESTAMP"},
            {"name": "ClosedOn", "type": "DATE"},
            {"name": "blocked_by", "type": "INTEGER"},
            {"name": "reviewed_at", "type": "TIMESTAMP"},
        ],
        "doors": [{"name": "state", "type": "VARCHAR", "values": ["Open"]}, {"name": "door", "type": "VARCHAR"}],
    }
    known = [{"name": name, "columns": columns} for name, columns in tables.items()]
    return Catalog.model_validate({"schema_group": "desk", "platform": "sql", "tables": known, **more})


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("How many tickets were opened on 10 March 2026?", [("doors", "Open")]),
        ("Who opened the most tickets?", [("doors", "Open")]),
        ("tickets by opened_at", [("doors", "Open")]),
        ("What is open?", [("tickets", "open"), ("doors", "Open")]),
        ("tickets opened in March that are still open", [("tickets", "open"), ("doors", "Open")]),
        ("closed tickets", [("tickets", "closed")]),
        ("tickets that were closed on 10 March", [("tickets", "closed")]),
        ("blocked tickets", [("tickets", "block")]),  # by whom, and not when
        ("reviews of manual tickets", [("tickets", "ManualReview")]),
        ("reviewed manual tickets", []),
    ],
)
def test_a_word_for_an_event_of_a_table_is_no_value_of_another_form(
    question: str, texts: list[tuple[str, str]]
) -> None:
    found = Phrases(_tickets()).mentions(question)
    assert {(table, one.text) for one in found for table in one.tables} == set(texts)


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("How many tickets were opened on 10 March 2026?", []),
        ("opened tickets per day", []),
        ("Tickets by the hour in which they were opened", []),
        ("tickets that are still open", ["open ticket"]),
        ("Which of the tickets opened in March are open?", ["open ticket"]),
        ("open tickets opened yesterday", ["open ticket"]),
        ("closed tickets", ["closed ticket"]),
        ("tickets that were closed yesterday", ["closed ticket"]),
        ("tickets that Ines opened and Bo closed", ["closed ticket"]),
        ("doors opened yesterday", ["open door"]),  # no column tells when
    ],
)
def test_a_word_for_an_event_of_a_table_is_no_term_of_another_form(question: str, terms: list[str]) -> None:
    conditions = {"open ticket": "status = 'open'", "closed ticket": "status = 'closed'", "open door": "state = 'Open'"}
    glossary = [{"term": term, "meaning": meaning} for term, meaning in conditions.items()]
    found = Phrases(_tickets(glossary=glossary)).mentions(question)
    assert [one.phrase for one in found if one.kind == "term"] == terms


@pytest.mark.parametrize("question", ["failed sign-ins of today", "sign-ins that failed"])
def test_a_term_is_said_by_its_own_participle_though_its_table_tells_when(question: str) -> None:
    columns = [Column(name="Result", type="string"), Column(name="FailedAt", type="datetime")]
    catalog = Catalog(
        schema_group="entra",
        platform="kql",
        tables=[Table(name="SigninLogs", columns=columns)],
        glossary=[GlossaryTerm(term="failed sign-in", meaning="Result != 0")],
    )
    assert [one.phrase for one in Phrases(catalog).mentions(question)] == ["failed sign-in"]


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("How many tickets were opened on 10 March 2026?", []),
        ("How many open tickets are there?", ["status IN ('open', 'in_progress')"]),
        ("open tickets opened yesterday", ["status IN ('open', 'in_progress')"]),
        ("tickets resolved yesterday", ["resolved"]),
    ],
)
def test_tickets_of_the_seed_that_were_opened_need_not_be_open(question: str, texts: list[str]) -> None:
    assert [one.text for one in Phrases(read_catalog(SEED)).mentions(question)] == texts


@pytest.mark.parametrize(
    ("question", "condition", "origin"),
    [
        ("Tickets opened in March", "status = 'open'", "catalog"),
        ("Tickets opened in March that are open", "status = 'open'", "question"),
        ("Tickets closed in March", "status = 'closed'", "question"),
        ("Tickets opened by 0.5", "blocked_by > 0.5", "question"),
    ],
)
def test_an_event_is_no_origin_of_a_value(question: str, condition: str, origin: str) -> None:
    catalog = _tickets().model_copy(update={"tables": _tickets().tables[:1]})
    linked = Linked(catalog, [], Phrases(catalog).mentions(question))
    told = account(question, f"SELECT * FROM tickets WHERE {condition}", catalog.tables, linked)
    assert [one.origin for one in told.literals] == [origin]


def test_a_value_of_an_example_is_left_out_where_only_its_event_is_said(desk: Desk) -> None:
    kept = [table for table in desk.catalog.tables if table.name != "devices"]
    desk.catalog = desk.catalog.model_copy(update={"tables": kept})
    query = "SELECT ticket_id FROM tickets WHERE status = 'open' AND host LIKE 'db%'"
    example = Example(question="Which tickets are open?", query="SELECT ticket_id FROM tickets WHERE status = 'open'")
    note = "left out `status = 'open'`, which nothing in the question says"
    assert desk.fit("Tickets of db hosts that Ana opened", query, [example]).notes == [note]
    assert desk.fit("Open tickets of db hosts that Ana opened", query, [example]).notes == []
