"""What a row must hold so that a query's conditions are true of it, and values that do."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from agents.data.kql.types import kusto_type
from shared.catalog import Column

Value: TypeAlias = str | int | float | bool | None
Pools: TypeAlias = Mapping[str, Sequence[str]]

_DAYS = 30  # that rows without a wish for their time spread over
_NAMES = 6  # different ones that a column without known values gets, so that rows share some
_SHARED = 0.9  # of the rows
# What columns of that name hold; {n} is a number from 1. The first that fits.
_FORMS = (
    (re.compile(r"(^|_|[a-z])IP(v4)?(Addr|$|[A-Z])|IpAddress"), "10.0.0.{n}"),
    (re.compile(r"Upn$|UPN$|UserPrincipalName$|(Mail|Email|Sender|Recipient)\w*Address$"), "user{n}@example.com"),
    (re.compile(r"Url$|URL$|Uri$"), "https://site{n}.example/page"),
    (re.compile(r"SHA256$"), "{n:064x}"),
    (re.compile(r"SHA1$"), "{n:040x}"),
    (re.compile(r"MD5$"), "{n:032x}"),
)


@dataclass
class Wish:
    """Of one cell. equal: the very value; low, high: bounds, included; parts: what its text contains; other_than: what
    it must not be; empty: no value at all; inside: of values in its JSON, by their path."""

    equal: Value | datetime = None
    low: float | datetime | None = None
    high: float | datetime | None = None
    prefix: str = ""
    suffix: str = ""
    parts: list[str] = field(default_factory=list)
    other_than: list[Any] = field(default_factory=list)
    empty: bool = False
    inside: dict[tuple[str | int, ...], Wish] = field(default_factory=dict)

    def also(self, other: Wish) -> None:
        """This wish and another one of the same cell; where they contradict each other the other one wins."""
        for name in ("equal", "low", "high"):
            if getattr(other, name) is not None:
                setattr(self, name, getattr(other, name))
        self.prefix, self.suffix = other.prefix or self.prefix, other.suffix or self.suffix
        self.empty = self.empty or other.empty
        self.parts += other.parts
        self.other_than += other.other_than
        for path, inner in other.inside.items():
            self.inside.setdefault(path, Wish()).also(inner)


def value_for(wish: Wish, column: Column, pools: Pools, now: datetime, dice: random.Random) -> Value:
    """A value of the column's type that the wish is true of, as a row of a CSV file says it; None is no value."""
    if wish.empty:
        return None
    kind = kusto_type(column.type)
    if wish.inside:
        return json.dumps(_document(wish.inside, pools, now, dice))
    if kind == "dynamic":
        return _dynamic(wish, column, dice)
    if kind == "datetime":
        return _moment(wish, now, dice).strftime("%Y-%m-%dT%H:%M:%S.%f")
    if kind == "bool":
        return _truth(wish, dice)
    if kind in ("int", "long", "real", "decimal"):
        number = _number(wish, dice)
        return number if kind in ("real", "decimal") else round(number)
    text = _text(wish, column, pools, dice)
    return str(UUID(int=sum(text.encode()))) if kind == "guid" and not _is_guid(text) else text


def near_misses(wish: Wish) -> Iterator[Wish]:
    """Wishes like it, each with one thing otherwise, so that a query without that condition tells the two apart."""
    for name in ("low", "high"):
        if (bound := getattr(wish, name)) is not None:
            step: Any = timedelta(days=2) if isinstance(bound, datetime) else 2
            yield Wish(equal=bound - step if name == "low" else bound + step)
    if wish.equal is not None:
        yield _other(wish.equal)
    if wish.prefix:
        yield replace(wish, prefix="")
    if wish.suffix:
        yield replace(wish, suffix="")
    for part in wish.parts:
        yield replace(wish, parts=[one for one in wish.parts if one != part], other_than=[part])
    if wish.other_than:
        yield Wish(equal=wish.other_than[0])
    if wish.empty:
        yield Wish(other_than=[""])
    if wish.inside:
        yield Wish(empty=True)


def _other(value: Value | datetime) -> Wish:
    """A near value of the same kind; of text, one that the column has anyway."""
    if isinstance(value, datetime):
        return Wish(equal=value + timedelta(days=1))
    if isinstance(value, bool):
        return Wish(equal=not value)
    return Wish(equal=value + 1) if isinstance(value, int | float) else Wish(other_than=[value])


def _document(inside: Mapping[tuple[str | int, ...], Wish], pools: Pools, now: datetime, dice: random.Random) -> Any:
    """JSON with a value at each path. Steps that are numbers make lists, whose places before hold nothing."""
    if wish := inside.get(()):
        return _scalar(wish, pools, now, dice)
    first = {path[0] for path in inside}
    rest = {
        step: _document({path[1:]: wish for path, wish in inside.items() if path[0] == step}, pools, now, dice)
        for step in first
    }
    if all(isinstance(step, int) for step in first):
        return [rest.get(place) for place in range(max(max(int(step) for step in first), 0) + 1)]
    return {str(step): value for step, value in rest.items()}


def _scalar(wish: Wish, pools: Pools, now: datetime, dice: random.Random) -> Value:
    if isinstance(wish.equal, bool | int | float):
        return wish.equal
    if isinstance(wish.low or wish.high, datetime):
        return _moment(wish, now, dice).isoformat()
    if wish.low is not None or wish.high is not None:
        return _number(wish, dice)
    return _text(wish, Column(name="value"), pools, dice)


def _dynamic(wish: Wish, column: Column, dice: random.Random) -> Value:
    if wish.equal is not None:
        return json.dumps(wish.equal, default=str)
    if text := " ".join([wish.prefix, *wish.parts, wish.suffix]).strip():
        return json.dumps({"name": text})
    return json.dumps({"name": f"{column.name.lower()}-{dice.randint(1, _NAMES)}"})


def _moment(wish: Wish, now: datetime, dice: random.Random) -> datetime:
    if isinstance(wish.equal, datetime):
        return wish.equal
    low = wish.low if isinstance(wish.low, datetime) else None
    high = wish.high if isinstance(wish.high, datetime) else None
    if low is None:
        low = (high or now) - timedelta(days=_DAYS)
    high = high or max(now, low + timedelta(hours=1))
    # Not at the very ends: whether those count is what a near miss is for.
    moment = low + (high - low) * (0.05 + 0.9 * dice.random())
    return moment.replace(microsecond=0) if high - low > timedelta(minutes=1) else moment


def _truth(wish: Wish, dice: random.Random) -> str:
    if said := wish.equal if isinstance(wish.equal, str) else " ".join(wish.parts):
        return str(said.lower() in ("true", "1"))
    found = bool(wish.equal) if wish.equal is not None else dice.random() < 0.5
    return str(not wish.other_than[0] if wish.other_than else found)


def _number(wish: Wish, dice: random.Random) -> float:
    if wish.equal is not None:
        try:
            return float(wish.equal) if not isinstance(wish.equal, datetime) else 0.0
        except ValueError:
            return 0.0
    low = wish.low if isinstance(wish.low, int | float) else None
    high = wish.high if isinstance(wish.high, int | float) else None
    if low is None and high is None:
        tries = (dice.randint(0, 100) for _ in range(100))
        return next((found for found in tries if found not in wish.other_than), 101)
    low = low if low is not None else (high or 0) - 100
    high = high if high is not None else low + 100
    return round(low + (high - low) * dice.random()) if high - low > 1 else (low + high) / 2


def _text(wish: Wish, column: Column, pools: Pools, dice: random.Random) -> str:
    if wish.equal is not None:
        return wish.equal.isoformat() if isinstance(wish.equal, datetime) else str(wish.equal)
    if wish.low is not None or wish.high is not None:
        bound = wish.low if wish.low is not None else wish.high
        return bound.isoformat() if isinstance(bound, datetime) else f"{_number(wish, dice):g}"
    if wish.prefix or wish.suffix or wish.parts:
        words = [part for part in dict.fromkeys(wish.parts) if part not in wish.prefix and part not in wish.suffix]
        between = [str(_one_of_few(dice)), *words, ""] if words else [str(_one_of_few(dice))]
        return wish.prefix + " ".join(between) + wish.suffix
    return _usual(wish, column, pools, dice)


def _usual(wish: Wish, column: Column, pools: Pools, dice: random.Random) -> str:
    """A value such as the column has anyway: a known one half of the time, where there are any."""
    forbidden = {str(one).lower() for one in wish.other_than}
    known = [value for value in pools.get(column.name, ()) if value.lower() not in forbidden]
    if known and dice.random() < 0.5:
        return dice.choice(known)
    number = _one_of_few(dice)
    if known and all(value.lstrip("-").isdigit() for value in known):
        return str(number)
    for form, template in _FORMS:
        if form.search(column.name):
            return template.format(n=number)
    return f"{column.name.lower()}-{number}"


def _one_of_few(dice: random.Random) -> int:
    """Mostly a number that other rows have too."""
    return dice.randint(1, _NAMES) if dice.random() < _SHARED else dice.randint(_NAMES + 1, 1000)


def _is_guid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def utc(text: str) -> datetime:
    """A plan's date or datetime."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
