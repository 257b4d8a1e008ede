"""Finding agents: by tag and health, page by page, and what other processes change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from protocol_interface.registry import Registry, index, store, tables
from shared.errors import Conflict, InvalidInput, NotFound
from tests.protocol_interface.registry.cards import as_fetched, card, skill


async def named(registry: Registry, *names: str) -> None:
    for name in names:
        one = card(name, skill("guess", f"team-{name[0]}", "all"), description=f"Guesses for {name}")
        await as_fetched(registry, one, f"http://{name}.example")


def ids(agents: list[Any]) -> list[str]:
    return [agent.id for agent in agents]


async def test_agents_are_found_by_tag_words_and_health_on_either_database(on_either: Registry) -> None:
    await named(on_either, "ant", "bee", "bug")
    await on_either.mark("bee", healthy=True)
    await on_either.mark("bug", healthy=False)
    assert ids(await on_either.discover(tag="team-b")) == ["bee", "bug"]
    assert ids(await on_either.discover("guess", tag="all", q="for BU")) == ["bug"]
    assert ids(await on_either.discover(healthy=True)) == ["bee"]
    assert ids(await on_either.discover(healthy=False, tag="team-b")) == ["bug"]
    assert ids(await on_either.discover(q="guesses nothing")) == []


async def test_a_tag_and_a_skill_are_of_one_skill(registry: Registry) -> None:
    await registry.register(card("a", skill("query", "fast"), skill("prove", "exact")), url="http://a.example")
    assert ids(await registry.discover("query", tag="fast")) == ["a"]
    assert ids(await registry.discover("query", tag="exact")) == []


async def test_pages_follow_each_other_with_ours_first(registry: Registry) -> None:
    await named(registry, "ant", "bee", "cat", "dog")
    await registry.register(card("zoo", skill("guess")), url="http://zoo.example")
    pages, after = [], None
    while page := await registry.discover("guess", limit=2, after=after):
        pages.append(ids(page))
        after = page[-1].id
        if after == "bee":
            await registry.remove("bee")
    assert pages == [["zoo", "ant"], ["bee", "cat"], ["dog"]]


async def test_many_agents_with_a_word_are_found_as_few_are(registry: Registry) -> None:
    """A word that few agents have is looked for among words, one that many have in their cards."""
    names = [f"agent-{number:04}" for number in range(index._FEW + 20)]
    described = {"trusted": False, "registered_at": datetime.now(UTC)}
    rows = [
        {"id": name, "url": f"http://{name}.example", "card": {"name": name}, **described, "words": f"{name} guesses"}
        for name in names
    ]
    async with registry._store._engine.begin() as connection:
        await connection.execute(insert(tables.agents), rows)
    assert ids(await registry.discover(q="agent")) == ids(await registry.discover(q="guess AG")) == names
    assert ids(await registry.discover(q="0007 age")) == ["agent-0007"]
    assert ids(await registry.discover(q="0007", after="agent-0007")) == []
    assert ids(await registry.discover(q="guesses", after=names[-2])) == names[-1:]


async def test_what_another_process_changes_is_seen_at_once(on_either: Registry) -> None:
    other = Registry(on_either._store._engine)
    await named(on_either, "ant", "bee")
    before = await other.version()
    assert ids(await other.discover()) == ["ant", "bee"]
    await on_either.remove("ant")
    await on_either.mark("bee", healthy=False)
    assert [(one.id, one.healthy) for one in await other.discover()] == [("bee", False)]
    assert await other.version() > before
    assert await other.discover() == await on_either.discover()


async def test_two_processes_that_register_at_once_lose_nothing(on_either: Registry) -> None:
    registries = [Registry(on_either._store._engine) for _ in range(4)]
    await asyncio.gather(*(named(one, f"a{number}", "same") for number, one in enumerate(registries)))
    for one in registries:
        assert ids(await one.discover()) == ["a0", "a1", "a2", "a3", "same"]


async def test_nothing_new_is_no_change(registry: Registry) -> None:
    await named(registry, "ant")
    version = await registry.version()
    await named(registry, "ant")
    assert await registry.version() == version


async def test_a_stranger_that_claims_what_ours_does_is_found_behind_it_and_shown_to_clash(registry: Registry) -> None:
    theirs = card("aaa", skill("query", "platform:kql", "platform:esql"), skill("prove", "platform:kql"))
    await as_fetched(registry, theirs, "http://aaa.example")
    assert (await registry.get("aaa")).clashes == []
    await registry.register(card("kql", skill("query", "platform:kql")), url="http://kql.example")
    found = await registry.discover("query", "kql")
    assert [(one.id, one.clashes) for one in found] == [("kql", []), ("aaa", ["query on kql"])]


LIKE_OURS = ["KQL", "k q l", "k-q-l", "ＫＱＬ", "kql."]


@pytest.mark.parametrize("name", LIKE_OURS)
async def test_no_stranger_has_a_name_that_reads_like_one_of_ours(registry: Registry, name: str) -> None:
    await registry.register(card("kql", skill("query")), url="http://kql.example")
    with pytest.raises(Conflict, match="reads like that of LexiQuery's own agent 'kql'"):
        await as_fetched(registry, card(name, skill("guess")), "http://evil.example")


@pytest.mark.parametrize("name", ["lexiquery", "Core_Engine", "core_engine"])
async def test_no_stranger_is_called_as_lexiquery_itself(registry: Registry, name: str) -> None:
    with pytest.raises(Conflict, match="reads like that of LexiQuery's own agent"):
        await as_fetched(registry, card(name, skill("guess")), "http://evil.example")


@pytest.mark.parametrize("name", ["\u043aql", "peer:guest", "gäst"])
async def test_a_strangers_name_is_of_one_script_and_no_peers(registry: Registry, name: str) -> None:
    with pytest.raises(InvalidInput, match="name it in printable ASCII without ':'"):
        await as_fetched(registry, card(name, skill("guess")), "http://evil.example")


async def test_versions_of_a_card_are_kept_the_newest_first(on_either: Registry) -> None:
    for number in range(store.VERSIONS + 3):
        one = card("ant", skill("guess"), description=f"the {number}th")
        await as_fetched(on_either, one, "http://ant.example")
    details = await on_either.details("ant")
    assert [one.card["description"] for one in details.versions] == [
        f"the {number}th" for number in range(store.VERSIONS + 2, 2, -1)
    ]
    assert details.card == details.versions[0].card
    await on_either.remove("ant")
    await named(on_either, "ant")
    assert len((await on_either.details("ant")).versions) == 1


async def test_agents_of_an_older_lexiquery_are_found_and_called(registry: Registry) -> None:
    """Whose tables had no replicas, no versions and no numbers of changes."""
    await named(registry, "ant")
    async with registry._store._engine.begin() as connection:
        for table in (tables.replicas, tables.versions, tables.changes, tables.counter):
            await connection.execute(delete(table))
        await connection.execute(update(tables.agents).values(digest=""))
    newer = Registry(registry._store._engine)
    assert ids(await newer.discover("guess")) == ["ant"]
    assert (await newer.route("ant", "guess")).url == "http://ant.example"
    with pytest.raises(NotFound, match=r"did you mean 'ant'\?"):
        await newer.route("ants")
