"""The warehouse's tickets with their comments, and alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from numpy.random import Generator

from data.seed.company import SERVICE, SERVICES, Company, Employee
from data.seed.incidents import (
    BadDeploy,
    Certificate,
    DiskFull,
    Exfiltration,
    NoisyCron,
    SilentServer,
    SlowSearch,
    Spray,
    SshAttack,
)
from data.seed.timeline import END, moments, one, pick, randomness, within
from data.seed.writing import Row

_TITLES: dict[str, tuple[str, ...]] = {
    "incident": ("{service} answers slowly for some customers", "Errors in {service} after restart",
                 "Customer gets outdated answers from {service}", "{service} job did not run",
                 "Login page blank on mobile"),
    "request": ("Access to the {service} dashboard", "New laptop for a starter", "VPN certificate renewal",
                "Export of order history for a customer", "Refund could not be found", "Change of invoice address"),
    "problem": ("Recurring timeouts in {service}", "Memory of {service} grows over weeks"),
    "change": ("Upgrade of {service} dependencies", "Rotate keys of {service}", "Resize {service} servers"),
}  # fmt: skip
_KINDS = {"request": 62, "incident": 22, "change": 11, "problem": 5}
_PRIORITY = {
    "incident": (2, 12, 46, 40),
    "request": (0, 4, 36, 60),
    "problem": (0, 15, 60, 25),
    "change": (0, 5, 50, 45),
}
_CAUSES = ("bad deployment", "capacity", "configuration", "third party", "hardware", "user error")
# Minutes that half of the tickets of a priority take to be answered and resolved.
_PACE = {"P1": (7, 95), "P2": (32, 420), "P3": (210, 1900), "P4": (540, 4300)}


@dataclass(frozen=True)
class Incident:
    """A ticket of one of the hidden incidents, with what was written on it."""

    title: str
    priority: str
    service: str | None
    opened: datetime
    resolved: datetime | None
    cause: str | None
    assignee: str
    comments: tuple[str, ...]
    alert: tuple[str, str, str | None] | None = None  # name, source, host


INCIDENTS = (
    Incident("Checkout fails for orders with a discount code", "P1", "checkout", BadDeploy.START + timedelta(minutes=9),
             BadDeploy.END + timedelta(minutes=20), "bad deployment", "viktor.sokolov",
             ("Error rate of POST /api/checkout jumped right after 4.18.0 went out.",
              "All failures are CHK-5003: discount without currency. Rolling back to 4.17.3.",
              "Rollback done at 15:12, error rate is back to normal. Fix comes in 4.18.1."),
             ("CheckoutErrorRateHigh", "splunk", None)),
    Incident("Database db-orders-1: no space left on device", "P1", "checkout", DiskFull.FULL + timedelta(minutes=6),
             DiskFull.FIXED + timedelta(minutes=25), "capacity", "viktor.sokolov",
             ("/data is at 100 %. pg_wal holds 700 GB because the archive command has failed since Friday evening.",
              "Archive target was full. Moved old archives away, archiving catches up, space is freed."),
             ("DiskFull", "prometheus", DiskFull.HOST)),
    Incident("Card payments fail: fraud check unreachable", "P1", "fraud", Certificate.EXPIRED + timedelta(minutes=18),
             Certificate.RENEWED + timedelta(minutes=15), "expired certificate", "viktor.sokolov",
             ("payments logs TLS-1001 since midnight: the certificate of fraud.internal has expired.",
              "Nobody of the certificate owners answered at night. Renewed by hand at 06:35."),
             ("PaymentFailureRateHigh", "splunk", None)),
    Incident("Password spray against staff accounts", "P1", None, Spray.START + timedelta(minutes=74),
             Spray.RESTORED, "security", "agnes.thorne",
             ("One address tried about a hundred accounts over IMAP; tomas.lindqvist was taken over.",
              "The attacker made svc-backup a Global Administrator at 03:11. Both accounts disabled at 04:05.",
              "Legacy authentication will be blocked for everybody."), ("PasswordSpray", "sentinel", None)),
    Incident("Possible data theft from laptop lt-101", "P2", None, Exfiltration.END + timedelta(minutes=20), None,
             "security", "agnes.thorne",
             ("Defender saw rclone.exe sending data to files.dropyard.example for ninety minutes.",
              "Account disabled in the morning, laptop isolated. Legal is informed."),
             ("DataTransferToRareHost", "sentinel", None)),
    Incident("Sales reports late, orders replica lags", "P3", "reporting", NoisyCron.START + timedelta(hours=5),
             NoisyCron.END + timedelta(hours=1), "configuration", "noor.rezaei",
             ("reporting-1 is at 95 % CPU and db-orders-2 waits for its disks.",
              "rebuild_sales_cube runs every minute instead of every hour since my crontab change. Fixed."),
             ("HighCpu", "prometheus", NoisyCron.HOST)),
    Incident("Search gets slower by the hour", "P2", "search", SlowSearch.START + timedelta(hours=27),
             SlowSearch.END + timedelta(hours=1), "bad deployment", "viktor.sokolov",
             ("p95 of /api/search has grown since 2.9.0 on Thursday; heap is at 90 %.",
              "Rolled back to 2.8.6, latency is normal again. The leak is in the synonym cache."),
             ("SearchLatencyHigh", "splunk", None)),
    Incident("SSH brute force on bastion-1", "P3", None, SshAttack.START + timedelta(minutes=45),
             SshAttack.END + timedelta(hours=14), "security", "agnes.thorne",
             ("1,240 attempts from 198.51.100.23, none successful. Address blocked.",),
             ("SshBruteForce", "sentinel", SshAttack.HOST)),
    Incident("search-3 does not answer", "P2", "search", SilentServer.SINCE + timedelta(minutes=12), None, "hardware",
             "viktor.sokolov", ("NVMe controller is down. Replacement ordered, search runs on two servers.",),
             ("HostDown", "prometheus", SilentServer.HOST)),
)  # fmt: skip


def build_tickets(company: Company, scale: float) -> tuple[list[Row], list[Row], list[Row]]:
    """Rows of tickets, ticket_comments and alerts."""
    rng = randomness("tickets")
    tickets = [*_everyday(rng, company, int(1500 * scale)), *(_of_incident(company, item) for item in INCIDENTS)]
    tickets += _complaints(rng, company, int(60 * scale))
    tickets.sort(key=lambda row: row["opened_at"])
    for number, row in enumerate(tickets, start=2001):
        row["ticket_id"] = f"T-{number}"
    comments = _comments(rng, company, tickets)
    alerts = _alerts(rng, company, tickets, int(2200 * scale))
    return tickets, comments, alerts


def _everyday(rng: Generator, company: Company, count: int) -> Iterator[Row]:
    kinds = pick(rng, list(_KINDS), count, list(_KINDS.values()))
    services = pick(rng, SERVICES, count)
    people = [person for person in company.employees if not person.left_on]
    support = [person for person in people if person.team.name in ("Support", "Platform")]
    for moment, kind, service in zip(moments(rng, count, "office"), kinds, services, strict=True):
        priority = pick(rng, ("P1", "P2", "P3", "P4"), 1, _PRIORITY[kind])[0]
        source = one(
            rng, ("customer", "customer", "employee", "monitoring") if kind == "incident" else ("employee", "customer")
        )
        about = kind != "request" or rng.random() < 0.4
        team = company.staff(service.team.name) if kind != "request" else support
        assignee = one(rng, [person for person in team if not person.left_on])
        row = {
            "kind": kind,
            "title": one(rng, _TITLES[kind]).format(service=service.name),
            "priority": priority,
            "service_id": service.id if about else None,
            "opened_by": one(rng, people).id if source == "employee" else None,
            "source": source,
        }
        yield row | _progress(rng, moment.replace(microsecond=0), kind, priority, assignee)


def _progress(rng: Generator, opened: datetime, kind: str, priority: str, assignee: Employee) -> Row:
    """When it was answered and resolved, its state, who has it; what would be after the end has not happened."""
    first, whole = _PACE[priority]
    answered = opened + timedelta(minutes=float(first * rng.lognormal(0, 0.9)))
    resolved = answered + timedelta(minutes=float(whole * rng.lognormal(0, 0.9)))
    answered, resolved = answered.replace(microsecond=0), resolved.replace(microsecond=0)
    done, begun = resolved < END, answered < END
    status = one(rng, ("resolved", "closed")) if done else "in_progress" if begun else "open"
    return {
        "status": status,
        "opened_at": opened,
        "first_response_at": answered if begun else None,
        "resolved_at": resolved if done else None,
        "assigned_to": assignee.id if begun else None,
        "root_cause": one(rng, _CAUSES) if kind == "incident" and done else None,
    }


def _of_incident(company: Company, item: Incident) -> Row:
    return {
        "kind": "incident",
        "title": item.title,
        "priority": item.priority,
        "status": "resolved" if item.resolved else "in_progress",
        "service_id": SERVICE[item.service].id if item.service else None,
        "opened_at": item.opened,
        "first_response_at": item.opened + timedelta(minutes=6),
        "resolved_at": item.resolved,
        "opened_by": None,
        "assigned_to": company.by_account[item.assignee].id,
        "source": "monitoring",
        "root_cause": item.cause,
    }


def _complaints(rng: Generator, company: Company, count: int) -> Iterator[Row]:
    """Customers who write during and after the outages of checkout and payments."""
    windows = (
        ("Discount code not accepted, order lost", "checkout", BadDeploy.START, BadDeploy.END + timedelta(hours=3)),
        ("Card is refused again and again", "payments", Certificate.EXPIRED, Certificate.RENEWED + timedelta(hours=4)),
    )
    support = company.staff("Support")
    for title, service, start, end in windows:
        for moment in within(rng, count // 2, start + timedelta(minutes=10), end):
            row = {"kind": "incident", "title": title, "priority": "P3", "service_id": SERVICE[service].id,
                   "opened_by": None, "source": "customer"}  # fmt: skip
            yield row | _progress(rng, moment.replace(microsecond=0), "incident", "P3", one(rng, support))


_REMARKS = ("Looking into it.", "Asked the customer for details.", "Cannot reproduce on staging.", "Fix is in review.",
            "Waiting for the vendor.", "Done, please check.", "Handed over to the team that owns it.",
            "Restarted the service, watching.")  # fmt: skip


def _comments(rng: Generator, company: Company, tickets: list[Row]) -> list[Row]:
    told = {item.title: item for item in INCIDENTS}
    support = company.staff("Support")
    rows: list[Row] = []
    for ticket in tickets:
        start, end = ticket["first_response_at"], ticket["resolved_at"] or END
        if start is None or end <= start:
            continue
        item = told.get(ticket["title"])
        texts = item.comments if item else pick(rng, _REMARKS, int(rng.poisson(1.6)))
        when = _spread(start, item.resolved, len(texts)) if item else within(rng, len(texts), start, end)
        for moment, body in zip(when, texts, strict=True):
            author = ticket["assigned_to"] if item or rng.random() < 0.7 else one(rng, support).id
            rows.append({"ticket_id": ticket["ticket_id"], "author_id": author,
                         "created_at": moment.replace(microsecond=0), "body": body})  # fmt: skip
    rows.sort(key=lambda row: row["created_at"])
    return [{"comment_id": number, **row} for number, row in enumerate(rows, start=1)]


def _spread(start: datetime, end: datetime | None, count: int) -> list[datetime]:
    """Evenly from the first answer to the resolution; half a day apart where there is none yet."""
    step = (end - start) / (count - 1) if end and count > 1 else timedelta(hours=12)
    return [start + place * step for place in range(count)]


_RULES = (("HighCpu", "warning", "prometheus"), ("HighMemory", "warning", "prometheus"),
          ("LatencyAboveObjective", "warning", "splunk"), ("ErrorLogBurst", "warning", "splunk"),
          ("PodRestarted", "info", "prometheus"), ("BackupLate", "info", "prometheus"),
          ("QueueDepthHigh", "critical", "prometheus"), ("ServiceUnhealthy", "critical", "prometheus"))  # fmt: skip


def _alerts(rng: Generator, company: Company, tickets: list[Row], count: int) -> list[Row]:
    rules = pick(rng, _RULES, count, (26, 18, 16, 14, 14, 8, 2, 2))
    rows: list[Row] = []
    for moment, (name, severity, source) in zip(moments(rng, count, "flat"), rules, strict=True):
        host = one(rng, company.hosts)
        team = [person for person in company.staff(host.owner.name) if not person.left_on]
        fired = moment.replace(microsecond=0)
        row = {"fired_at": fired, "name": name, "severity": severity, "source": source,
               "service_id": host.service.id if host.service else None,
               "host_id": host.id if source == "prometheus" else None}  # fmt: skip
        taken = severity == "critical" or rng.random() < (0.75 if severity == "warning" else 0.3)
        rows.append(row | _handling(rng, fired, one(rng, team) if taken else None))
    rows += [_incident_alert(company, ticket) for ticket in tickets if ticket["title"] in _ALERTED]
    rows.sort(key=lambda row: row["fired_at"])
    return [{"alert_id": f"A-{number}", **row} for number, row in enumerate(rows, start=4001)]


def _handling(rng: Generator, fired: datetime, by: Employee | None) -> Row:
    taken = fired + timedelta(seconds=int(240 * rng.lognormal(0, 1.1)))
    cleared = max(taken, fired) + timedelta(seconds=int(1500 * rng.lognormal(0, 1.0)))
    known = by is not None and taken < END
    return {"acknowledged_at": taken if known else None, "acknowledged_by": by.id if by and known else None,
            "resolved_at": cleared if cleared < END else None, "ticket_id": None}  # fmt: skip


_ALERTED = {item.title: item for item in INCIDENTS if item.alert}


def _incident_alert(company: Company, ticket: Row) -> Row:
    item = _ALERTED[ticket["title"]]
    assert item.alert is not None
    name, source, host = item.alert
    return {
        "fired_at": item.opened - timedelta(minutes=2),
        "acknowledged_at": item.opened + timedelta(minutes=3),
        "resolved_at": item.resolved,
        "service_id": ticket["service_id"],
        "host_id": company.by_host[host].id if host else None,
        "name": name,
        "severity": "critical" if item.priority in ("P1", "P2") else "warning",
        "source": source,
        "acknowledged_by": ticket["assigned_to"],
        "ticket_id": ticket["ticket_id"],
    }
