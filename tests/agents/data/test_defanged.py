"""Addresses that were made harmless to be passed on are asked for as they are."""

from __future__ import annotations

import pytest

from agents.data.defanged import refanged


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("traffic to 198.51.100[.]7?", "traffic to 198.51.100.7?"),
        ("(1[.]2[.]3[.]4/24)", "(1.2.3.4/24)"),
        ("evil[.]example[dot]com or bad(dot)net", "evil.example.com or bad.net"),
        ("opened hxxps://evil[.]com/a?b=1, HXXP[://]x.y[.]org", "opened https://evil.com/a?b=1, http://x.y.org"),
        ("mail from eve[at]evil[.]com", "mail from eve@evil.com"),
        ("from 2001[:]db8::1", "from 2001:db8::1"),
    ],
)
def test_an_address_is_read_as_it_is(text: str, read: str) -> None:
    assert refanged(text)[0] == read
    assert refanged(read) == (read, [])


@pytest.mark.parametrize(
    "text",
    [
        "regex 198[.]51[.]100[.]7",
        "what is [at] this",
        "hosts[0].name",
        "match a[.]b",
        "how many (at) least",
        "list arr[.] values",
        "hxxp",
    ],
)
def test_what_is_no_address_stays(text: str) -> None:
    assert refanged(text) == (text, [])


def test_each_is_told_as_it_was_written() -> None:
    _, read = refanged("did 198.51.100[.]7 or hxxp://evil[.]com answer?")
    assert read == [("198.51.100[.]7", "198.51.100.7"), ("hxxp://evil[.]com", "http://evil.com")]
