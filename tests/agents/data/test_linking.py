"""Linking on a small group: which table, why, and what words of the question mean."""

from __future__ import annotations

import tracemalloc

import pytest

from agents.bm25 import BM25
from agents.data.linking import LINK_FLOOR, Link, Linked, Linker, linked_tables, read_weights
from agents.data.phrases import Mention, Phrases
from agents.data.platform import load_platform
from agents.data.sandbox import Sandbox
from agents.data.schema_text import offered, schema_text
from agents.data.signals import SIGNALS
from agents.data.words import content_words, pieces
from shared.catalog import Catalog, Column, GlossaryTerm, Table
from shared.llm.client import Models
from shared.models import KnowledgeHit
from tests.agents.data.deriving import small_catalog
from tests.scripted_ollama import ScriptedOllama

CATALOG = small_catalog()


@pytest.fixture
def linker(models: Models) -> Linker:
    return Linker(load_platform("kql"), models)


def names(linked: Linked) -> list[str]:
    return [link.table.name for link in linked.links]


@pytest.mark.parametrize(
    ("question", "table"),
    [
        ("Which users had a failure when they signed in?", "SigninLogs"),
        ("Which computers give signs of life?", "Heartbeat"),
        ("Any break-in last night?", "SigninLogs"),  # a glossary term
        ("Computers with OS type Linux", "Heartbeat"),  # an example
    ],
)
async def test_the_table_that_holds_the_answer_is_first(linker: Linker, question: str, table: str) -> None:
    assert names(await linker.link(question, CATALOG))[0] == table


async def test_a_question_of_a_thousand_words_is_linked_with_little_memory(linker: Linker) -> None:
    await linker.link("Which computers?", CATALOG)
    words = " ".join(f"zq{number}x" for number in range(1300))
    tracemalloc.start()
    linked = await linker.link(f"Which computers give signs of life {words}"[:8000], CATALOG)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(names(linked)) == {table.name for table in CATALOG.tables}
    assert most < 100_000_000, "every run of its words would be gigabytes"


async def test_a_runbook_that_names_a_table_speaks_for_it(linker: Linker) -> None:
    hit = KnowledgeHit(
        agent="sop", title="Silent hosts", source="a.md", excerpt="Look into Heartbeat first.", score=0.9
    )
    without, with_it = [await linker.link("What is silent?", CATALOG, hits) for hits in ((), [hit])]
    score = [{link.table.name: link.score for link in linked.links}["Heartbeat"] for linked in (without, with_it)]
    assert score[1] > score[0]


async def test_a_question_about_something_else_stays_below_the_floor(linker: Linker) -> None:
    linked = await linker.link("Write a poem about rain in Venice", CATALOG)
    assert linked.score < LINK_FLOOR


async def test_every_link_says_why_and_no_chat_call_is_made(linker: Linker, scripted_ollama: ScriptedOllama) -> None:
    tables = linked_tables(await linker.link("Which users had a failure?", CATALOG), limit=1)
    assert [table.table for table in tables] == ["SigninLogs"]
    assert "'Failure' is a value of ResultType" in tables[0].why
    assert scripted_ollama.chats == []


async def test_a_value_that_only_the_rows_know_is_a_reason(
    models: Models, sandbox: Sandbox, kql_group: Catalog
) -> None:
    linked = await Linker(load_platform("kql"), models, sandbox).link("What is known of web-2?", kql_group)
    assert names(linked)[0] == "Hosts"
    assert "'web-2' is a value of HostName" in linked.links[0].why


async def test_columns_and_things_that_the_question_names_are_reasons(linker: Linker) -> None:
    linked = await linker.link("Which ResultType did ana@contoso.com get?", CATALOG)
    assert linked.links[0].why.startswith("it has ResultType; 'ana@contoso.com' may be in UserPrincipalName")


async def test_times_are_read_against_the_groups_clock(linker: Linker) -> None:
    (found,) = (await linker.link("Failures yesterday", CATALOG)).times
    assert CATALOG.clock
    assert (found.end, found.words) == (CATALOG.clock, "yesterday")


async def test_a_question_held_out_is_not_helped_by_its_own_answer(linker: Linker) -> None:
    question = CATALOG.examples[1].question
    scores = [
        {link.table.name: link.score for link in (await linker.link(question, CATALOG, hold_out=held)).links}
        for held in (False, True)
    ]
    assert scores[0]["Heartbeat"] > scores[1]["Heartbeat"]


def test_the_shipped_weights_are_of_the_signals_there_are() -> None:
    weights = read_weights()
    assert {name: one.about for name, one in weights.signals.items()} == dict(SIGNALS)
    assert all(one.weight >= 0 for one in weights.signals.values())


@pytest.mark.parametrize(("scores", "count"), [([0.95, 0.9, 0.2], 2), ([0.95, 0.3], 1), ([0.3, 0.25, 0.2, 0.2], 3)])
def test_the_best_table_is_offered_with_those_nearly_as_good(scores: list[float], count: int) -> None:
    links = [
        Link(CATALOG.tables[0].model_copy(update={"name": f"T{n}"}), score, {}, "") for n, score in enumerate(scores)
    ]
    assert len(offered(Linked(CATALOG, links))) == count


async def test_a_catalog_is_indexed_once(linker: Linker, scripted_ollama: ScriptedOllama) -> None:
    await linker.link("Which users had a failure?", CATALOG)
    before = len(scripted_ollama.embeds)
    await linker.link("Which users had a failure?", CATALOG)
    assert len(scripted_ollama.embeds) == before


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("sign-ins with result failure", [("value", "Failure")]),
        ("sign-ins that failed", [("like", "Failure")]),
        ("was there a break in?", [("term", "ResultType == 'Failure'")]),
        ("how many computers?", []),
    ],
)
def test_words_that_the_catalog_knows_are_found(question: str, found: list[tuple[str, str]]) -> None:
    assert [(mention.kind, mention.text) for mention in Phrases(CATALOG).mentions(question)] == found


def test_names_and_sentences_fall_into_the_same_words() -> None:
    assert pieces("UserPrincipalName") == pieces("user principal names")
    assert content_words("Show me all the failed processes") == ["fail", "process"]


def test_bm25_scores_can_be_compared_between_collections() -> None:
    few, many = (BM25([["user", "sign"], *[["host"]] * count]).shares(["user", "sign"]) for count in (1, 50))
    assert 1 >= few[0] > few[1] == 0
    assert many[0] == pytest.approx(few[0], abs=0.1)


def test_a_term_is_heard_in_any_order_and_hides_values_that_its_words_are_like() -> None:
    catalog = CATALOG.model_copy(update={"glossary": [GlossaryTerm(term="failed sign-in", meaning="Result != 0")]})
    (mention,) = Phrases(catalog).mentions("How many sign-ins of eve failed?")
    assert (mention.phrase, mention.text) == ("failed sign-in", "Result != 0")


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("Which accounts did 198.51.100.77 get into?", ["successful sign-in"]),
        ("Who gained access from abroad?", ["successful sign-in"]),
        ("Which accounts did it try to get into?", []),
        ("Who did not get in?", []),
        ("Nobody could get in", []),
        ("How many alerts did we get in March?", []),
        ("Which mails got into the quarantine?", []),
        ("After several failed attempts, which accounts did 198.51.100.77 get into?", ["successful sign-in"]),
        ("Who could not log in today?", ["failed sign-in"]),
        ("When was the CPU of db-7 busy?", ["CPU use"]),
        ("When is the desk busiest?", []),
    ],
)
def test_a_term_is_heard_in_other_words(question: str, terms: list[str]) -> None:
    known = ("successful sign-in", "failed sign-in", "CPU use")
    glossary = [GlossaryTerm(term=term, meaning=f"the meaning of {term}") for term in known]
    found = Phrases(CATALOG.model_copy(update={"glossary": glossary})).mentions(question)
    assert [one.phrase for one in found if one.kind == "term"] == terms


def test_a_term_with_a_number_is_heard_where_the_question_says_that_number() -> None:
    catalog = CATALOG.model_copy(update={"glossary": [GlossaryTerm(term="tier 1", meaning="tier == 1")]})
    said = [bool(Phrases(catalog).mentions(question)) for question in ("In which tier is it?", "Which are tier 1?")]
    assert said == [False, True]


@pytest.mark.parametrize(
    ("meaning", "tables"),
    [
        ("status>=500 in index web", {"web"}),  # deploy has a status too
        ("tier=1 in lookup owners: checkout, web", {"owners"}),
        ("web requests that took long", {"web"}),
        ("status>=500 in web or deploy", {"web", "deploy"}),
        ("status>=500", {"web", "deploy"}),
    ],
)
def test_a_term_is_about_the_tables_that_its_meaning_names(meaning: str, tables: set[str]) -> None:
    columns = {"web": "status", "deploy": "status", "owners": "tier"}
    known = [Table(name=name, columns=[Column(name=column, type="int")]) for name, column in columns.items()]
    term = GlossaryTerm(term="server error", meaning=meaning)
    catalog = CATALOG.model_copy(update={"tables": known, "glossary": [term]})
    (mention,) = Phrases(catalog).mentions("How many server errors were there?")
    assert mention.tables == tables


def test_the_table_of_a_term_is_offered_though_others_are_nearer() -> None:
    tables = [CATALOG.tables[0].model_copy(update={"name": name}) for name in ("near", "far")]
    links = [Link(table, score, {}, "") for table, score in zip(tables, (0.99, 0.01), strict=True)]
    term = Mention("server error", "term", "status >= 500", (("far", ""),))
    assert [one.name for one in offered(Linked(CATALOG, links))] == ["near"]
    assert [one.name for one in offered(Linked(CATALOG, links, mentions=[term]))] == ["near", "far"]


async def test_what_says_how_a_row_was_collected_is_meant_where_it_is_named(linker: Linker) -> None:
    described = CATALOG.model_dump(by_alias=True)
    described["tables"][0]["columns"].append({"name": "SourceSystem", "type": "string", "values": ["Azure", "Linux"]})
    catalog = Catalog.model_validate(described)
    for question, is_meant in (("Failures in Azure", False), ("Failures by source system Azure", True)):
        linked = await linker.link(question, catalog)
        assert ("Azure" in [one.text for one in linked.mentions]) is is_meant
        assert ("SourceSystem" not in linked.aside) is is_meant
        shown = schema_text(linked, catalog.tables[:1], question)
        assert ("SourceSystem" in shown) is is_meant
        assert "SourceSystem" in schema_text(linked, catalog.tables[:1], question, {"SourceSystem"})  # an example's
