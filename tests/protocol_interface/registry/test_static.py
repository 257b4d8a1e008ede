"""Agents that the operator's settings name, and the registry as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard

from protocol_interface.registry import Registry
from protocol_interface.registry.exchange import Export, export_agents, import_agents
from protocol_interface.registry.static import register_cards
from shared.errors import Conflict, InvalidInput
from shared.settings import Settings
from tests.protocol_interface.registry.cards import Place, card, skill

PUBLIC = "http://93.184.215.14"


def write(folder: Path, one: AgentCard) -> str:
    (folder / f"{one.name}.json").write_text(json.dumps(agent_card_to_dict(one)))
    return str(folder / f"{one.name}.json")


def partner(url: str = PUBLIC, name: str = "partner") -> AgentCard:
    return card(name, skill("guess"), url=url)


async def test_cards_are_read_from_files_folders_and_urls(registry: Registry, place: Place, tmp_path: Path) -> None:
    (tmp_path / "cards").mkdir()
    write(tmp_path / "cards", partner(name="one"))
    write(tmp_path / "cards", partner(name="two"))
    cards = [str(tmp_path / "cards"), write(tmp_path, partner(name="three")), place.url]
    await register_cards(registry, cards)
    found = await registry.discover("guess")
    assert [(one.id, one.source, one.trusted) for one in found] == [
        (name, "static", False) for name in ("guest", "one", "three", "two")
    ]
    assert (await registry.get("one")).url == PUBLIC


async def test_what_is_named_no_more_goes_and_what_others_registered_stays(
    registry: Registry, place: Place, tmp_path: Path
) -> None:
    await registry.register_url(place.url)
    first, second = write(tmp_path, partner(name="one")), write(tmp_path, partner("http://93.184.215.15", "two"))
    await register_cards(registry, [first, second])
    await register_cards(registry, [second])
    assert [one.id for one in await registry.discover()] == ["guest", "two"]


async def test_a_replica_that_is_named_no_more_goes(registry: Registry, place: Place) -> None:
    other = place.url.replace("127.0.0.1", "localhost")
    await register_cards(registry, [place.url, other])
    await register_cards(registry, [other])
    assert await registry.places("guest") == {other}


async def test_nobody_takes_the_name_of_a_static_agent_or_removes_it(
    registry: Registry, place: Place, tmp_path: Path
) -> None:
    place.card = partner(place.url)
    await registry.register_url(place.url)
    await register_cards(registry, [write(tmp_path, partner())])
    assert (await registry.get("partner")).url == PUBLIC, "the operator's word counts more than who came first"
    with pytest.raises(Conflict, match="is registered at"):
        await registry.register_url(place.url)
    with pytest.raises(Conflict, match="agent 'partner' is in LEXIQUERY_AGENT_CARDS"):
        await registry.remove("partner")


async def test_a_url_that_does_not_answer_is_tried_again(registry: Registry, place: Place) -> None:
    answers, place.card = place.card, None
    await register_cards(registry, ["http://127.0.0.1:9", "http://169.254.169.254"])
    assert await registry.discover() == []
    place.card = answers
    await register_cards(registry, [place.url], again=True)
    await register_cards(registry, [place.url], again=True)
    assert [one.id for one in await registry.discover()] == ["guest"]
    assert len(place.statuses) == 1


async def test_a_second_url_of_an_agent_is_fetched_once_too(registry: Registry, place: Place) -> None:
    urls = [place.url, place.url.replace("127.0.0.1", "localhost")]
    await register_cards(registry, urls)
    await register_cards(registry, urls, again=True)
    assert (await registry.get("guest")).replicas == 2
    assert len(place.statuses) == 2


@pytest.mark.parametrize(("text", "says"), [("{", "is no Agent Card"), (None, "can't read the card")])
async def test_a_file_that_is_no_card_is_named(registry: Registry, tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "partner.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidInput, match=says) as raised:
        await register_cards(registry, [str(file)])
    assert str(file) in str(raised.value)


def test_settings_name_several_urls_of_an_agent_and_several_cards() -> None:
    named = {"agents": "kql=http://a:1, kql=http://b:1,sop=http://c", "agent_cards": "cards, http://partner.example"}
    settings = Settings.model_validate(named)
    assert settings.agents == {"kql": ["http://a:1", "http://b:1"], "sop": ["http://c"]}
    assert settings.agent_cards == ["cards", "http://partner.example"]


async def test_a_registry_that_is_exported_can_be_imported_elsewhere(on_either: Registry, registry: Registry) -> None:
    await on_either.register(card("kql", skill("query")), url="http://kql.example")
    for url in (PUBLIC, "http://93.184.215.15"):
        await on_either.register_static(url, partner(url))
    exported = Export.model_validate_json((await export_agents(on_either)).model_dump_json())
    done = await import_agents(registry, exported)
    assert (done.registered, done.skipped, done.refused) == (["partner"], ["kql"], [])
    found = await registry.get("partner")
    assert (found.replicas, found.source, found.trusted) == (2, "card", False)
    version = await registry.version()
    assert (await import_agents(registry, exported)).registered == ["partner"]
    assert await registry.version() == version


async def test_an_import_refuses_what_registering_would(registry: Registry) -> None:
    await registry.register(card("kql", skill("query")), url="http://kql.example")
    agents = [
        {"name": name, "source": "url", "replicas": [{"url": url, "card": agent_card_to_dict(partner(inside, name))}]}
        for name, url, inside in (
            ("inside", "http://10.0.0.1", PUBLIC),
            ("behind", PUBLIC, "http://192.168.0.1"),
            ("KQL", PUBLIC, PUBLIC),
            ("fine", PUBLIC, PUBLIC),
        )
    ]
    done = await import_agents(registry, Export.model_validate({"agents": agents}))
    assert (done.registered, [one.name for one in done.refused]) == (["fine"], ["inside", "behind", "KQL"])
    assert "reads like that of LexiQuery's own agent 'kql'" in done.render()
