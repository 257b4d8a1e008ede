"""Blocks that hold several queries: where they are parted, and how much of them is read to find out."""

from __future__ import annotations

import re

import pytest

from agents.knowledge.checks import parts as parts_module
from agents.knowledge.checks.kql_parts import kql_parts
from agents.knowledge.checks.parts import leading_comment, parts_of
from shared.catalog import Catalog
from tests.agents.knowledge.reading import LOGS

WEB = Catalog.model_validate(
    {
        "schema_group": "web",
        "platform": "spl",
        "tables": [{"name": "web", "kind": "index", "columns": [{"name": "status", "type": "number"}]}],
    }
)


class Counted:
    """A pattern that tells how often it is tried."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self.tries = 0

    def match(self, text: str, start: int, end: int) -> re.Match[str] | None:
        self.tries += 1
        return self.pattern.match(text, start, end)


@pytest.mark.parametrize(
    ("text", "tries"),
    [
        ("```\n\n```" * 6_000, 0),
        ("index=web | head 1\n\n" + "```a```\n\n" * 6_000, 0),
        ("index=web\n\n" * 60, 0),
        ("index=web\n\n" + "```\n\n```" * 6_000, 1),
    ],
)
def test_comments_and_too_many_paragraphs_are_not_looked_through(
    monkeypatch: pytest.MonkeyPatch, text: str, tries: int
) -> None:
    counted = Counted(parts_module._SEARCH)
    monkeypatch.setattr(parts_module, "_SEARCH", counted)
    assert parts_of(text, "spl", [WEB]) == [text]
    assert counted.tries == tries


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        (
            "``` One ```\n\nindex=web | head 1\n\n``` Two\n\nindex=web ```\n\nindex=web 404",
            ["``` One ```\n\nindex=web | head 1", "``` Two\n\nindex=web ```\n\nindex=web 404"],
        ),
        ('index=web "```"\n\nindex=web "```"', ['index=web "```"', 'index=web "```"']),
        ("index=web | head 1\n\nsearch web status=404", ["index=web | head 1", "search web status=404"]),
        ("index=web 404\n\nindex=web | stats count", ["index=web 404", "index=web | stats count"]),
    ],
)
def test_searches_are_parted_where_they_begin(text: str, queries: list[str]) -> None:
    assert parts_of(text, "spl", [WEB]) == queries


def test_prose_that_begins_with_search_is_no_search() -> None:
    text = "index=web | head 1\n\nsearch this as well"
    assert parts_of(text, "spl", [WEB]) == [text]
    assert parts_of(f"{text}\n\nindex=web 404", "spl", [WEB]) == [f"{text}\n\nindex=web 404"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("``` Errors per host ``` index=web | stats count", "Errors per host"),
        ("``` Errors per host\n  of all ```\nindex=web", "Errors per host of all"),
        ("``` ==== ```\n``` Errors ```\nindex=web", "Errors"),
        ("```\nErrors\n```\nindex=web", "Errors"),
        ("-- ====\n\n-- Errors --\nSELECT 1", "Errors"),
        ("// Errors: a ``` b\nT | count", "Errors: a ``` b"),
        ("index=web ``` Errors ```", ""),
        ("", ""),
    ],
)
def test_a_leading_comment_ends_where_it_is_closed(text: str, said: str) -> None:
    assert leading_comment(text) == said


def test_a_querys_own_comment_is_its_question_before_that_of_a_let() -> None:
    first, second = "SigninLogs | where ResultType == x", "SigninLogs | take x"
    text = f"// the limit\nlet x = 5;\n// first\n{first};\n// second\n{second}"
    assert parts_of(text, "kql", [LOGS]) == [f"// first\nlet x = 5;\n{first}", f"// second\nlet x = 5;\n{second}"]
    without = f"// the limit\nlet x = 5;\n{first};\n// second\n{second}"
    assert [leading_comment(one) for one in parts_of(without, "kql", [LOGS])] == ["the limit", "second"]


def test_paragraphs_are_tried_as_one_query_while_they_are_short() -> None:
    tried: list[int] = []

    def parses(part: str) -> bool:
        tried.append(len(part))
        return False

    text = "T | wher\n\n" + "\n\n".join(["a and " * 150] * 48)
    assert kql_parts(text, parses) == [text]
    assert len(tried) == 5
    assert max(tried) <= 4_000


def test_a_long_query_of_one_paragraph_is_still_one_of_several() -> None:
    long = f"SigninLogs | where {' or '.join(['''ResultType == '0' '''.strip()] * 250)}"
    assert len(long) > 4_000
    assert parts_of(f"{long}\n\nSigninLogs | take 1", "kql", [LOGS]) == [long, "SigninLogs | take 1"]
