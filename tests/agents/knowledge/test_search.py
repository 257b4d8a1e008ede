from __future__ import annotations

import pytest

from agents.bm25 import BM25
from agents.knowledge import scoring
from agents.knowledge.search import EXCERPT_CHARACTERS, SearchIndex, excerpt, shortened
from agents.knowledge.store import Passage
from agents.knowledge.text import stem


def passage(name: str, text: str, title: str = "") -> Passage:
    return Passage(
        f"id-{name}-{len(text)}", f"/r/{name}.md", f"r/{name}.md", title or name, (title or name,), "text", text
    )


PASSAGES = [
    passage("disk", "The disk is almost full. Remove old logs.", "Disk"),
    passage("disk", "Call the storage team about the disk.", "Disk"),
    passage("certificate", "Renew the certificate before it expires. See PAY-1042.", "Certificate"),
    passage("KubePodNotReady", "The pod is not ready; check the disk and certificate of the node.", "Pods"),
]


def sources(question: str, cosines: dict[str, float] | None = None) -> list[str]:
    matches = SearchIndex(PASSAGES).ranked(question, cosines or {}, 10, "all-minilm")
    return [match.passage.source for match in matches]


def test_each_document_is_found_once_by_its_best_passage() -> None:
    [first, *_] = matches = SearchIndex(PASSAGES).ranked("disk full of logs", {}, 10, "all-minilm")
    assert first.passage is PASSAGES[0]
    assert len({match.passage.location for match in matches}) == len(matches)


def test_a_document_that_words_miss_is_found_by_its_vector() -> None:
    assert sources("TLS trouble", {PASSAGES[2].id: 0.7}) == ["r/certificate.md"]


def test_a_name_in_a_title_comes_first_whatever_the_words_say() -> None:
    assert sources("disk full logs certificate KubePodNotReady")[0] == "r/KubePodNotReady.md"


def test_a_code_in_the_text_comes_before_words() -> None:
    assert sources("disk full logs PAY-1042")[0] == "r/certificate.md"


def test_nothing_in_common_is_no_match() -> None:
    assert sources("lunch menu") == []


def test_an_empty_library_has_no_matches() -> None:
    assert SearchIndex([]).ranked("disk", {}, 5, "all-minilm") == []


def test_a_rarer_word_weighs_more() -> None:
    index = BM25([["disk", "full"], ["disk", "pod"], ["disk", "full"]])
    assert index.idf("pod") > index.idf("full") > index.idf("disk")
    assert index.scores(["pod", "full"]).argmax() == 1


def test_coverage_is_the_whole_question_or_its_share() -> None:
    index = BM25([["disk", "full"], ["pod"]])
    assert index.coverage(["disk", "full"]).tolist() == pytest.approx([1.0, 0.0])


def test_the_score_rises_with_both_features_and_does_not_guess_an_unmeasured_model() -> None:
    assert scoring.score(0.5, 0.6, "all-minilm") > scoring.score(0.5, 0.3, "all-minilm")
    assert scoring.score(0.6, 0.5, "all-minilm") > scoring.score(0.3, 0.5, "all-minilm")
    assert scoring.score(0.5, 0.9, "another") == scoring.score(0.5, 0.1, "another")


def test_an_excerpt_surrounds_the_sentence_that_matters() -> None:
    text = " ".join(f"Sentence number {number} says nothing." for number in range(40))
    found = excerpt(f"{text} Restart the broker. {text}", {stem("broker"): 1.0})
    assert "Restart the broker." in found
    assert len(found) <= EXCERPT_CHARACTERS


def test_a_long_sentence_is_cut_at_a_word() -> None:
    assert shortened("restart the broker", 13) == "restart the…"
