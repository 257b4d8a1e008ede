"""The form that a model fills in, and the SQL that it says."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from agents.data.outline import can_say, outline_schema, read_outline
from agents.data.sandbox import Sandbox
from shared.settings import Settings
from tests.agents.data.fitting.desk import SQL, Desk, desk, write_rows

TICKETS = desk().by_name["tickets"]
EMPTY = {"table": "tickets", "where": [], "compute": [], "by": [], "show": [], "order": "none", "limit": 0}


def where(column: str, operator: str, value: str) -> dict[str, Any]:
    return {"where": [{"column": column, "is_": operator, "value": value}]}


@pytest.mark.parametrize(
    ("filled", "rows"),
    [
        ({"show": ["ticket_id"], **where("status", "=", "open"), "order": "lowest first"}, [[100], [103]]),
        ({"show": ["ticket_id"], **where("ticket_id", ">", "102")}, [[103]]),
        ({"show": ["ticket_id"], **where("title", "starts with", "disk"), "order": "newest first"}, [[101], [102]]),
        ({"show": ["title"], **where("title", "contains", "SLOW")}, [["Disk slow"]]),
        ({"compute": [{"function": "count", "column": "*"}], **where("status", "<>", "open")}, [[2]]),
        ({"compute": [{"function": "count distinct", "column": "host"}]}, [[3]]),
        ({"by": ["region"], "compute": [{"function": "max", "column": "ticket_id"}], "order": "highest first"}, [["US East", 103], ["Europe West", 101]]),
        ({"show": ["title"], **where("ticket_id", "=", "the first"), "order": "none", "limit": 1}, [["VPN drops"]]),
        ({"by": ["host"], "order": "highest first", "limit": 1}, [["db-7", 2]]),
        ({"by": ["nothing"], "show": ["ticket_id", "team"], **where("team", "=", "x"), "order": "lowest first", "limit": 1}, [[100]]),
    ],
)  # fmt: skip
def test_a_form_says_a_query_that_runs(settings: Settings, filled: dict[str, Any], rows: list[list[object]]) -> None:
    query = read_outline(json.dumps(EMPTY | filled), [TICKETS], "duckdb")
    assert query
    sandbox = Sandbox(settings)
    write_rows(sandbox)
    assert Desk(sandbox).rows(query) == rows
    sandbox.close()


@pytest.mark.parametrize(
    ("question", "said"),
    [("Failed sign-ins by user", True), ("What share of tickets is open?", False), ("Median age of tickets", False)],
)
def test_what_the_form_has_no_place_for_is_known(question: str, said: bool) -> None:
    assert can_say(question) is said


def test_names_of_schemas_are_kept() -> None:
    query = read_outline(json.dumps(EMPTY | {"table": "ops.audits"}), [desk().by_name["ops.audits"]], "duckdb")
    assert query
    assert [table.name for table in SQL.tables_of(query, desk())] == ["ops.audits"]


@pytest.mark.parametrize("text", ["", "SELECT 1", "{}", json.dumps(EMPTY | {"table": "people"}), json.dumps([EMPTY])])
def test_what_is_no_form_is_no_query(text: str) -> None:
    assert read_outline(text, [TICKETS], "duckdb") is None


def test_the_schema_offers_real_names_only_and_no_times_as_conditions() -> None:
    schema = outline_schema([TICKETS])
    columns = schema["properties"]["where"]["items"]["properties"]["column"]["enum"]
    assert "status" in columns
    assert "opened_at" not in columns
    assert "opened_at" in schema["properties"]["by"]["items"]["enum"]
    TypeAdapter(dict[str, Any]).validate_json(json.dumps(schema))
