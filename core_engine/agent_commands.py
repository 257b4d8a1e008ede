"""What the commands about the registry do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from pydantic import ValidationError

from core_engine.results import DONE, FAILED, Result, as_table, quiet_settings, write_text
from core_engine.session import open_product
from protocol_interface.product import RegisteredAgent, health_in_words
from protocol_interface.registry.exchange import Export
from protocol_interface.registry.probing import QUARANTINE
from protocol_interface.registry.records import AgentDetails, ReplicaState
from protocol_interface.registry.static import read_cards
from shared.errors import InvalidInput, first_problem
from shared.models import Model

_HEADER = ("agent", "platform", "skills", "health", "signed", "url")
_SIGNED = {"none": "no", "unverified": "by an unknown key"}


class Removed(Model):
    removed: str


class Exported(Model):
    agents: int
    out: str


async def agents_list(**wanted: Any) -> Result:
    """wanted: as in Registry.discover."""
    async with open_product(quiet_settings()) as product:
        found = await product.agents.find(**wanted)
    return Result(found, as_table([_row(one) for one in found], _HEADER))


def _row(agent: RegisteredAgent) -> tuple[Any, ...]:
    skills = ", ".join(skill["id"] for skill in agent.skills)
    more = f" and {agent.replicas - 1} more" if agent.replicas > 1 else ""
    return agent.name, agent.platform, skills, agent.health, _signed(agent), agent.url + more


def _signed(agent: RegisteredAgent) -> str:
    return _SIGNED.get(agent.signature) or f"by {agent.signer}"


async def agents_show(name: str) -> Result:
    async with open_product(quiet_settings()) as product:
        details = await product.agents.show(name)
    return Result(details, _shown(details))


def _shown(details: AgentDetails) -> str:
    agent = details.agent
    lines = [
        f"{agent.name} {agent.version}: {agent.description}",
        f"from: {agent.source}, trusted: {'yes' if agent.trusted else 'no'}, signed: {_signed(agent)}",
        *([f"registered until {agent.lease_until:%Y-%m-%d %H:%M:%S} UTC"] if agent.lease_until else []),
        *([f"asked only where no agent of ours is: {', '.join(agent.clashes)}"] if agent.clashes else []),
        *(f"skill {skill['id']} ({', '.join(skill['tags'])}): {skill['description']}" for skill in agent.skills),
    ]
    replicas = [
        (one.url, _replica_health(one), one.in_flight, one.probe_seconds, one.problem) for one in details.replicas
    ]
    versions = [(one.seen_at.strftime("%Y-%m-%d %H:%M:%S"), one.version, one.digest[:12]) for one in details.versions]
    tables = [
        as_table(replicas, ("served at", "health", "calls now", "seconds", "problem")),
        as_table(versions, ("card seen", "version", "digest")),
    ]
    return "\n\n".join(["\n".join(lines), *tables])


def _replica_health(replica: ReplicaState) -> str:
    said = health_in_words(replica.healthy)
    is_in_quarantine = replica.failures >= QUARANTINE
    return f"{said}, in quarantine after {replica.failures} failures" if is_in_quarantine else said


async def agents_register(place: str) -> Result:
    """place: the URL of an agent or of its card, or a file with a card."""
    card = _card_in(Path(place)) if "://" not in place else None
    async with open_product(quiet_settings()) as product:
        agents = product.agents
        agent = await (agents.register_url(place) if card is None else agents.register_card(card))
    return Result(agent, f"registered {agent.name} at {agent.url}")


def _card_in(file: Path) -> dict[str, Any] | None:
    """The card in a file, None if there is no such file. Raises InvalidInput for one that can't be used."""
    if not file.is_file():
        return None
    [card] = read_cards(file)
    return agent_card_to_dict(card)


async def agents_remove(name: str) -> Result:
    async with open_product(quiet_settings()) as product:
        await product.agents.remove(name)
    return Result(Removed(removed=name), f"removed {name}")


async def agents_export(out: str) -> Result:
    """out: a file; - is standard output."""
    async with open_product(quiet_settings()) as product:
        exported = await product.agents.export()
    text = exported.model_dump_json(indent=2)
    if out == "-":
        return Result(exported, text)
    await write_text(out, text + "\n")
    done = Exported(agents=len(exported.agents), out=out)
    return Result(done, f"wrote {done.agents} agents to {out}")


async def agents_import(file: Path) -> Result:
    exported = _read_export(file)
    async with open_product(quiet_settings()) as product:
        done = await product.agents.take_in(exported)
    return Result(done, done.render(), FAILED if done.refused else DONE)


def _read_export(file: Path) -> Export:
    try:
        return Export.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InvalidInput(f"can't read {file}: {error.strerror}") from error
    except ValidationError as error:
        problem = first_problem(error, whole="the file")
        raise InvalidInput(
            f"{file} is no export of agents: {problem}", suggestion="`agents export` writes one"
        ) from error
