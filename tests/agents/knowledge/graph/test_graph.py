"""What is known, as a graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.sandbox import Sandbox
from agents.knowledge.checks.check import check_query, queries_of
from agents.knowledge.graph import store
from agents.knowledge.graph.extract import Page, document_links, known_error_links
from agents.knowledge.graph.model import Link, Names, Node, schema_links
from agents.knowledge.graph.store import Graph
from agents.knowledge.known_errors.index import KnownError
from shared.database import create_tables
from shared.settings import Settings
from tests.agents.knowledge.reading import LOGS, passages, shop

PAYMENTS = """# Payments fail

Alert: CardsDeclined. The payments service answers PAY-4021.

## Act

1. Look at the declined orders.

   ```sql
   SELECT o.order_id FROM orders o JOIN refunds r ON r.order_id = o.order_id WHERE o.service = 'payments'
   ```

2. Call the bank.
"""
SEARCH = "# Search is slow\n\nRestart it; see SRC-5040. A payment is not touched.\n"


@pytest.fixture
def sandbox(settings: Settings) -> Iterator[Sandbox]:
    opened = Sandbox(settings)
    yield opened
    opened.close()


def links(text: str, name: str, sandbox: Sandbox) -> list[Link]:
    pages = passages(text, name)
    checked = [check_query(one, [shop()], sandbox) for one in queries_of(pages)]
    return document_links(pages, checked, [], Names.of([shop(), LOGS]))


@pytest.fixture
async def graph(engine: AsyncEngine, sandbox: Sandbox) -> Graph:
    await create_tables(engine, store.schema)
    opened = Graph(engine)
    await opened.replace("/books/payments.md", links(PAYMENTS, "payments.md", sandbox))
    await opened.replace("/books/search.md", links(SEARCH, "search.md", sandbox))
    return opened


async def test_a_global_question_is_answered_with_every_procedure_and_its_source(graph: Graph) -> None:
    survey = await graph.about("Which runbooks touch the payments service?")
    assert [(one.kind, one.name) for one in survey.about] == [("service", "payments")]
    [found] = survey.procedures
    assert (found.title, found.source, found.why) == ("Payments fail", "payments.md", ["service payments"])
    assert [(one.name, one.schema_group) for one in survey.tables] == [("orders", "shop"), ("refunds", "shop")]
    assert {"PAY-4021", "CardsDeclined"} <= {one.name for one in survey.related}
    assert survey.render().startswith("about: service payments\nPayments fail  payments.md")


async def test_codes_alerts_and_tables_are_known_by_their_exact_names(graph: Graph) -> None:
    for asked in ("PAY-4021", "CardsDeclined", "orders"):
        assert [one.source for one in (await graph.about(asked)).procedures] == ["payments.md"], asked
    assert (await graph.about("what about the weather?")).about == []


async def test_where_nothing_is_called_so_the_titles_are_read(graph: Graph, sandbox: Sandbox) -> None:
    survey = await graph.about("Which runbooks are there about slow things?")
    assert (survey.about, [(one.title, one.why) for one in survey.procedures]) == (
        [],
        [("Search is slow", ["title slow"])],
    )
    assert survey.render().splitlines()[:2] == [
        "by that name nothing but titles is known",
        "Search is slow  search.md: title slow",
    ]
    assert [one.source for one in (await graph.about("why do we fail, and slow payment")).procedures] == ["payments.md"]
    await graph.replace("/books/search.md", links(SEARCH, "search.md", sandbox), ["search-team"])
    assert (await graph.about("slow")).procedures == []
    assert [one.source for one in (await graph.about("slow", ["search-team"])).procedures] == ["search.md"]


async def test_steps_follow_one_another(graph: Graph) -> None:
    counts = await graph.counts()
    assert counts.nodes["step"] == 2
    assert counts.links["precedes"] == 1


async def test_the_tables_of_found_procedures_are_hints_with_their_source(graph: Graph) -> None:
    hints = await graph.hints("why?", ["/books/payments.md"])
    assert [(one.kind, one.subject, one.schema_group, one.source) for one in hints] == [
        ("table", "orders", "shop", "payments.md"),
        ("table", "refunds", "shop", "payments.md"),
    ]
    assert [one.subject for one in await graph.hints("what is PAY-4021?", [])] == ["orders", "refunds"]


async def test_links_of_a_labelled_document_are_followed_for_its_readers_alone(graph: Graph, sandbox: Sandbox) -> None:
    await graph.replace("/books/payments.md", links(PAYMENTS, "payments.md", sandbox), ["finance"])
    for named in ("PAY-4021", "CardsDeclined", "payments"):
        assert (await graph.about(named)).about == [], named
    assert [one.name for one in (await graph.about("CardsDeclined", ["finance"])).about] == ["CardsDeclined"]
    assert await graph.hints("PAY-4021", ["/books/payments.md"]) == []
    assert [one.source for one in (await graph.about("PAY-4021", ["finance"])).procedures] == ["payments.md"]


async def test_a_document_that_is_forgotten_leaves_no_node_behind(graph: Graph) -> None:
    await graph.forget(["/books/payments.md", "/books/search.md"])
    await graph.prune()
    counts = await graph.counts()
    assert (counts.nodes, counts.links) == ({}, {})


def test_relationships_join_and_columns_with_the_same_values_are_the_same() -> None:
    column = {"name": "svc", "type": "string", "values": ["payments", "search", "cart"]}
    other = LOGS.model_copy(update={"tables": [type(LOGS.tables[0])(name="App", columns=[column])]})
    kinds = {(link.kind, link.from_.name, link.to.name) for link in schema_links([shop(), other])}
    assert ("joins", "refunds", "orders") in kinds
    assert ("same_as", "orders.service", "App.svc") in kinds


async def test_a_known_error_leads_to_the_runbook_that_says_more(graph: Graph) -> None:
    error = KnownError(
        id="SRC-5040", title="t", signature="s", cause="c", fix="f", services=["cart"], see=["payments.md"]
    )
    pages = [
        Page(Node("procedure", f"/{team}/books/payments.md", title="Payments fail"), f"{team}/payments.md")
        for team in ("shop", "bank")
    ]
    await graph.replace("known_errors", known_error_links([("errors.yaml#SRC-5040", error)], pages))
    found = [one.source for one in (await graph.about("SRC-5040")).procedures if one.title == "Payments fail"]
    assert found == ["bank/payments.md", "shop/payments.md"]
    assert {one.title for one in (await graph.about("SRC-5040")).procedures} == {"Payments fail", "Search is slow"}


async def test_a_misspelt_name_gets_the_nearest_ones_that_the_asker_may_see(graph: Graph) -> None:
    survey = await graph.about("which runbooks touch the pament service?")
    assert (survey.about, survey.near) == ([], ["payments"])
    assert survey.render().startswith("nothing is known about it; did you mean payments?\n")


async def test_a_misspelt_service_is_not_the_table_of_all_services(graph: Graph) -> None:
    book = Node("procedure", "/books/estate.md", title="The estate")
    table = Node("table", "services", "shop")
    link = Link(book, table, "mentions", book.name, "estate.md", weight=3)
    await graph.replace(book.name, [link])
    for asked in ("which runbooks touch the paymnts service?", "which runbooks touch the paymnts services?"):
        survey = await graph.about(asked)
        assert (survey.about, survey.near, survey.procedures) == ([], ["payments"], []), asked
    assert (await graph.about("what about the zorg service?")).about == []
    for asked in ("services", "the service table", "which runbooks touch the services table?"):
        assert [one.name for one in (await graph.about(asked)).about] == ["services"], asked
    assert [one.name for one in (await graph.about("the payments service")).about] == ["payments"]


@pytest.mark.parametrize("empty", ["\n", " ", "\t\n", "\r", "- "])
def test_a_long_run_of_what_may_stand_before_a_field_is_passed_over(empty: str, sandbox: Sandbox) -> None:
    text = f"# Logs\n\n```text\nx{empty * 100_000}\nalert: QueueStuck\n```\n"
    assert "QueueStuck" in {link.to.name for link in links(text, "logs.md", sandbox)}


def test_a_title_that_is_no_name_of_an_alert_is_passed_over(sandbox: Sandbox) -> None:
    assert links(f"# Aa{'A' * 150}!\n\nRestart it.\n", "logs.md", sandbox) == []


def test_alerts_and_services_of_front_matter_are_known(sandbox: Sandbox) -> None:
    front = "---\nalert: QueueStuck\nservices: [zorg-api, zorg-db]\nalerts: [QueueSlow, none]\n---\n"
    found = {(link.to.kind, link.to.name) for link in links(f"{front}# Queue\n\nRestart it.\n", "q.md", sandbox)}
    assert found == {
        ("alert", "QueueStuck"),
        ("alert", "QueueSlow"),
        ("service", "zorg-api"),
        ("service", "zorg-db"),
    }


async def test_a_name_that_nobody_knows_is_not_taken_apart(graph: Graph) -> None:
    survey = await graph.about("what about PaymentsGatewaySlow?")
    assert (survey.about, survey.near) == ([], ["payments"])
    survey = await graph.about("CardDeclined of payments-01")
    assert (survey.about, survey.near) == ([], ["CardsDeclined", "payments"])
    assert [one.name for one in (await graph.about("PaymentsGatewaySlow of payments")).about] == ["payments"]
