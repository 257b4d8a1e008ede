"""A budget that fills up is told: once at its share (80% if not said otherwise), and once when it is spent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import context
from shared.calls import CallRecord
from shared.database import insert_on
from shared.ledger.limits import UNITS, Limit, Spent, Unit, limits_of, spent_of
from shared.ledger.tables import budget_alerts
from shared.models import Budget, Model

log = structlog.get_logger(__name__)
_SECONDS = 10.0


class Alert(Model):
    """What is logged, and sent to the webhook as JSON. window: the UTC day or the journey; used, limit: in `unit`;
    share: of the limit that was reached (1 is all of it). currency: of money, where it is known."""

    scope: str
    who: str
    window: str
    unit: Unit
    used: float
    limit: float
    share: float
    raised_at: datetime
    currency: str | None = None

    @property
    def text(self) -> str:
        whose = {"journey": "a journey", "user": f"'{self.who}' on"}.get(self.scope, "the day")
        return f"{whose} {self.window} has used {self.used:g} of {self.limit:g} {self.currency or self.unit}"


class Alerts:
    """Looks at the budgets that a call bears on after it has ended, beside the journey. currency: tells that of the
    rate card, which money is counted in; webhook: POSTed to, if set.

    A webhook that can't be reached costs a line in the log; the alert is in the log in any case.
    """

    def __init__(self, engine: AsyncEngine, currency: Callable[[], str | None], webhook: str | None = None) -> None:
        self._engine = engine
        self._currency = currency
        self._webhook = webhook
        self._waiting: dict[tuple[str | None, str | None], Budget | None] = {}
        self._looking: asyncio.Task[None] | None = None

    def ended(self, call: CallRecord) -> None:
        """A call has ended. Many that end while one look is under way are looked at together."""
        self._waiting[call.journey_id, call.user] = context.current().budget
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Wait until every alert is told."""
        if self._looking:
            await asyncio.wait([self._looking])

    async def _look(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting, {}
            try:
                async with self._engine.begin() as connection:
                    raised = await connection.run_sync(_raise_for, some, self._currency())
            except DBAPIError as error:
                log.warning("budgets can't be looked at", reason=str(error.orig))
                continue
            for alert in raised:
                log.warning("budget", alert=alert.text, **alert.model_dump(mode="json", exclude={"raised_at"}))
                await self._send(alert)

    async def _send(self, alert: Alert) -> None:
        if not self._webhook:
            return
        body = {"text": alert.text, **alert.model_dump(mode="json")}
        try:
            async with asyncio.timeout(_SECONDS), httpx.AsyncClient(trust_env=False) as client:
                (await client.post(self._webhook, json=body)).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            # Never the error's text: it quotes the URL, which may hold a secret.
            status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
            log.warning("the alert webhook failed", reason=type(error).__name__, status=status)


def _raise_for(
    connection: Connection, calls: dict[tuple[str | None, str | None], Budget | None], currency: str | None
) -> list[Alert]:
    """The alerts that nobody, in any process, has raised before. calls: journey and user, and the journey's budget."""
    limits: dict[tuple[str, str, str, bool], Limit] = {}
    for (journey, user), budget in calls.items():
        for limit in limits_of(connection, journey, user, budget):  # the journey's own holds beside the one for all
            limits[limit.scope, limit.who, limit.window, limit.budget is budget] = limit
    alerts = [
        alert for key in sorted(limits) for alert in _reached(limits[key], spent_of(connection, limits[key], currency))
    ]
    return [alert for alert in alerts if _is_new(connection, alert)]


def _reached(limit: Limit, spent: Spent) -> list[Alert]:
    now = datetime.now(UTC)
    found = []
    for unit in UNITS:
        most = getattr(limit.budget, unit)
        shares = [share for share in (1.0, limit.alert_at) if most is not None and spent.used(unit) >= share * most]
        if shares:
            place: dict[str, Any] = {"scope": limit.scope, "who": limit.who, "window": limit.window, "unit": unit}
            currency = spent.currency if unit == "money" else None
            used = spent.used(unit)
            found.append(Alert(**place, used=used, limit=most, share=shares[0], raised_at=now, currency=currency))
    return found


def _is_new(connection: Connection, alert: Alert) -> bool:
    row = alert.model_dump(exclude={"used", "currency"})
    insert = insert_on(connection.dialect, budget_alerts).values(row)
    return bool(connection.execute(insert.on_conflict_do_nothing()).rowcount)
