"""Who carries no label of a document learns nothing of it: results are those of a library without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.knowledge.search.filtering import EVERYBODY, Filters, visible
from agents.knowledge.search.index import Match, SearchIndex
from agents.knowledge.store.passages import Passage
from tests.agents.knowledge.test_search import PASSAGES, passage

SECRET = [
    replace(passage(f"secret-{number}", "The disk is full of logs of KubePodNotReady, PAY-1042."), labels=("board",))
    for number in range(6)
]
TEAM = replace(passage("team", "The certificate of the disk array lies in the vault."), labels=("team-a", "team-b"))
QUESTIONS = ("disk full of logs", "renew the certificate", "PAY-1042", "KubePodNotReady", "vault")


def found(passages: list[Passage], question: str, labels: set[str]) -> list[Match]:
    cosines = {one.id: 0.1 + 0.02 * place for place, one in enumerate(passages)}
    return SearchIndex(passages).ranked(question, cosines, 10, "all-minilm", filters=Filters(frozenset(labels)))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("labels", [set(), {"team-a"}, {"team-b", "other"}])
def test_scores_order_excerpts_and_reasons_are_those_without_the_hidden_documents(
    question: str, labels: set[str]
) -> None:
    open_to_them = [*PASSAGES, *([TEAM] if labels else [])]
    with_hidden = found([*open_to_them, *([] if labels else [TEAM]), *SECRET], question, labels)
    assert with_hidden == found(open_to_them, question, labels)


def test_a_label_opens_its_documents_beside_those_of_everybody() -> None:
    sources = {match.passage.source for match in found([*PASSAGES, TEAM, *SECRET], "disk", {"board"})}
    assert {"r/secret-0.md", "r/disk.md"} <= sources
    assert "r/team.md" not in sources


def test_more_hidden_documents_than_are_asked_for_do_not_crowd_out_the_others() -> None:
    index = SearchIndex([*SECRET, *PASSAGES])
    assert index.by_words("disk full of logs").best[:1] == [PASSAGES[0].id]
    assert index.seen([one.id for one in [*SECRET, *PASSAGES]], EVERYBODY) == [one.id for one in PASSAGES]


def test_one_label_of_several_is_enough_and_none_is_for_everybody() -> None:
    assert visible(["team-a", "team-b"], ["team-b"])
    assert visible([], [])
    assert not visible(["team-a"], [])
