"""An operator hears of a budget that fills up, once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from core_engine.state import open_state
from shared.context import scoped
from shared.ledger import Ledger
from shared.ledger.alerts import Alerts
from shared.ledger.budgets import Budgets
from shared.models import Budget
from shared.settings import Settings
from tests.shared.ledger.calls import call, record


class Webhook(HTTPServer):
    """Keeps what it is sent, and answers `status`."""

    def __init__(self, status: int = 204) -> None:
        self.status, self.sent = status, list[dict[str, Any]]()
        super().__init__(("127.0.0.1", 0), _Taker)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Taker(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def alerts_of(ledger: Ledger, webhook: Webhook) -> Alerts:
    return Alerts(ledger.engine, lambda: "EUR", webhook.url)


async def spend(ledger: Ledger, alerts: Alerts, *names: str) -> None:
    for name in names:
        ended = call(name, status="success", user="ada", prompt_tokens=30, completion_tokens=10)
        await record(ledger, ended)
        alerts.ended(ended)
        await alerts.close()


async def test_an_alert_is_told_once_at_its_share_and_once_when_the_budget_is_spent(
    either: Ledger, webhook: Webhook
) -> None:
    await Budgets(either.engine).set("user", "ada", Budget(tokens=100), alert_at=0.5)
    alerts = alerts_of(either, webhook)
    await spend(either, alerts, "a", "b")
    again = alerts_of(either, webhook)
    await Budgets(either.engine).set("user", "ada", Budget(tokens=120), alert_at=0.5)
    await spend(either, again, "c")
    assert [(one["used"], one["limit"], one["share"]) for one in webhook.sent] == [(80, 100, 0.5), (120, 120, 1.0)]
    assert webhook.sent[0]["text"].endswith("has used 80 of 100 tokens")


async def test_an_alert_of_money_is_of_the_card_s_currency_alone(either: Ledger, webhook: Webhook) -> None:
    await Budgets(either.engine).set("day", "", Budget(money=4), alert_at=0.5)
    alerts = alerts_of(either, webhook)
    for name, currency in (("a", "USD"), ("b", "EUR")):
        ended = call(name, status="success", cost=2.0, currency=currency)
        await record(either, ended)
        alerts.ended(ended)
        await alerts.close()
    told = [(one["text"].partition("used ")[2], one["currency"]) for one in webhook.sent]
    assert told == [("2 of 4 EUR", "EUR")]


async def test_a_questions_own_budget_and_the_one_for_journeys_are_each_told(either: Ledger, webhook: Webhook) -> None:
    await Budgets(either.engine).set("journey", "", Budget(tokens=100, calls=3), alert_at=0.4)
    with scoped(budget=Budget(calls=2)):
        await spend(either, alerts_of(either, webhook), "a", "b")
    told = [(one["scope"], one["unit"], one["used"], one["limit"], one["share"]) for one in webhook.sent]
    assert sorted(told[:-1]) == [("journey", "calls", 2, 3, 0.4), ("journey", "tokens", 40, 100, 0.4)]
    assert told[-1] == ("journey", "calls", 2, 2, 1.0)


async def test_calls_that_an_agent_reports_raise_an_alert_too(settings: Settings, webhook: Webhook) -> None:
    asked = settings.model_copy(update={"alert_webhook": SecretStr(webhook.url)})
    async with open_state(asked) as state:
        await Budgets(state.engine).set("user", "ada", Budget(tokens=40))
        reported = call("theirs", status="success", user="ada", prompt_tokens=30, completion_tokens=10)
        await state.ledger.merge([reported, reported])
    assert [(one["used"], one["share"]) for one in webhook.sent] == [(40, 1.0)]


async def test_without_a_budget_nothing_is_told(either: Ledger, webhook: Webhook) -> None:
    await spend(either, alerts_of(either, webhook), "a")
    assert webhook.sent == []


async def test_a_webhook_that_fails_costs_a_line_in_the_log(ledger: Ledger, webhook: Webhook) -> None:
    webhook.status = 500
    await Budgets(ledger.engine).set("day", "", Budget(calls=1))
    with structlog.testing.capture_logs() as logs:
        await spend(ledger, alerts_of(ledger, webhook), "a")
    assert [line["event"] for line in logs] == ["budget", "the alert webhook failed"]
