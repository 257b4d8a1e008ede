"""The warehouse's customers, orders and daily metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
from numpy.random import Generator

from data.seed.company import SERVICE
from data.seed.incidents import BadDeploy, Certificate, DiskFull
from data.seed.timeline import moments, pick, randomness
from data.seed.writing import Row

_COUNTRIES = {"PT": 24, "ES": 18, "FR": 14, "DE": 13, "PL": 10, "GB": 8, "IE": 4, "CA": 6, "US": 3}
_METHODS = {"card": 68, "wallet": 20, "bank_transfer": 8, "invoice": 4}


def customers(scale: float) -> Iterator[Row]:
    rng = randomness("customers")
    count = _customer_count(scale)
    countries = pick(rng, list(_COUNTRIES), count, list(_COUNTRIES.values()))
    segments = pick(rng, ("consumer", "small_business", "enterprise"), count, (86, 12, 2))
    ages = (rng.exponential(420, size=count) + 1).tolist()
    for number in range(count):
        signed_up = date(2026, 3, 14) - timedelta(days=min(int(ages[number]), 2400))
        yield {"customer_id": number + 1, "country": countries[number], "segment": segments[number],
               "signed_up_on": signed_up}  # fmt: skip


def _customer_count(scale: float) -> int:
    return max(int(4000 * scale), 50)


def orders(scale: float) -> Iterator[Row]:
    rng = randomness("orders")
    count = int(18000 * scale)
    loyalty = rng.lognormal(0.0, 1.1, size=_customer_count(scale)).tolist()
    buyers = pick(rng, range(1, _customer_count(scale) + 1), count, loyalty)
    amounts = np.clip(rng.lognormal(3.7, 0.8, size=count), 3, 4000).round(2).tolist()
    items = rng.geometric(0.45, size=count).tolist()
    methods = pick(rng, list(_METHODS), count, list(_METHODS.values()))
    for number, moment in enumerate(moments(rng, count, "shop")):
        status, reason = _payment(rng, moment, methods[number])
        yield {
            "order_id": 500_000 + number,
            "placed_at": moment.replace(microsecond=0),
            "customer_id": buyers[number],
            "amount_eur": amounts[number],
            "item_count": items[number],
            "payment_method": methods[number],
            "status": status,
            "failure_reason": reason,
        }


def _payment(rng: Generator, moment: datetime, method: str) -> tuple[str, str | None]:
    """Status of an order and, where its payment failed, the reason."""
    chance = float(rng.random())
    if BadDeploy.START <= moment < BadDeploy.END and chance < 0.45:
        return "payment_failed", "checkout_error"
    if DiskFull.FULL <= moment < DiskFull.FIXED and chance < 0.6:
        return "payment_failed", "timeout"
    if Certificate.EXPIRED <= moment < Certificate.RENEWED and method in ("card", "wallet") and chance < 0.7:
        return "payment_failed", "fraud_check_unavailable"
    if method in ("card", "wallet") and chance < 0.035:
        return "payment_failed", "card_declined" if chance < 0.02 else "insufficient_funds"
    if chance > 0.993:
        return "payment_failed", "timeout" if chance > 0.996 else "checkout_error"
    return ("refunded" if chance > 0.965 else "cancelled" if chance > 0.945 else "paid"), None


def daily_service_metrics(web: list[Row]) -> Iterator[Row]:
    """Summed up from the rows of index web."""
    latencies: dict[tuple[date, str], list[float]] = defaultdict(list)
    errors: dict[tuple[date, str], int] = defaultdict(int)
    for request in web:
        key = (request["_time"].date(), request["service"])
        latencies[key].append(request["response_time"])
        errors[key] += request["status"] >= 500
    for day, service in sorted(latencies):
        taken = latencies[day, service]
        yield {
            "service_id": SERVICE[service].id,
            "day": day,
            "requests": len(taken),
            "errors": errors[day, service],
            "p50_latency_ms": round(float(np.percentile(taken, 50)), 1),
            "p95_latency_ms": round(float(np.percentile(taken, 95)), 1),
        }
