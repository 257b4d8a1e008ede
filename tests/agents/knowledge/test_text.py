from __future__ import annotations

import pytest

from agents.knowledge.text import identifiers, sentences, stem, terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mismatched", "mismatch"),
        ("replicas", "replica"),
        ("expiring", "expires"),
        ("throttling", "throttled"),
        ("pods", "pod"),
        ("crashing", "crashes"),
    ],
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_a_camel_case_name_is_found_by_its_parts_and_by_itself() -> None:
    assert terms("KubePodCrashLooping") == ["kube", "pod", "crash", "loop", "kubepodcrashlooping"[:-3]]


def test_words_without_meaning_are_no_terms() -> None:
    assert terms("What is the disk's size?") == ["disk", "size"]


@pytest.mark.parametrize(
    "name",
    [
        "ORA-12514",
        "0x80070005",
        "AADSTS50126",
        "ERR_CONNECTION_RESET",
        "KubePodNotReady",
        "CPUThrottlingHigh",
        "etcdNoLeader",
        "SigninLogs",
        "web-01",
        "db-3.internal",
        "10.0.0.7",
        "pay.prod.example",
    ],
)
def test_a_name_is_an_identifier(name: str) -> None:
    assert identifiers(f"see {name}, please") == {name.lower()}


def test_prose_has_no_identifiers() -> None:
    assert identifiers("The disk of a well-known host is full. TLS fails, e.g. at night.") == set()


def test_sentences_end_at_stops_and_lines() -> None:
    assert sentences("One. Two e.g. three\n\n- four") == ["One.", "Two e.g. three", "- four"]


@pytest.mark.parametrize(
    "text", ["Aa" + "A" * 100_000 + "_", "aA1" + "A" * 100_000 + "é", "a-" * 100_000, "a" + "-1" * 100_000 + "_"]
)
def test_a_word_made_to_keep_the_search_for_names_busy_has_none_of_its_form(text: str) -> None:
    assert "KubePodNotReady".lower() in identifiers(f"{text} KubePodNotReady")
