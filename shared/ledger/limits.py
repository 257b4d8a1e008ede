"""Budgets: what a journey, a user's day and everybody's day may take. Held before a call, settled by how it ended.

What a pending call holds back is part of its row, so that the calls of every process are seen, and what a dead process
held is free again once its calls are closed as lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, case, func, literal, select, text

from shared.errors import BudgetExceeded
from shared.ledger.sums import currency_of
from shared.ledger.tables import PEER, budgets, calls, day_totals, is_uncounted, is_unpriced
from shared.ledger.transactions import driver_of
from shared.models import Budget

Scope = Literal["journey", "user", "day"]
Unit = Literal["tokens", "seconds", "calls", "money"]
UNITS: tuple[Unit, ...] = ("calls", "tokens", "seconds", "money")
_NEXT_DAY = "wait for the next day (UTC), or raise it: `lexiquery cost set-budget`"
_RAISE = "raise it: `lexiquery cost set-budget`, or the question's own budget"
_CHECKING = 0x1E92
"""Key of PostgreSQL's advisory lock that is held while a limit is checked, or calls go into the sums."""
# Statements that every call needs are built once: SQLAlchemy takes longer to build one than a database to run it.
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
ANY_BUDGET = "SELECT 1 FROM budgets LIMIT 1"
_BUDGETS = select(budgets)


@dataclass(frozen=True)
class Reservation:
    """What a call may come to: about its prompt plus the longest answer, in tokens; their price, or what such calls
    cost lately; the seconds that they took lately. budget: of its journey; currency: of the rate card, which budgets
    of money are in, None where it prices nothing."""

    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    budget: Budget | None = None
    currency: str | None = None

    def wanted(self, unit: Unit) -> float:
        return {"tokens": self.tokens, "money": self.cost, "seconds": self.seconds}.get(unit) or 0


@dataclass(frozen=True)
class Limit:
    """A budget and what it is held against. who: a user, '' for everybody; window: the journey's id, or a UTC day."""

    scope: Scope
    who: str
    window: str
    budget: Budget
    alert_at: float = 0.8

    def __str__(self) -> str:
        return {"journey": "the journey's budget", "user": f"the day's budget of '{self.who}'"}.get(
            self.scope, "the day's budget"
        )


@dataclass(frozen=True)
class Spent:
    """What was used, and what pending calls hold back. tokens: prompt plus completion, of the calls that were counted;
    money: of the calls that have a price in `currency`; those priced in another one count as unpriced."""

    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    money: float = 0.0
    uncounted_calls: int = 0
    unpriced_calls: int = 0
    held_tokens: int = 0
    held_money: float = 0.0
    held_seconds: float = 0.0
    currency: str | None = None

    def used(self, unit: Unit) -> float:
        return float(getattr(self, unit))

    def missing(self, unit: Unit) -> str:
        """How many calls a sum leaves out, in brackets."""
        kind, count = {"tokens": ("uncounted", self.uncounted_calls), "money": ("unpriced", self.unpriced_calls)}.get(
            unit, ("", 0)
        )
        return f" ({count} calls {kind})" if count else ""


_COUNTS = ("calls", "tokens", "seconds", "uncounted_calls", "unpriced_calls")
_HELD = ("held_tokens", "held_money", "held_seconds")


def has_limits(connection: Connection, reserved: Sequence[Reservation]) -> bool:
    """Whether any limit may bear on these calls; on PostgreSQL other processes then wait until this one has written."""
    driver = driver_of(connection)
    known = driver.execute(ANY_BUDGET).fetchone() if driver else connection.exec_driver_sql(ANY_BUDGET).first()
    if known is None and not any(one.budget for one in reserved):
        return False
    alone(connection)
    return True


def alone(connection: Connection) -> None:
    """No other process checks a limit or adds to the sums until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"key": _CHECKING})
    elif not driver_of(connection):  # a driver that begins by itself, and only when something is written
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def check_limits(
    connection: Connection, journey_id: str | None, user: str | None, reserved: Reservation
) -> BudgetExceeded | None:
    """Why a limit leaves no room for a call; None when all do."""
    for limit in limits_of(connection, journey_id, user, reserved.budget):
        spent = spent_of(connection, limit, reserved.currency)
        for unit in UNITS:
            most = getattr(limit.budget, unit)
            if most is not None and (why := _refused(limit, spent, unit, most, reserved)):
                is_too_small = limit.scope == "journey" or reserved.wanted(unit) > most
                return BudgetExceeded(why, suggestion=_RAISE if is_too_small else _NEXT_DAY)
    return None


def limits_of(
    connection: Connection, journey_id: str | None, user: str | None, journey: Budget | None = None
) -> Iterator[Limit]:
    """What bears on a call. journey: the budget that came with the question; it holds beside the one for all
    journeys. A user's own takes the place of the one for every user."""
    rows = connection.execute(_BUDGETS).all()
    set_for: dict[tuple[str, str], Any] = {(row.scope, row.who): row for row in rows}
    today = datetime.now(UTC).date().isoformat()
    if journey_id is not None:
        if journey is not None:
            yield Limit("journey", "", journey_id, journey)
        if row := set_for.get(("journey", "")):
            yield _limit(row, "", journey_id)
    if user and (row := set_for.get(("user", user)) or set_for.get(("user", ""))):
        yield _limit(row, user, today)
    if row := set_for.get(("day", "")):
        yield _limit(row, "", today)


def spent_of(connection: Connection, limit: Limit, currency: str | None) -> Spent:
    """currency: which money is counted in; the one of most calls if None."""
    if limit.scope == "journey":
        return _spent(connection.execute(_OF_A_JOURNEY, {"journey_id": limit.window}).all(), currency)
    whose = {"user": limit.who} if limit.scope == "user" else {}
    dimension, still_open = ("user", _OPEN_OF_A_USER) if whose else ("all", _OPEN_OF_A_DAY)
    summed = {"day": limit.window, "dimension": dimension, "value": limit.who}
    rows = [*connection.execute(_OF_A_DAY, summed), *connection.execute(still_open, {"day": limit.window, **whose})]
    return _spent(rows, currency)


def _spent(rows: Sequence[Row[Any]], currency: str | None) -> Spent:
    """rows: sums by currency. Amounts of two can't be added."""
    currency = currency or currency_of(rows)
    sums: dict[str, Any] = {name: sum(getattr(row, name) or 0 for row in rows) for name in (*_COUNTS, *_HELD)}
    sums["money"] = sum(row.money or 0 for row in rows if (row.currency or None) == currency)
    sums["unpriced_calls"] += sum(row.priced for row in rows if (row.currency or None) != currency)
    return Spent(**sums, currency=currency)


def _spent_query(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Not what a stranger says that it used, and not what a cache answered."""
    call = calls.c
    is_open = call.status == "pending"
    sums: list[Any] = [
        func.count().label("calls"),
        func.sum(func.coalesce(call.prompt_tokens, 0) + func.coalesce(call.completion_tokens, 0)).label("tokens"),
        func.sum(call.total_seconds).label("seconds"),
        func.sum(call.cost).label("money"),
        func.count(call.cost).label("priced"),
        func.sum(case((and_(~is_open, is_uncounted), 1), else_=0)).label("uncounted_calls"),
        func.sum(case((and_(~is_open, is_unpriced), 1), else_=0)).label("unpriced_calls"),
        func.sum(case((is_open, call.reserved_tokens))).label("held_tokens"),
        func.sum(case((is_open, call.reserved_cost))).label("held_money"),
        func.sum(case((is_open, call.reserved_seconds))).label("held_seconds"),
    ]
    query = select(call.currency, *sums).where(*conditions, call.id.not_like(f"{PEER}%"), call.status != "cached")
    return query.group_by(call.currency)


def _day_query() -> Select[Any]:
    total = day_totals.c
    made = total.calls - total.cached
    sums: list[Any] = [
        made.label("calls"),
        (total.prompt_tokens + total.completion_tokens).label("tokens"),
        total.seconds,
        total.cost.label("money"),
        (made - total.unpriced).label("priced"),
        total.uncounted.label("uncounted_calls"),
        total.unpriced.label("unpriced_calls"),
        *(literal(0).label(name) for name in _HELD),
    ]
    one_day = (total[name] == bindparam(name) for name in ("day", "dimension", "value"))
    return select(total.currency, *sums).where(*one_day)


_OF_A_JOURNEY = _spent_query(calls.c.journey_id == bindparam("journey_id"))
_OPEN_OF_A_DAY = _spent_query(~calls.c.is_summed, calls.c.day == bindparam("day"))
_OPEN_OF_A_USER = _OPEN_OF_A_DAY.where(calls.c.user == bindparam("user"))
_OF_A_DAY = _day_query()


def _limit(row: Any, who: str, window: str) -> Limit:
    return Limit(row.scope, who, window, Budget.model_validate(row.limits), row.alert_at)


def _refused(limit: Limit, spent: Spent, unit: Unit, most: float, reserved: Reservation) -> str | None:
    used = spent.used(unit)
    what = f"{most:g} {(spent.currency if unit == 'money' else None) or unit}"
    if used >= most:
        return f"{limit} of {what} is spent: {used:g} used{spent.missing(unit)}"
    held = {"tokens": spent.held_tokens, "money": spent.held_money, "seconds": spent.held_seconds}.get(unit, 0)
    wanted = reserved.wanted(unit)
    if used + held + wanted > most:
        kept = f" and {held:g} held by calls under way" if held else ""
        taken = f"{used:g} used{kept}{spent.missing(unit)}"
        return f"{limit} of {what} leaves too little for a call of up to {wanted:g}: {taken}"
    return None
