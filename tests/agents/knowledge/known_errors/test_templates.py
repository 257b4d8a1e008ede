from __future__ import annotations

import pytest

from agents.knowledge.known_errors.templates import Template, words_of

TEMPLATE = Template("Login failed for user <*> from <*>: account locked")


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("Login failed for user 'bob' from 10.0.0.7: account locked", 1.0),
        ("what is `ERROR LOGIN FAILED for user bob.smith from host web-1 port 22: Account locked` about?", 1.0),
        ("login failed for user bob from 10.0.0.7", 5 / 7),
        ("which account did Bob use to log in?", 0.0),
        ("locked account from user for failed login", 0.0),
    ],
)
def test_a_line_quotes_a_template_when_most_of_its_words_come_in_order(line: str, share: float) -> None:
    assert TEMPLATE.quoted_in(words_of(line)) == pytest.approx(share if share >= 0.75 else 0.0)


def test_a_template_of_two_words_is_too_little_to_tell() -> None:
    assert Template("disk full").quoted_in(words_of("the disk full of logs")) == 0.0
