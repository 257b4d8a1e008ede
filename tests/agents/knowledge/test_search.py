from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.bm25 import BM25
from agents.knowledge.search import scoring
from agents.knowledge.search.excerpts import EXCERPT_CHARACTERS, excerpt, shortened
from agents.knowledge.search.filtering import Filters
from agents.knowledge.search.index import SearchIndex
from agents.knowledge.store.passages import Passage
from agents.knowledge.text import stem
from shared.errors import NotFound
from shared.models import SearchRequest


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


def test_the_reason_says_names_words_and_meaning() -> None:
    [first, *_] = SearchIndex(PASSAGES).ranked("disk full, KubePodNotReady", {}, 10, "all-minilm")
    assert first.reason == "names KubePodNotReady; words: disk"
    [only] = SearchIndex(PASSAGES).ranked("TLS trouble", {PASSAGES[2].id: 0.7}, 10, "all-minilm")
    assert only.reason == "close in meaning"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(folder="r/disk.md"), {"r/disk.md"}),
        (Filters(folder="r/"), {"r/disk.md", "r/certificate.md", "r/KubePodNotReady.md", "r/query.md"}),
        (Filters(folder="r", kind="table"), set()),
        (Filters(kind="code"), {"r/query.md"}),
        (Filters(language="kql"), {"r/query.md"}),
        (Filters(kind="text", language="kql"), set()),
    ],
)
def test_filters_keep_to_folder_kind_and_language(filters: Filters, expected: set[str]) -> None:
    query = replace(passage("query", "Perf | where disk == 'full' // certificate"), kind="code", language="kql")
    found = SearchIndex([*PASSAGES, query]).ranked("disk certificate", {}, 10, "all-minilm", filters=filters)
    assert {match.passage.source for match in found} == expected


def test_front_matter_is_found_as_text() -> None:
    front = replace(passage("disk-full", "alert: DiskFull"), kind="front")
    found = SearchIndex([front]).ranked("DiskFull", {}, 10, "all-minilm", filters=Filters(kind="text"))
    assert [match.passage for match in found] == [front]


@pytest.mark.parametrize(
    ("asked", "problem", "suggestion"),
    [
        ({"folder": "runbook"}, "unknown folder or document 'runbook'", "did you mean 'runbooks'?"),
        ({"folder": "runbooks/queri.md"}, "unknown folder or document", "did you mean 'runbooks/query.md'?"),
        ({"folder": "secret"}, "unknown folder or document 'secret'", "known: runbooks, runbooks/query.md"),
        ({"language": "spl"}, "unknown language of code 'spl'", "known: kql"),
    ],
)
def test_a_filter_that_nothing_has_is_no_empty_answer(asked: dict[str, str], problem: str, suggestion: str) -> None:
    source = "runbooks/query.md"
    query = replace(passage("query", "Perf | where disk == 'full'"), kind="code", language="kql", source=source)
    secret = replace(passage("keys", "disk keys"), source="secret/keys.md", labels=("board",))
    filters = Filters.of(SearchRequest.model_validate({"question": "disk"} | asked))
    with pytest.raises(NotFound, match=problem) as raised:
        SearchIndex([query, secret]).ranked("disk", {}, 10, "all-minilm", filters=filters)
    assert raised.value.suggestion == suggestion
    assert SearchIndex([]).ranked("disk", {}, 10, "all-minilm", filters=filters) == []


def test_a_language_is_asked_for_by_any_of_its_names() -> None:
    assert Filters.of(SearchRequest(question="disk", language="Kusto")).language == "kql"


def test_a_copy_of_a_document_gives_way_to_another_that_fits() -> None:
    text = "Restart the broker when the queue of the broker is stuck, then look at its journal."
    copies = [passage(name, text) for name in ("a", "b")]
    other = passage("c", "The broker of the queue restarts by itself after a minute.")
    found = SearchIndex([*copies, other]).ranked("broker queue stuck", {}, 3, "all-minilm")
    assert [match.passage.source for match in found] == ["r/a.md", "r/c.md", "r/b.md"]


def test_an_index_that_followed_changes_is_the_index_of_what_is_there_now() -> None:
    changed = passage("disk", "Ask the storage team; the broker is gone.", "Disk")
    added = passage("broker", "Restart the broker, see ERR_BROKER.", "Broker")
    followed = SearchIndex(PASSAGES).changed(["/r/certificate.md"], [changed, added])
    fresh = SearchIndex([PASSAGES[3], changed, added])
    for question in ("disk broker", "ERR_BROKER", "certificate", "storage team of the node"):
        [one, other] = (index.ranked(question, {}, 10, "all-minilm") for index in (followed, fresh))
        assert sorted(one, key=lambda match: match.passage.id) == sorted(other, key=lambda match: match.passage.id)
    assert followed.ranked("PAY-1042", {}, 10, "all-minilm") == []


def test_bm25_among_some_passages_is_bm25_of_those_alone() -> None:
    passages = [["disk", "full"], ["disk", "pod", "pod"], ["queue"], ["disk"]]
    among = [True, False, True, True]
    index, alone = BM25(passages), BM25([one for one, has in zip(passages, among, strict=True) if has])
    part = index.part(np.array(among))
    assert index.scores(["disk", "pod"], part)[among].tolist() == alone.scores(["disk", "pod"]).tolist()
    assert index.coverage(["disk", "pod"], part)[among].tolist() == alone.coverage(["disk", "pod"]).tolist()
    assert index.scores(["disk", "pod"], part)[1] == 0
