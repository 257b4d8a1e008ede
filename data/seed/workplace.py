"""OfficeActivity, SecurityAlert and Heartbeat in Log Analytics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from numpy.random import Generator

from data.seed.company import DOMAIN, Company, Employee
from data.seed.incidents import Exfiltration, Leaver, SilentServer, Spray, SshAttack
from data.seed.timeline import END, START, guid, moments, one, pick, randomness, sparsely, within
from data.seed.writing import Row

_FILES = {
    "docx": ("minutes", "proposal", "handbook", "contract"),
    "xlsx": ("forecast", "headcount", "price-list", "stock"),
    "pptx": ("review", "roadmap"),
    "pdf": ("invoice", "policy", "datasheet"),
}
_OPERATIONS = {
    "FileAccessed": 48, "FileModified": 20, "FileDownloaded": 8, "FileUploaded": 6, "FileDeleted": 2,
    "SharingSet": 1.5, "AnonymousLinkCreated": 0.3, "MailItemsAccessed": 14, "New-InboxRule": 0.15,
}  # fmt: skip
_AGENTS = (
    "Microsoft Office Excel/16.0",
    "Microsoft Office Word/16.0",
    "OneDrive Sync Client/26.02",
    "Mozilla/5.0 Edge/145",
)


def office_activity(company: Company, scale: float) -> list[Row]:
    rng = randomness("office")
    count = int(9000 * scale)
    operations = pick(rng, list(_OPERATIONS), count, list(_OPERATIONS.values()))
    people = pick(rng, company.employees, count, rng.lognormal(0, 0.8, size=len(company.employees)).tolist())
    rows = [
        _activity(rng, moment, person, operation)
        for moment, operation, person in zip(moments(rng, count, "office"), operations, people, strict=True)
        if not (person.left_on and moment.date() > person.left_on)
    ]
    finance = company.by_account[Exfiltration.ACCOUNT]
    for moment in within(rng, 183, Exfiltration.DOWNLOADS, Exfiltration.START - timedelta(minutes=5)):
        rows.append(_activity(rng, moment, finance, "FileDownloaded", home=True))
    leaver = company.by_account[Leaver.ACCOUNT]
    for used in Leaver.USED:
        for moment in within(rng, 6, used + timedelta(minutes=10), used + timedelta(minutes=30)):
            rows.append(_activity(rng, moment, leaver, "FileDownloaded", home=True))
    rule = _activity(rng, Spray.BREACH + timedelta(minutes=9), company.by_account[Spray.VICTIM], "New-InboxRule")
    rows.append({**rule, "ClientIP": Spray.ADDRESS})
    return sorted(rows, key=lambda row: row["TimeGenerated"])


def _activity(rng: Generator, moment: datetime, person: Employee, operation: str, *, home: bool = False) -> Row:
    mail = operation in ("MailItemsAccessed", "New-InboxRule")
    extension = one(rng, ("docx", "docx", "xlsx", "xlsx", "pptx", "pdf"))
    name = f"{one(rng, _FILES[extension])}-{int(rng.integers(1, 400)):03d}.{extension}"
    drive = rng.random() < 0.3
    site = f"https://{person.team.name.lower()}.files.{DOMAIN}"
    at_home = home or moment.weekday() >= 5 or rng.random() < 0.4
    return {
        "TimeGenerated": moment,
        "UserId": person.email,
        "Operation": operation,
        "OfficeWorkload": "Exchange" if mail else "OneDrive" if drive else "SharePoint",
        "ClientIP": person.home_address if at_home else person.office.address,
        "OfficeObjectId": f"{person.email}/Inbox" if mail else f"{site}/Shared Documents/{name}",
        "SourceFileName": None if mail else name,
        "SourceFileExtension": None if mail else extension,
        "Site_Url": None if mail or drive else site,
        "UserAgent": one(rng, _AGENTS),
    }


_ALERTS: tuple[tuple[str, str, str, str, str, float], ...] = (
    # name, severity, product, tactics, description, how common
    (
        "Unfamiliar sign-in properties",
        "Low",
        "IPC",
        "InitialAccess",
        "A sign-in with properties not seen for this account.",
        30,
    ),
    (
        "Atypical travel",
        "Medium",
        "IPC",
        "InitialAccess",
        "Sign-ins from two places too far apart for the time between.",
        10,
    ),
    (
        "Suspicious PowerShell command line",
        "Medium",
        "MDATP",
        "Execution",
        "A PowerShell command that malware often uses.",
        9,
    ),
    ("Potentially unwanted application", "Low", "MDATP", "Execution", "An unwanted program was blocked.", 16),
    ("Malware was prevented", "Informational", "MDATP", "Execution", "Antivirus removed a file before it ran.", 20),
    ("Mass file deletion", "Medium", "MCAS", "Impact", "Many files were deleted in a short time.", 3),
    (
        "Anonymous sharing link created",
        "Informational",
        "MCAS",
        "Exfiltration",
        "A file was shared with anybody who has the link.",
        14,
    ),
    ("Repeated MFA denial", "Medium", "IPC", "CredentialAccess", "A user denied several MFA prompts in a row.", 5),
)


def security_alerts(company: Company, scale: float) -> list[Row]:
    rng = randomness("security alerts")
    count = int(160 * scale)
    kinds = pick(rng, _ALERTS, count, [common for *_, common in _ALERTS])
    rows = []
    for moment, kind, person in zip(moments(rng, count, "office"), kinds, pick(rng, company.employees, count),
                                    strict=True):  # fmt: skip
        name, severity, product, tactics, text, _ = kind
        entity = person.laptop if product == "MDATP" else person.email
        old = moment < END - timedelta(days=3)
        status = one(rng, ("Resolved",) * 5 + ("Dismissed",) * 3) if old else one(rng, ("New", "InProgress"))
        rows.append(_alert(rng, moment, (name, severity, product, tactics, text), entity, status))
    return sorted([*rows, *_incident_alerts(rng, company)], key=lambda row: row["TimeGenerated"])


def _alert(
    rng: Generator, moment: datetime, kind: tuple[str, str, str, str, str], entity: str, status: str, *,
    address: str | None = None, minutes: int = 10,
) -> Row:  # fmt: skip
    name, severity, product, tactics, text = kind
    person = "@" in entity
    entities: list[dict[str, str]] = [{"Type": "account" if person else "host", "Name": entity}]
    if address:
        entities.append({"Type": "ip", "Address": address})
    return {
        "TimeGenerated": moment,
        "SystemAlertId": guid(rng),
        "AlertName": name,
        "AlertSeverity": severity,
        "Description": text,
        "ProviderName": product,
        "Status": status,
        "CompromisedEntity": entity,
        "Tactics": tactics,
        "Entities": json.dumps(entities),
        "StartTime": moment - timedelta(minutes=minutes),
        "EndTime": moment - timedelta(minutes=1),
    }


def _incident_alerts(rng: Generator, company: Company) -> Iterator[Row]:
    victim, insider = company.by_account[Spray.VICTIM], company.by_account[Exfiltration.ACCOUNT]
    spray = ("Password spray", "High", "IPC", "CredentialAccess", "One address failed to sign in to many accounts.")
    yield _alert(
        rng, Spray.START + timedelta(minutes=70), spray, victim.email, "Resolved", address=Spray.ADDRESS, minutes=70
    )
    role = ("Privileged role granted outside of change window", "High", "ASI", "PrivilegeEscalation, Persistence",
            "A Global Administrator was added at night.")  # fmt: skip
    yield _alert(rng, Spray.ROLE_GIVEN + timedelta(minutes=12), role, f"{Spray.PUPPET}@{DOMAIN}", "Resolved",
                 address=Spray.ADDRESS)  # fmt: skip
    rule = ("Suspicious inbox rule", "Medium", "MCAS", "DefenseEvasion", "A new rule deletes mail about security.")
    yield _alert(rng, Spray.BREACH + timedelta(minutes=25), rule, victim.email, "Resolved", address=Spray.ADDRESS)
    download = ("Mass download by a single user", "Medium", "MCAS", "Collection, Exfiltration",
                "A user downloaded far more files than usual.")  # fmt: skip
    yield _alert(rng, Exfiltration.DOWNLOADS + timedelta(minutes=95), download, insider.email, "InProgress", minutes=90)
    tool = ("Data transfer tool to a rare host", "High", "MDATP", "Exfiltration",
            "rclone.exe sent data to a host that no other device talks to.")  # fmt: skip
    yield _alert(rng, Exfiltration.END + timedelta(minutes=6), tool, insider.laptop, "InProgress",
                 address=Exfiltration.ADDRESS, minutes=90)  # fmt: skip
    ssh = ("SSH brute force", "Medium", "ASI", "CredentialAccess", "Many failed SSH logins from one address.")
    yield _alert(
        rng, SshAttack.START + timedelta(minutes=40), ssh, SshAttack.HOST, "Dismissed", address=SshAttack.ADDRESS
    )


_GROUPS = {"payments": "rg-payments-prod", "fraud": "rg-payments-prod"}


def heartbeats(company: Company, scale: float) -> Iterator[Row]:
    """Every server each 30 minutes, a few missed; db-orders-1 while its disk is full sends them all the same."""
    rng = randomness("heartbeats")
    for half_hour in range(0, int((END - START).total_seconds() // 1800), sparsely(scale)):
        for host in company.hosts:
            moment = START + timedelta(minutes=30 * half_hour, seconds=(host.id * 37) % 1700)
            if rng.random() < 0.002 or (host.name == SilentServer.HOST and moment >= SilentServer.SINCE):
                continue
            service = host.service.name if host.service else ""
            group = "rg-data-prod" if host.role == "database" else _GROUPS.get(service, "rg-shop-prod")
            yield {
                "TimeGenerated": moment,
                "Computer": host.name,
                "ComputerIP": host.ip,
                "OSType": "Linux",
                "OSName": host.os,
                "Version": "1.32.4" if host.id % 5 else "1.29.1",
                "ResourceGroup": group if host.service else "rg-core-prod",
                "ComputerEnvironment": "Azure" if host.datacenter == "lis1" else "Non-Azure",
            }
