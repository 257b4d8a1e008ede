"""/api/embed, and /api/embeddings before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.shared.llm.ollama_contract.contract import shows
from tests.shared.llm.ollama_contract.target import Target

pytestmark = pytest.mark.real_model

TEXTS = ["failed sign-ins by user", "login failures per account", "the disk is full"]


def near(left: Sequence[float], right: Sequence[float]) -> float:
    """The cosine of two vectors of any length."""
    dots = [sum(a * b for a, b in zip(*pair, strict=True)) for pair in ((left, right), (left, left), (right, right))]
    return float(dots[0] / (dots[1] * dots[2]) ** 0.5)


@shows("embed:text")
def test_one_text_gets_one_vector_its_tokens_and_its_time(target: Target) -> None:
    answer = target.embed(TEXTS[0])
    assert (answer["model"], len(answer["embeddings"])) == (target.embedding_model, 1)
    assert answer["prompt_eval_count"] >= len(TEXTS[0].split())
    assert answer["total_duration"] >= answer["load_duration"] >= 0


@shows("embed:list")
def test_each_text_of_a_list_gets_its_vector_in_order(target: Target) -> None:
    together = target.embed(TEXTS)["embeddings"]
    alone = target.embed(TEXTS[1])["embeddings"][0]
    assert [near(vector, alone) > 0.999 for vector in together] == [False, True, False]
    assert near(together[0], together[1]) > near(together[0], together[2])


@shows("embed:empty-list")
def test_no_text_gets_no_vector(target: Target) -> None:
    assert target.embed([])["embeddings"] == []


@shows("embed:unit-length", "embed:dimensions")
@pytest.mark.parametrize("fields", [{}, {"dimensions": 64}])
def test_a_vector_has_unit_length_also_when_it_is_shortened(target: Target, fields: dict[str, Any]) -> None:
    (vector,) = target.embed(TEXTS[0], **fields)["embeddings"]
    assert len(vector) == fields.get("dimensions", len(vector))
    assert sum(value * value for value in vector) == pytest.approx(1.0, abs=1e-3)


@shows("embed:truncate")
def test_a_long_text_is_embedded_by_its_beginning(target: Target) -> None:
    long = target.embed(too_long(target))
    assert len(long["embeddings"]) == 1
    assert long["prompt_eval_count"] < len(too_long(target).split())


@shows("embed:no-truncate", "errors:shape")
def test_a_long_text_that_must_not_be_cut_is_refused(target: Target) -> None:
    body = {"model": target.embedding_model, "input": too_long(target), "truncate": False}
    answer = target.post("/api/embed", body)
    assert answer.status == 400
    assert "context length" in answer.json["error"]


@shows("embeddings:one-text")
def test_the_older_route_gives_one_vector_of_the_same_direction(target: Target) -> None:
    old = target.post("/api/embeddings", {"model": target.embedding_model, "prompt": TEXTS[0]}).json["embedding"]
    assert near(old, target.embed(TEXTS[0])["embeddings"][0]) > 0.999


def too_long(target: Target) -> str:
    """A word more than the model's window has tokens."""
    info = target.post("/api/show", {"model": target.embedding_model}).json["model_info"]
    return "word " * (int(info[f"{info['general.architecture']}.context_length"]) + 1)
