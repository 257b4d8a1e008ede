"""Values that occur in the rows, found by the words of a question."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from agents.data.columns import ColumnNames
from agents.data.documented import documented_terms
from agents.data.phrases import Phrases
from agents.data.samples import sample_values
from agents.data.sandbox import Sandbox
from agents.data.words import content_words
from shared.catalog import Catalog, Column, Table
from shared.settings import Settings
from tests.agents.data.deriving import small_catalog


def test_text_columns_with_few_values_are_sampled(sandbox: Sandbox, kql_group: Catalog) -> None:
    samples = sample_values(kql_group, sandbox)
    assert set(samples["Hosts", "HostName"]) == {"web-1", "web-2"}
    assert samples["SigninLogs", "UserPrincipalName"][0] == "bo@contoso.com"  # the most frequent first
    assert ("SigninLogs", "Details") not in samples  # JSON


def test_a_group_without_rows_has_no_samples(sandbox: Sandbox) -> None:
    assert sample_values(small_catalog(), sandbox) == {}


def test_what_the_catalog_lists_is_not_sampled(sandbox: Sandbox, kql_group: Catalog) -> None:
    hosts = kql_group.tables[1].columns[1].model_copy(update={"values": ["web-9"]})
    listed = kql_group.tables[1].model_copy(update={"columns": [hosts]})
    catalog = kql_group.model_copy(update={"tables": [listed]})
    assert ("Hosts", "HostName") not in sample_values(catalog, sandbox)


SAMPLES = {
    ("Heartbeat", "Computer"): ["web-3.corp.example", "db-orders-1"],
    ("SigninLogs", "UserPrincipalName"): ["ines.duarte@contoso.com"],
    ("SigninLogs", "Country"): ["504", "10", "the"],
    ("SigninLogs", "Location"): ["NL", "RO"],
}


@pytest.mark.parametrize(
    ("question", "kind", "value"),
    [
        ("Is db-orders-1 alive?", "value", "db-orders-1"),
        ("Is DB Orders 1 alive?", "value", "db-orders-1"),
        ("Is web-3 alive?", "like", "web-3.corp.example"),
        ("What did ines.duarte do?", "like", "ines.duarte@contoso.com"),
        ("Sign-ins with 504", "value", "504"),
        ("Sign-ins from Romania", "like", "RO"),
    ],
)
def test_a_value_is_found_with_its_exact_spelling(question: str, kind: str, value: str) -> None:
    assert [(one.kind, one.text) for one in Phrases(small_catalog(), SAMPLES).mentions(question)] == [(kind, value)]


@pytest.mark.parametrize("question", ["the top 504 users", "more than 504 of them", "the 10 users", "in the year 504"])
def test_numbers_that_only_count_are_no_values(question: str) -> None:
    found = Phrases(small_catalog(), SAMPLES).mentions(question)
    assert [one.text for one in found] == (["504"] if "year" in question else [])


@pytest.mark.parametrize(
    ("question", "columns"),
    [
        ("by user principal name", ["UserPrincipalName"]),
        ("group by ResultType and os type", ["ResultType", "OSType"]),
        ("userprincipalnames", ["UserPrincipalName"]),
        ("Which users are there?", []),
    ],
)
def test_a_question_names_columns_in_any_writing(question: str, columns: list[str]) -> None:
    mentions = ColumnNames(small_catalog()).mentions(question)
    assert [column for one in mentions for _, column in one.columns] == columns


def test_codes_are_sampled_and_amounts_are_not(tmp_path: Path) -> None:
    columns = [{"name": "status", "type": "INTEGER"}, {"name": "bytes", "type": "BIGINT"}]
    catalog = Catalog.model_validate(
        {"schema_group": "web", "platform": "sql", "tables": [{"name": "requests", "columns": columns}]}
    )
    sandbox = Sandbox(Settings(data_dir=tmp_path))
    sandbox.path("web").parent.mkdir()
    with duckdb.connect(str(sandbox.path("web"))) as connection:
        connection.execute(
            "CREATE TABLE requests AS SELECT 200 + 204 * (i % 2) AS status, i AS bytes FROM range(900) t(i)"
        )
    assert dict(sample_values(catalog, sandbox)) == {("requests", "status"): ["200", "404"]}
    sandbox.close()


def test_a_word_of_names_speaks_less_for_a_table_than_a_telling_value() -> None:
    samples = {("Heartbeat", "Computer"): ["user", "web-3"]}
    weights = {one.text: one.weight for one in Phrases(small_catalog(), samples).mentions("the user of web-3")}
    assert weights["user"] < weights["web-3"]


@pytest.mark.parametrize(
    ("question", "found"), [("Servers in data centre krk1", []), ("Hosts of the Data team", ["Data"])]
)
def test_a_value_that_every_question_may_say_is_meant_where_it_is_written_so(question: str, found: list[str]) -> None:
    phrases = Phrases(small_catalog(), {("Heartbeat", "Computer"): ["Data"]})
    assert [one.text for one in phrases.mentions(question)] == found


def _connections() -> Catalog:
    kinds = ["LogonFailed", "Failed", "ConnectionFailed", "NoLogonServers", "NetworkDevice", "Scan of port 22"]
    columns = [
        {"name": "Kind", "type": "string", "values": kinds},
        {"name": "DeviceName", "type": "string"},
        {"name": "Zone", "type": "string", "values": ["Failed"]},
    ]
    return Catalog.model_validate(
        {"schema_group": "net", "platform": "kql", "tables": [{"name": "NetworkEvents", "columns": columns}]}
    )


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("failed logins of today", ["Failed", "LogonFailed"]),
        ("users who failed to log on", ["Failed", "LogonFailed"]),
        ("connections that failed", ["Failed", "ConnectionFailed"]),
        ("failed network connections", ["Failed", "ConnectionFailed"]),
        ("connections of devices that were seen when scans failed", ["Failed"]),  # too far apart
        ("servers that log in", []),  # the value denies it
        ("devices of the network", []),  # words of the table and its columns
        ("scans of a port", []),
        ("traffic that failed", ["Failed"]),  # no connection is said
    ],
)
def test_a_value_is_found_though_its_words_stand_apart(question: str, values: list[str]) -> None:
    found = Phrases(_connections()).mentions(question)
    assert [one.text for one in found] == values
    places = {place for one in found if one.text == "Failed" for place in one.places}
    assert ("NetworkEvents", "Kind") in places or "Failed" not in values


def test_of_several_values_of_the_same_words_in_a_table_none_is_meant() -> None:
    catalog = _connections()
    catalog.tables[0].columns[2].values.append("Connection failed.")
    found = Phrases(catalog).mentions("failed network connections")
    assert [one.text for one in found] == ["Failed"]


def test_a_value_whose_words_stand_apart_hides_the_shorter_one_of_its_column() -> None:
    catalog = _connections()
    catalog.tables[0].columns.pop()
    found = Phrases(catalog).mentions("failed network connections")
    assert [one.text for one in found] == ["ConnectionFailed"]


def _sign_ins(**more: object) -> Catalog:
    tables = [
        {"name": name, "columns": [{"name": "ResultType", "type": "string"}, {"name": "User", "type": "string"}]}
        for name in ("SigninLogs", "AADServicePrincipalSignInLogs", "AuditLogs")
    ]
    return Catalog.model_validate({"schema_group": "entra", "platform": "kql", "tables": tables, **more})


@pytest.mark.parametrize(
    ("question", "meanings"),
    [
        ("successful sign-ins of today", ["ResultType = '0'"]),
        ("sign-ins that failed", ["ResultType <> '0'"]),
        ("apps with an invalid client secret", ["ResultType = '7000215'"]),
        ("apps whose client secret has expired", ["ResultType = '7000222'"]),
        ("apps with an invalid or expired client secret", ["ResultType IN ('7000215', '7000222')"]),
        ("sign-ins of users", []),
    ],
)
def test_documented_codes_are_known_by_their_words(question: str, meanings: list[str]) -> None:
    terms = [one for one in Phrases(_sign_ins()).mentions(question) if one.kind == "term"]
    assert [one.text for one in terms] == meanings
    assert all(one.tables == {"SigninLogs", "AADServicePrincipalSignInLogs"} for one in terms)
    assert not any(one.condition for one in terms)  # told, and not held by code


@pytest.mark.parametrize(
    ("question", "meanings"),
    [
        ("users who have logged in this week", ["ActionType = 'LogonSuccess'"]),
        ("accounts that failed to log on", ["ActionType = 'LogonFailed'"]),
        ("failed logins of web-1", ["ActionType = 'LogonFailed'"]),
        ("errors that were logged in the last hour", []),
        ("sign-in events of a user", []),
    ],
)
def test_logons_of_defender_have_their_documented_actions(question: str, meanings: list[str]) -> None:
    columns = [Column(name=name, type="string") for name in ("ActionType", "AccountName")]
    tables = [Table(name=name, columns=columns) for name in ("IdentityLogonEvents", "EmailEvents")]
    catalog = Catalog(schema_group="defender", platform="kql", tables=tables)
    terms = [one for one in Phrases(catalog).mentions(question) if one.kind == "term"]
    assert [one.text for one in terms] == meanings
    assert all(one.tables == {"IdentityLogonEvents"} for one in terms)


def test_a_group_that_says_what_a_code_means_is_asked_alone() -> None:
    own = {"term": "successful sign-in", "meaning": "ResultType in ('0', '50140')"}
    found = Phrases(_sign_ins(glossary=[own])).mentions("successful sign-ins, and those of a disabled account")
    assert [one.text for one in found] == [own["meaning"]]


def test_codes_of_other_tables_and_platforms_are_not_documented() -> None:
    assert all(
        len(set(content_words(term.term))) > 1 and not {"not", "no", "off"} & set(term.term.split())
        for term, _ in documented_terms(_sign_ins())
    )
    audits = _sign_ins()
    audits.tables[:] = audits.tables[2:]
    assert Phrases(audits).mentions("successful sign-ins") == []
    assert Phrases(_sign_ins(platform="sql")).mentions("successful sign-ins") == []
