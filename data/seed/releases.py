"""What was deployed when: the same deployments for Splunk's index deploy and the warehouse's table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from numpy.random import Generator

from data.seed.company import SERVICE, SERVICES, Company, Employee, Service
from data.seed.incidents import BadDeploy, SlowSearch
from data.seed.timeline import END, START, one, randomness
from data.seed.writing import Row


@dataclass(frozen=True)
class Deployment:
    id: str
    service: Service
    version: str
    environment: str
    start: datetime
    end: datetime
    succeeded: bool
    rollback: bool
    by: Employee
    commit: str
    build_host: str


@dataclass(frozen=True)
class Release:
    """A plan: what goes where and when; who, how long and how it ends is drawn later unless said."""

    service: str
    version: str
    moment: datetime
    environment: str = "production"
    rollback: bool = False
    by: str | None = None
    sure: bool = False


_AT = datetime
_SCRIPTED = (
    Release("checkout", "4.17.1", _AT(2026, 3, 3, 10, 12), sure=True),
    Release("checkout", "4.17.2", _AT(2026, 3, 5, 13, 40), sure=True),
    Release("checkout", BadDeploy.GOOD_VERSION, _AT(2026, 3, 9, 9, 25), sure=True),
    Release("checkout", BadDeploy.VERSION, BadDeploy.START - timedelta(minutes=4), by=BadDeploy.AUTHOR, sure=True),
    Release("checkout", BadDeploy.GOOD_VERSION, BadDeploy.ROLLBACK, rollback=True, by="viktor.sokolov", sure=True),
    Release("checkout", "4.18.1", _AT(2026, 3, 12, 9, 50), by=BadDeploy.AUTHOR, sure=True),
    Release("search", "2.8.5", _AT(2026, 3, 2, 14, 5), sure=True),
    Release("search", SlowSearch.GOOD_VERSION, _AT(2026, 3, 6, 11, 30), sure=True),
    Release("search", SlowSearch.VERSION, SlowSearch.START - timedelta(minutes=5), sure=True),
    Release("search", SlowSearch.GOOD_VERSION, SlowSearch.END - timedelta(minutes=6), rollback=True, sure=True),
)
_FIRST_VERSION = {"checkout": "4.17.0", "search": "2.8.4"}
_PACE = {"web": 14, "gateway": 4, "payments": 6, "identity": 5, "inventory": 7, "cart": 6, "shipping": 5,
         "notifications": 6, "fraud": 4, "reporting": 8}  # fmt: skip


def build_releases(company: Company) -> list[Deployment]:
    rng = randomness("releases")
    plans = [*_SCRIPTED, *(plan for service in _PACE for plan in _plans(rng, service))]
    staged = [
        Release(plan.service, plan.version, plan.moment - timedelta(minutes=int(rng.integers(50, 170))), "staging")
        for plan in plans
        if not plan.rollback
    ]
    ordered = sorted([*plans, *staged], key=lambda plan: (plan.moment, plan.service))
    return [_deployment(rng, company, number, plan) for number, plan in enumerate(ordered, start=1001)]


def _plans(rng: Generator, service: str) -> Iterator[Release]:
    """Releases on working days in office hours; a few are rolled back within the hour."""
    days = sorted(
        int(day) for day in rng.choice(14, size=_PACE[service]) if (START + timedelta(days=int(day))).weekday() < 5
    )
    major, minor, patch = SERVICE[service].id % 4 + 1, int(rng.integers(3, 30)), 0
    for count, day in enumerate(days):
        patch += 1
        if rng.random() < 0.2:
            minor, patch = minor + 1, 0
        hour = 8 + (count * 3 + int(rng.integers(0, 3))) % 9
        moment = START + timedelta(days=day, hours=hour, minutes=int(rng.integers(0, 60)))
        yield Release(service, f"{major}.{minor}.{patch}", moment)
        if rng.random() < 0.07:
            back = moment + timedelta(minutes=int(rng.integers(20, 60)))
            yield Release(service, f"{major}.{minor}.{max(patch - 1, 0)}", back, rollback=True, sure=True)


def _deployment(rng: Generator, company: Company, number: int, plan: Release) -> Deployment:
    service = SERVICE[plan.service]
    team = company.staff(service.team.name)
    return Deployment(
        id=f"D-{number}",
        service=service,
        version=plan.version,
        environment=plan.environment,
        start=plan.moment,
        end=plan.moment + timedelta(seconds=int(rng.integers(95, 230) if plan.sure else rng.integers(140, 900))),
        succeeded=plan.sure or bool(rng.random() > 0.07),
        rollback=plan.rollback,
        by=company.by_account[plan.by] if plan.by else one(rng, [person for person in team if not person.left_on]),
        commit=rng.bytes(4).hex(),
        build_host=one(rng, ("build-1", "build-2")),
    )


class Versions:
    """Which version of a service ran in production at a moment."""

    def __init__(self, releases: list[Deployment]) -> None:
        self._history: dict[str, tuple[list[datetime], list[str]]] = {}
        for service in SERVICES:
            done = [item for item in releases if item.service is service and item.succeeded]
            live = [item for item in done if item.environment == "production"]
            first = _FIRST_VERSION.get(service.name) or (live[0].version.rpartition(".")[0] + ".0" if live else "1.0.0")
            self._history[service.name] = ([item.end for item in live], [first, *(item.version for item in live)])

    def at(self, service: str, moment: datetime) -> str:
        times, versions = self._history[service]
        return versions[bisect_right(times, moment)]


def deploy_index(releases: list[Deployment]) -> list[Row]:
    events = [_event(item, first) for item in releases if item.end < END for first in (True, False)]
    return sorted(events, key=lambda row: row["_time"])


def _event(item: Deployment, first: bool) -> Row:
    status = "started" if first else "succeeded" if item.succeeded else "failed"
    fields = {
        "deployment_id": item.id,
        "service": item.service.name,
        "version": item.version,
        "environment": item.environment,
        "action": "rollback" if item.rollback else "deploy",
        "status": status,
        "deployed_by": item.by.account,
        "commit": item.commit,
    }
    if not first:
        fields["duration_s"] = str(int((item.end - item.start).total_seconds()))
    moment = item.start if first else item.end
    line = " ".join(f"{name}={value}" for name, value in fields.items())
    return {
        "_time": moment,
        "_raw": f"{moment.isoformat()}Z pipeline {line}",
        "host": item.build_host,
        "source": "pipeline",
        "sourcetype": "deploy:kv",
        "index": "deploy",
        **fields,
    }
