"""The services' own logs: Splunk's index app. A failed request leaves an error here with its trace id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from numpy.random import Generator

from data.seed.company import Company
from data.seed.incidents import BadDeploy, Certificate, DiskFull, NoisyCron, SlowSearch
from data.seed.releases import Versions
from data.seed.timeline import moments, one, pick, randomness
from data.seed.writing import Row

# Code → level, logger, message. known_errors.yaml holds the same messages as templates.
CODES: dict[str, tuple[str, str, str]] = {
    "CHK-5003": (
        "ERROR",
        "DiscountCalculator",
        "Order {id} failed: discount {word} has no currency (NullPointerException)",
    ),
    "CHK-4001": ("WARN", "CheckoutController", "Basket {id} is empty or has expired"),
    "PAY-4021": ("WARN", "CardGateway", "Card declined by issuer: reason={reason} attempt={small}"),
    "PAY-5020": ("ERROR", "CardGateway", "Acquirer {acquirer} did not answer within {ms} ms"),
    "TLS-1001": ("ERROR", "FraudClient", "TLS handshake with fraud.internal:8443 failed: certificate has expired"),
    "DB-5310": ("ERROR", "OrdersDatabase", 'could not extend file "base/{small}/{id}": No space left on device'),
    "DB-1205": ("ERROR", "OrdersDatabase", "Lock wait on table {table} exceeded {ms} ms"),
    "SRC-5040": ("ERROR", "QueryExecutor", "Query timed out after {ms} ms: heap {percent}% used"),
    "INV-4090": ("WARN", "Reservations", "Stock of item {sku} changed while reserving, retry {small}"),
    "IDN-4290": ("WARN", "LoginThrottle", "Too many login attempts from {ip}"),
    "NTF-5001": ("ERROR", "SmtpSender", "SMTP relay refused message {id}: 451 try again later"),
    "FRD-5030": ("WARN", "Scorer", "Model scoring fell back to rules after {ms} ms"),
    "SHP-5021": ("ERROR", "CarrierClient", "Carrier {carrier} returned HTTP 502 for parcel {id}"),
    "CRT-4040": ("WARN", "CartStore", "Cart {id} not found, a new one was created"),
    "RPT-9001": ("WARN", "CubeBuilder", "Rebuild of sales_cube still running after {small} min, replica lag {ms} s"),
}  # fmt: skip
_USUAL_ERROR = {"checkout": "DB-1205", "payments": "PAY-5020", "identity": "DB-1205", "search": "SRC-5040",
                "inventory": "DB-1205", "cart": "DB-1205", "shipping": "SHP-5021"}  # fmt: skip
_WARNINGS = {"checkout": "CHK-4001", "payments": "PAY-4021", "inventory": "INV-4090", "identity": "IDN-4290",
             "cart": "CRT-4040"}  # fmt: skip
_BACKGROUND = {
    "notifications": ("Notifications sent", "NTF-5001", 0.02), "fraud": ("Payment scored", "FRD-5030", 0.03),
    "reporting": ("Report refreshed", "RPT-9001", 0.004), "shipping": ("Parcel label created", "SHP-5021", 0.01),
}  # fmt: skip
_DONE = {"checkout": "Order accepted", "payments": "Payment captured", "identity": "Session issued",
         "search": "Query answered", "inventory": "Stock read", "cart": "Cart saved", "shipping": "Options listed",
         "web": "Page rendered", "gateway": "Routed"}  # fmt: skip


def app_index(company: Company, versions: Versions, web: list[Row], scale: float) -> list[Row]:
    rng = randomness("app")
    rows = [*_from_requests(rng, versions, web), *_background(rng, company, versions, int(9000 * scale))]
    return sorted(rows, key=lambda row: row["_time"])


def _from_requests(rng: Generator, versions: Versions, web: list[Row]) -> Iterator[Row]:
    chances = rng.random(len(web)).tolist()
    for request, chance in zip(web, chances, strict=True):
        service, moment, status = request["service"], request["_time"], request["status"]
        code = _code(service, moment, status, chance)
        if code is None and chance > 0.3:
            continue
        later = moment + timedelta(milliseconds=3)
        if code is not None:
            yield _line(rng, later, request["host"], service, versions, code=code, trace=request["trace_id"])
            continue
        taken = round(request["response_time"] * 0.9, 1)
        yield _line(rng, later, request["host"], service, versions, text=_DONE[service], taken=taken,
                    trace=request["trace_id"])  # fmt: skip


def _code(service: str, moment: datetime, status: int, chance: float) -> str | None:
    """The error code that a request of that outcome leaves, if any."""
    if status >= 500:
        if service == BadDeploy.SERVICE and status == 500 and BadDeploy.START <= moment < BadDeploy.END:
            return BadDeploy.CODE
        if service in DiskFull.SERVICES and status == 503 and DiskFull.FULL <= moment < DiskFull.FIXED:
            return DiskFull.CODE
        if service == "payments" and status == 502:
            return Certificate.CODE
        return _USUAL_ERROR.get(service)
    if status == 429 and service == "identity":
        return "IDN-4290"
    if service == "search" and SlowSearch.factor(moment) > 3 and chance < 0.05:
        return SlowSearch.CODE
    return _WARNINGS.get(service) if chance > 0.985 and service != "identity" else None


def _background(rng: Generator, company: Company, versions: Versions, count: int) -> Iterator[Row]:
    services = pick(rng, list(_BACKGROUND), count, [45, 35, 10, 10])
    for moment, service in zip(moments(rng, count, "shop"), services, strict=True):
        text, code, chance = _BACKGROUND[service]
        if service == "reporting" and NoisyCron.START <= moment < NoisyCron.END:
            chance = 0.7
        host = one(rng, company.hosts_of(service)).name
        failed = rng.random() < chance
        taken = None if failed else round(float(rng.lognormal(4.5, 0.7)), 1)
        yield _line(rng, moment, host, service, versions, code=code if failed else None, text=text, taken=taken)


def _line(
    rng: Generator, moment: datetime, host: str, service: str, versions: Versions, *, code: str | None = None,
    text: str = "", taken: float | None = None, trace: str | None = None,
) -> Row:  # fmt: skip
    level, logger, template = CODES[code] if code else ("INFO", "Request", text)
    if not code and rng.random() < 0.12:
        level = "DEBUG"
    fields = {
        "service": service,
        "level": level,
        "logger": logger,
        "message": template.format_map(_values(rng)) if code else text,
        "error_code": code,
        "duration_ms": taken,
        "version": versions.at(service, moment),
        "trace_id": trace,
    }
    known = {name: value for name, value in fields.items() if value is not None}
    return {
        "_time": moment,
        "_raw": json.dumps({"ts": moment.isoformat(timespec="milliseconds") + "Z", **known}),
        "host": host,
        "source": f"/var/log/{service}/app.log",
        "sourcetype": "app:json",
        "index": "app",
        **fields,
    }


def _values(rng: Generator) -> dict[str, str]:
    """What fills the placeholders of a message."""
    return {
        "id": str(int(rng.integers(100_000, 999_999))),
        "small": str(int(rng.integers(1, 5))),
        "ms": str(int(rng.integers(2000, 9000))),
        "percent": str(int(rng.integers(88, 99))),
        "sku": f"p-{int(rng.integers(100, 160))}",
        "ip": f"198.51.100.{int(rng.integers(100, 255))}",
        "word": one(rng, ("SPRING15", "WELCOME5", "LOYAL10")),
        "reason": one(rng, ("insufficient_funds", "do_not_honor", "expired_card")),
        "acquirer": one(rng, ("acq-north", "acq-south")),
        "table": one(rng, ("orders", "order_items", "stock", "sessions")),
        "carrier": one(rng, ("parcelio", "quickvan", "northpost")),
    }
