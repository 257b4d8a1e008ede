"""Customers' HTTP requests: Splunk's index web."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from numpy.random import Generator

from data.seed.company import SERVICE, Company
from data.seed.incidents import BadDeploy, SlowSearch, web_failure
from data.seed.timeline import moments, one, one_of, pick, randomness, within
from data.seed.writing import Row

_SHARE = {"web": 45, "gateway": 3, "checkout": 9, "payments": 7, "identity": 7, "search": 14, "inventory": 7,
          "cart": 8, "shipping": 3}  # fmt: skip
_ROUTES: dict[str, dict[tuple[str, str], float]] = {
    "web": {("GET", "/"): 12, ("GET", "/products/{sku}"): 20, ("GET", "/category/{category}"): 9,
            ("GET", "/static/app.js"): 5, ("GET", "/help"): 1, ("GET", "/wp-login.php"): 0.25},
    "gateway": {("GET", "/api/health"): 1},
    "checkout": {("POST", "/api/checkout"): 6, ("GET", "/api/checkout/quote"): 3},
    "payments": {("POST", "/api/payments"): 5, ("GET", "/api/payments/methods"): 3},
    "identity": {("POST", "/api/login"): 5, ("POST", "/api/register"): 1, ("GET", "/api/session"): 6},
    "search": {("GET", "/api/search"): 8, ("GET", "/api/suggest"): 5},
    "inventory": {("GET", "/api/stock/{sku}"): 1},
    "cart": {("GET", "/api/cart"): 5, ("POST", "/api/cart/items"): 4, ("DELETE", "/api/cart/items"): 1},
    "shipping": {("GET", "/api/shipping/options"): 3, ("GET", "/api/shipping/track"): 1},
}  # fmt: skip
_CATEGORIES = ("garden", "kitchen", "toys", "books", "lighting", "outdoor")
_WORDS = ("lamp", "kettle", "tent", "puzzle", "desk", "mug", "rug", "planter", "backpack", "headphones")
BOT = "PriceHarvest/2.1 (+https://harvest.example/bot)"
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/146.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_2 like Mac OS X) Safari/19.2",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/146.0 Mobile",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_3) Safari/19.2",
    "LarkfieldApp/7.3 (Android)",
    BOT,
)
_STATUSES: dict[str, dict[int, float]] = {
    "usual": {200: 955, 304: 18, 302: 6, 400: 5, 404: 12, 500: 1.6, 503: 0.9},
    "login": {200: 920, 401: 66, 400: 6, 429: 5, 500: 1.5},
    "stock": {200: 970, 404: 22, 500: 2},
    "bot": {200: 780, 429: 200, 404: 20},
}


def web_index(company: Company, scale: float) -> list[Row]:
    rng = randomness("web")
    count = int(64000 * scale)
    services = pick(rng, list(_SHARE), count, list(_SHARE.values()))
    requests = list(zip(moments(rng, count, "shop"), services, strict=True))
    # Customers whose order failed try again.
    requests += [(moment, "checkout") for moment in within(rng, int(260 * scale), BadDeploy.START, BadDeploy.END)]
    return list(_answered(rng, company, sorted(requests)))


def _answered(rng: Generator, company: Company, requests: list[tuple[datetime, str]]) -> Iterator[Row]:
    hosts = {service: [host.name for host in company.hosts_of(service)] or ["gateway-1", "gateway-2"]
             for service in _SHARE}  # fmt: skip
    agents = pick(rng, _AGENTS, len(requests), [30, 26, 20, 12, 9, 3])
    chances, spreads = rng.random(len(requests)).tolist(), rng.lognormal(0.0, 0.55, len(requests)).tolist()
    for (moment, service), agent, chance, spread in zip(requests, agents, chances, spreads, strict=True):
        method, path = one_of(rng, _ROUTES[service])
        status, milliseconds = _outcome(rng, service, path, agent, moment, chance, spread)
        yield _row(rng, moment, service, one(rng, hosts[service]), method, path, agent, status, milliseconds)


def _outcome(
    rng: Generator, service: str, path: str, agent: str, moment: datetime, chance: float, spread: float
) -> tuple[int, float]:
    """HTTP status and milliseconds; chance is uniform in [0, 1), spread is around 1."""
    usual = SERVICE[service].slo_latency_ms * 0.32 * spread
    failing, status = web_failure(service, moment)
    if chance < failing:
        return status, 10_000.0 + 40 * spread if status == 504 else usual * 0.5
    kind = "bot" if agent == BOT else "login" if path == "/api/login" else "stock" if "/stock/" in path else "usual"
    status = 404 if path == "/wp-login.php" else one_of(rng, _STATUSES[kind])
    factor = SlowSearch.factor(moment) if service == "search" else 1.0
    rare = 9.0 if chance > 0.994 else 1.0
    return status, usual * factor * rare


def _row(
    rng: Generator, moment: datetime, service: str, host: str, method: str, route: str, agent: str, status: int,
    milliseconds: float,
) -> Row:  # fmt: skip
    sku = f"p-{100 + min(int(rng.zipf(1.4)), 60)}"
    path = route.format(sku=sku, category=one(rng, _CATEGORIES))
    query = f"q={one(rng, _WORDS)}" if service == "search" else ""
    address = f"{one(rng, ('198.51.100', '203.0.113', '192.0.2'))}.{int(rng.integers(100, 255))}"
    address = "198.51.100.61" if agent == BOT else address
    size = 0 if status in (304, 302) else int(rng.lognormal(8.6 if service == "web" else 6.8, 0.7))
    referer = "https://www.larkfield.example/" if rng.random() < 0.6 else "-"
    shown = f"{path}?{query}" if query else path
    stamp = moment.strftime("%d/%b/%Y:%H:%M:%S +0000")
    taken = round(milliseconds, 1)
    line = f'{address} - - [{stamp}] "{method} {shown} HTTP/1.1" {status} {size} "{referer}" "{agent}" {taken}'
    return {
        "_time": moment,
        "_raw": line,
        "host": host,
        "source": "/var/log/nginx/access.log",
        "sourcetype": "access_combined",
        "index": "web",
        "clientip": address,
        "method": method,
        "uri_path": path,
        "uri_query": query,
        "status": status,
        "bytes": size,
        "response_time": taken,
        "useragent": agent,
        "referer": referer,
        "service": service,
        "trace_id": rng.bytes(8).hex(),
    }
