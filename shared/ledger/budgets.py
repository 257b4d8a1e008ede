"""The budgets that operators set, and what is used of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from sqlalchemy import Connection, delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import insert_on
from shared.errors import InvalidInput, NotFound, did_you_mean
from shared.ledger.limits import UNITS, Limit, Scope, Spent, spent_of
from shared.ledger.tables import budgets, calls, day_totals
from shared.models import Budget, Model

_LONGEST_NAME = 64


class BudgetState(Model):
    """A budget, and what is used of it today; of a journey's nothing, since each has its own.

    who: '' is everybody, or with scope `user` every user that has none of his own. held: by calls under way.
    uncounted_calls, unpriced_calls: those whose tokens or money is in no sum. currency: of the money.
    """

    scope: Scope
    who: str
    budget: Budget
    alert_at: float
    calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    money: float | None = None
    held_tokens: int | None = None
    uncounted_calls: int = 0
    unpriced_calls: int = 0
    currency: str | None = None


def read_whose(text: str) -> tuple[Scope, str]:
    """`journey`, `day`, `user` or `user:NAME`. Raises InvalidInput."""
    scope, _, who = text.partition(":")
    known = {name: name for name in get_args(Scope)}
    if scope not in known or (who and scope != "user") or text.endswith(":"):
        raise InvalidInput(
            f"'{text}' has no budget", suggestion=did_you_mean(scope, known) or "journey, day, user:NAME"
        )
    return known[scope], who


class Budgets:
    """Kept in `budgets` of the process's database; they hold from the next call on, in every process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def set(self, scope: Scope, who: str, budget: Budget, alert_at: float = 0.8) -> None:
        """Instead of the one before. Raises InvalidInput for a budget without a limit, or of nobody."""
        _check(scope, who, alert_at)
        limits = budget.model_dump(exclude_none=True)
        if not limits:
            raise InvalidInput("a budget limits something", suggestion="name tokens, seconds, calls or money")
        row = {"scope": scope, "who": who, "limits": limits, "alert_at": alert_at}
        async with self._engine.begin() as connection:
            insert = insert_on(self._engine.dialect, budgets).values(row)
            given = {"limits": insert.excluded.limits, "alert_at": insert.excluded.alert_at}
            await connection.execute(insert.on_conflict_do_update(index_elements=["scope", "who"], set_=given))

    async def remove(self, scope: Scope, who: str) -> None:
        """Raises NotFound."""
        async with self._engine.begin() as connection:
            gone = await connection.execute(delete(budgets).where(budgets.c.scope == scope, budgets.c.who == who))
        if not gone.rowcount:
            raise NotFound(f"no budget is set for {scope}{f' {who!r}' if who else ''}")

    async def states(self, currency: str | None) -> list[BudgetState]:
        """The budget for every user has a line for each of today's users. currency: of the rate card, which money is
        counted in; the one of most calls if None."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(_states, currency)


def _check(scope: Scope, who: str, alert_at: float) -> None:
    if who and scope != "user":
        raise InvalidInput(
            f"the budget of the {scope} is nobody's own", suggestion="leave out who, or set one of a user"
        )
    if len(who) > _LONGEST_NAME or any(mark < " " for mark in who):
        raise InvalidInput(f"{who[:80]!r} is no user's name: one has up to {_LONGEST_NAME} characters in one line")
    if not 0 < alert_at <= 1:
        raise InvalidInput(f"alert_at is {alert_at:g}, and a share of a limit is more than 0 and at most 1")


def _states(connection: Connection, currency: str | None) -> list[BudgetState]:
    today = datetime.now(UTC).date().isoformat()
    rows = connection.execute(select(budgets).order_by(budgets.c.scope, budgets.c.who)).all()
    summed = select(day_totals.c.value).where(day_totals.c.day == today, day_totals.c.dimension == "user")
    still_open = select(calls.c.user).where(~calls.c.is_summed, calls.c.day == today, calls.c.user != "")
    users = set(connection.execute(summed.union(still_open)).scalars())
    own = {row.who for row in rows if row.scope == "user"}
    found = []
    for row in rows:
        budget = Budget.model_validate(row.limits)
        everybody = row.scope == "user" and not row.who
        if row.scope == "journey" or everybody:
            unused = BudgetState(scope=row.scope, who=row.who, budget=budget, alert_at=row.alert_at, currency=currency)
            found.append(unused)
        whose = sorted(users - own) if everybody else [] if row.scope == "journey" else [row.who]
        limits = (Limit(row.scope, who, today, budget, row.alert_at) for who in whose)
        found += [_state(limit, spent_of(connection, limit, currency)) for limit in limits]
    return found


def _state(limit: Limit, spent: Spent) -> BudgetState:
    names = (*UNITS, "held_tokens", "uncounted_calls", "unpriced_calls", "currency")
    used = {name: getattr(spent, name) for name in names}
    return BudgetState(scope=limit.scope, who=limit.who, budget=limit.budget, alert_at=limit.alert_at, **used)
