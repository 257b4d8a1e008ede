"""The price of a call, from the rate card; None where the card, or what the model server told, gives none."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from shared.calls import CallRecord
from shared.errors import InvalidInput, did_you_mean, first_problem
from shared.models import Model

CARD = Path(__file__).with_name("rates.yaml")
ANY = "*"
_YEAR = 365.25 * 86_400  # seconds in a Julian year
_KWH = 3.6e6  # joules in a kilowatt-hour
_MOST = 1e9  # what the ledger can hold
_NO_CURRENCY = "XXX"
_PAGE = "docs/costs.md shows a whole card"

Text = Annotated[str, Field(min_length=1)]
Money = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class TokenRate(Model):
    """What a provider charges for tokens."""

    provider: Text = Field(description="a provider's name as the ledger has it, such as ollama")
    model: Text = Field(description="a model's name as the ledger has it, or '*' for every model of the provider")
    prompt: Money = Field(description="the price of a million prompt tokens")
    cached_prompt: Money | None = Field(
        None, description="the price of a million prompt tokens that the provider had read before; `prompt` if not said"
    )
    completion: Money = Field(description="the price of a million completion tokens")


class SecondRate(Model):
    """What a provider charges for the time that it computes."""

    provider: Text = Field(description="a provider's name as the ledger has it, such as ollama")
    model: Text = Field(description="a model's name as the ledger has it, or '*' for every model of the provider")
    second: Money = Field(description="the price of a second of computing")


class Hardware(Model):
    """A machine of the operator's own."""

    name: Text = Field(description="what you call the machine")
    providers: list[Text] = Field(min_length=1, description="a list of the providers that compute on it: [ollama]")
    price: Money = Field(description="its purchase price")
    life_years: float = Field(ge=0.01, le=100, description="the years that it is used for, such as 4")
    utilisation: float = Field(
        ge=0.0001, le=1, description="the share of its life in which it computes: 0.25 is six hours a day"
    )
    watts: float = Field(ge=0, le=1e6, description="what it draws while it computes, in watts")
    idle_watts: float = Field(ge=0, le=1e6, description="what it draws while it waits, in watts")
    pue: float = Field(
        ge=1, le=10, description="all power over the machine's own: 1.0 in an office, 1.1 to 2 with cooling"
    )
    tariff_kwh: float = Field(ge=0, le=1e4, description="the price of a kilowatt-hour")
    hosts: list[Text] | None = Field(
        None, description="a list of the host names whose calls it computes; every host if not said"
    )


Rate = TokenRate | SecondRate | Hardware


def _as_text(version: Any) -> Any:
    """YAML reads 2027-01-31 as a day and 7 as a number."""
    return str(version) if isinstance(version, date | int) else version


class RateCard(Model):
    """What calls cost, in one currency (ISO 4217). version: written on the ledger with every price made from it."""

    version: Annotated[Text, Field(max_length=64), BeforeValidator(_as_text)] = Field(
        description='a text of your own, in quotes, such as "2027-01"; change it with every change of the card'
    )
    currency: str = Field(pattern="^[A-Z]{3}$", description="one of ISO 4217's codes, such as EUR")
    tokens: list[TokenRate] = Field([], description="a list of prices per million tokens")
    seconds: list[SecondRate] = Field([], description="a list of prices per second of computing")
    hardware: list[Hardware] = Field([], description="a list of your machines")

    @property
    def known_currency(self) -> str | None:
        """None of the shipped card, which has ISO 4217's code for no currency."""
        return None if self.currency == _NO_CURRENCY else self.currency

    def rate(self, provider: str, model: str, host: str | None = None) -> Rate | None:
        """What prices a call that `host` makes; this machine if None. The most specific rate wins: one that names the
        model before one for `*` before a machine, which names no model. Of two as specific it is the tokens' before
        the seconds'; of two machines the one that names the host."""
        for name in (model, ANY):
            if found := self._charges.get((provider, name)):
                return found
        here = host or platform.node()
        return self._machines.get((provider, here)) or self._machines.get((provider, ANY))

    @cached_property
    def _charges(self) -> dict[tuple[str, str], TokenRate | SecondRate]:
        every: list[TokenRate | SecondRate] = [*self.seconds, *self.tokens]  # the tokens' come last, and win
        return {(rate.provider, rate.model): rate for rate in every}

    @cached_property
    def _machines(self) -> dict[tuple[str, str], Hardware]:
        return {key: machine for machine in self.hardware for key in _places(machine)}

    @model_validator(mode="after")
    def _names_each_once(self) -> RateCard:
        seen: set[tuple[str, ...]] = set()
        for key in self._keys():
            if key in seen:
                raise PydanticCustomError("twice", "{what} is there twice", {"what": " ".join(key)})
            seen.add(key)
        return self

    def _keys(self) -> Iterator[tuple[str, ...]]:
        yield from (("tokens of", rate.provider, rate.model) for rate in self.tokens)
        yield from (("seconds of", rate.provider, rate.model) for rate in self.seconds)
        yield from (("hardware of", *key) for machine in self.hardware for key in _places(machine))


def _places(machine: Hardware) -> Iterator[tuple[str, str]]:
    return ((provider, host) for provider in machine.providers for host in machine.hosts or [ANY])


_SECTIONS: dict[Any, type[Model]] = {"tokens": TokenRate, "seconds": SecondRate, "hardware": Hardware}


@cache
def read_card(path: Path | None = None) -> RateCard:
    """The card of the setting `rate_card`, or the shipped one; a file is read once a process.

    Raises InvalidInput naming the file, the field and what it should be.
    """
    file = path or CARD
    try:
        return RateCard.model_validate(_mapping(file))
    except ValidationError as error:
        raise InvalidInput(f"the rate card {file}: {first_problem(error)}", suggestion=_fix(error)) from error


def _mapping(file: Path) -> dict[Any, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"can't read the rate card {file}: {error.strerror}"
        raise InvalidInput(problem, suggestion="name a YAML file with LEXIQUERY_RATE_CARD") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(f"the rate card {file} is not YAML: {_one_line(error)}", suggestion=_PAGE) from error
    if not isinstance(found, dict):
        raise InvalidInput(f"the rate card {file} has no version and no currency", suggestion=_PAGE)
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _fix(error: ValidationError) -> str | None:
    """The nearest name for an unknown field, and what a field is for any other."""
    first = error.errors()[0]
    if first["type"] == "twice":
        return "leave one of them out"
    place = [part for part in first["loc"] if isinstance(part, str)]
    section = _SECTIONS.get(place[0], RateCard) if len(place) > 1 else RateCard
    name, fields = place[-1], section.model_fields
    if first["type"] == "extra_forbidden":
        return did_you_mean(name, fields)
    return f"`{name}` is {fields[name].description}" if name in fields else None


@dataclass(frozen=True)
class Price:
    """cost in `currency`; of a machine of ours (`local`) it is energy + amortisation + idle. card: its version."""

    cost: float
    currency: str
    source: Literal["local", "provider"]
    card: str
    energy: float | None = None
    amortisation: float | None = None
    idle: float | None = None


def price(call: CallRecord, card: RateCard, joules: float | None = None, *, host: str | None = None) -> Price | None:
    """What a call cost. None without a rate, without a count that its rate needs, or beyond what the ledger holds.

    joules: what the machine was measured to draw for the call, if it was; host: which makes the call, this one if None.

        tokens    ((prompt - cached) * prompt rate + cached * cached rate + completion * completion rate) / 1e6
        seconds   compute seconds * rate
        hardware  amortisation + energy + idle, where
                  amortisation [money] = price / (life_years * 365.25 * 86400 * utilisation) * compute seconds
                  energy [money]       = (joules, or watts * compute seconds) / 3.6e6 * pue * tariff_kwh
                  idle [money]         = idle_watts * (1 / utilisation - 1) * compute seconds / 3.6e6 * pue * tariff_kwh

    Straight-line depreciation over the seconds that the machine computes: in a life of T seconds it computes
    T * utilisation, and waits 1 / utilisation - 1 seconds for each of these. 3.6e6 joules are a kilowatt-hour; pue is
    power usage effectiveness as in ISO/IEC 30134-2. A cached token whose number nobody told is priced as any other.
    """
    rate = card.rate(call.provider, call.model, host)
    if isinstance(rate, Hardware):
        found = _of_machine(call, card, rate, joules)
    elif rate is not None:
        cost = _of_tokens(call, rate) if isinstance(rate, TokenRate) else _of_seconds(call, rate)
        found = None if cost is None else Price(cost, card.currency, "provider", card.version)
    else:
        found = None
    return found if found and found.cost <= _MOST else None


def compute_seconds(call: CallRecord) -> float | None:
    """Load, prompt and generation time as the server told them; never the wall time, which holds waiting for others.

    None where it told no prompt or generation time (an embedding generates nothing). A server that tells these but no
    load time loaded nothing: llama.cpp's has loaded its model before it listens, and Ollama leaves out what is zero.
    """
    generated = 0.0 if call.operation == "embeddings" else call.generation_seconds
    if call.prompt_seconds is None or generated is None:
        return None
    return (call.load_seconds or 0.0) + call.prompt_seconds + generated


def _of_tokens(call: CallRecord, rate: TokenRate) -> float | None:
    completion = 0 if call.operation == "embeddings" else call.completion_tokens
    if call.prompt_tokens is None or completion is None:
        return None
    cached = min(call.cached_tokens or 0, call.prompt_tokens)
    cached_rate = rate.prompt if rate.cached_prompt is None else rate.cached_prompt
    prompt = (call.prompt_tokens - cached) * rate.prompt + cached * cached_rate
    return (prompt + completion * rate.completion) / 1e6


def _of_seconds(call: CallRecord, rate: SecondRate) -> float | None:
    seconds = compute_seconds(call)
    return None if seconds is None else seconds * rate.second


def _of_machine(call: CallRecord, card: RateCard, machine: Hardware, joules: float | None) -> Price | None:
    seconds = compute_seconds(call)
    if seconds is None:
        return None
    joule = machine.pue * machine.tariff_kwh / _KWH
    amortisation = machine.price / (machine.life_years * _YEAR * machine.utilisation) * seconds
    energy = (machine.watts * seconds if joules is None else joules) * joule
    idle = machine.idle_watts * (1 / machine.utilisation - 1) * seconds * joule
    return Price(
        cost=amortisation + energy + idle,
        currency=card.currency,
        source="local",
        card=card.version,
        energy=energy,
        amortisation=amortisation,
        idle=idle,
    )
