"""Things of a question by their form, and the columns that hold such things."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.data.entities import column_kinds, read_entities
from shared.catalog import Column

quick = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("connections to 198.51.100.77?", [("ip", "198.51.100.77")]),
        ("from 10.0.0.0/8, not 2001:db8::1", [("ip", "10.0.0.0/8"), ("ip", "2001:db8::1")]),
        ("version 1.29.1 or 999.1.1.1", [("version", "1.29.1")]),
        ("mail of ana@contoso.com.", [("mail", "ana@contoso.com")]),
        ("hash a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6", [("hash", "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6")]),
        ("S-1-5-21-13412342-1293, CVE-2020-0791", [("sid", "S-1-5-21-13412342-1293"), ("cve", "CVE-2020-0791")]),
        ("email 099f9519-9804-4f1f-3f23-08db30e7c190", [("guid", "099f9519-9804-4f1f-3f23-08db30e7c190")]),
        ("who opened https://example.com/a?b=1", [("url", "https://example.com/a?b=1")]),
        ("machines that went to bbc.com", [("domain", "bbc.com")]),
        ("started by cmd.exe or C:\\Windows\\run.exe", [("file", "cmd.exe"), ("path", "C:\\Windows\\run.exe")]),
        ("disk use of db-orders-1 on /data", [("host", "db-orders-1"), ("path", "/data")]),
        ("the error CHK-5003", [("code", "CHK-5003")]),
        ("event id 4625 on port 3389", [("event_id", "4625"), ("port", "3389")]),
        ("named 'Larry Shaw' or \"8.8.8.8\"", [("text", "Larry Shaw"), ("ip", "8.8.8.8")]),
        ("top 10 with more than 1,000 errors", [("number", "10"), ("number", "1,000")]),
        ("in the last 7 days, 3 alerts since 2026-03-01 14:30", [("number", "3")]),
        ("read and/or write", []),
        ("events 4625, 4624 and 4634", [("event_id", "4625"), ("event_id", "4624"), ("event_id", "4634")]),
        ("event 4625 and 100 users", [("event_id", "4625"), ("number", "100")]),
        ("port 22 and 3 or more hosts", [("port", "22"), ("number", "3")]),
        ("read\\write of Users\\ana\\Desktop", []),
        ("ports 22, 80 or 443", [("port", "22"), ("port", "80"), ("port", "443")]),
        ("version 10.2.3.4 at 10.2.3.5", [("version", "10.2.3.4"), ("ip", "10.2.3.5")]),
        ("logons of CONTOSO\\jdoe.", [("account", "CONTOSO\\jdoe")]),
        ("by NT AUTHORITY\\SYSTEM in HKLM\\Run", [("account", "NT AUTHORITY\\SYSTEM"), ("path", "HKLM\\Run")]),
        ("on SRV.corp.local, not home.example.org", [("host", "SRV.corp.local"), ("domain", "home.example.org")]),
    ],
)  # fmt: skip
def test_a_thing_is_known_by_its_form(text: str, found: list[tuple[str, str]]) -> None:
    entities = read_entities(text)
    assert [(one.kind, one.text) for one in entities] == found
    assert [text[slice(*one.place)] for one in entities] == [one.text for one in entities]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("RemoteIP", "ip"),
        ("src_ip", "ip"),
        ("IPAddress", "ip"),
        ("clientip", "ip"),
        ("SHA256", "hash"),
        ("UserPrincipalName", "mail"),
        ("SenderFromAddress", "mail"),
        ("DeviceName", "host"),
        ("Computer", "host"),
        ("RemoteUrl", "url"),
        ("FolderPath", "path"),
        ("InitiatingProcessFileName", "file"),
        ("EventID", "event_id"),
        ("LocalPort", "port"),
        ("NetworkMessageId", "guid"),
        ("AccountName", "account"),
        ("OSVersion", "version"),
    ],
)
def test_a_columns_name_says_what_it_holds(column: str, kind: str) -> None:
    assert kind in column_kinds(Column(name=column))


@pytest.mark.parametrize(
    ("column", "kind"), [("SenderFromAddress", "ip"), ("MacAddress", "ip"), ("DeviceType", "host"), ("Subject", "mail")]
)
def test_and_what_it_does_not(column: str, kind: str) -> None:
    assert kind not in column_kinds(Column(name=column))


def test_known_values_say_what_a_column_holds() -> None:
    assert "ip" in column_kinds(Column(name="peer"), ["10.0.0.1", "10.0.0.2", "unknown"])
    assert column_kinds(Column(name="peer", values=["up", "down"])) == frozenset()


@pytest.mark.parametrize("text", ["event" + " " * 3_000, "version" + " " * 3_000, "v" + "1.1" * 3_000 + "x"])
def test_long_texts_end(text: str) -> None:
    assert len(read_entities(text)) <= 1


@quick
@given(st.text())
def test_entities_lie_in_the_text_and_apart(text: str) -> None:
    ends = 0
    for one in read_entities(text):
        assert ends <= one.place[0] < one.place[1] <= len(text)
        ends = one.place[1]
