"""The directory in Log Analytics: IdentityInfo, SigninLogs, AuditLogs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from numpy.random import Generator

from data.seed.company import DOMAIN, Company, Employee
from data.seed.incidents import Exfiltration, Leaver, Spray, StalePassword
from data.seed.timeline import END, START, guid, moments, one, pick, randomness, within
from data.seed.writing import Row

RESULTS = {
    "0": "",
    "50126": "Error validating credentials due to invalid username or password.",
    "50053": "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    "50055": "The password is expired.",
    "50057": "The user account is disabled.",
    "50074": "Strong authentication is required.",
    "53003": "Access has been blocked by Conditional Access policies.",
    "500121": "Authentication failed during strong authentication request.",
}
SERVICE_ACCOUNTS = ("svc-backup", "svc-deploy", "svc-reporting", "svc-monitoring")
_APPS = {
    "Microsoft Teams": 24, "Office 365 Exchange Online": 22, "Office 365 SharePoint Online": 14, "Jira Cloud": 12,
    "GitHub Enterprise": 10, "Splunk Cloud": 5, "Salesforce": 5, "Azure Portal": 3, "Workday": 3, "Larkfield VPN": 6,
}  # fmt: skip
_CITIES = {"PT": "Lisbon", "PL": "Krakow", "CA": "Toronto", "BR": "Sao Paulo", "RO": "Bucharest", "ES": "Madrid"}
_ADMIN_ROLES = {
    "tomas.lindqvist": ["Privileged Role Administrator", "User Administrator"],
    "viktor.sokolov": ["Global Administrator"],
    "agnes.thorne": ["Security Administrator"],
}


@dataclass(frozen=True)
class Account:
    """A person's or a service's account as sign-ins show it."""

    upn: str
    name: str
    object_id: str
    person: Employee | None


def accounts(company: Company) -> list[Account]:
    rng = randomness("service accounts")
    services = [Account(f"{name}@{DOMAIN}", name, guid(rng), None) for name in SERVICE_ACCOUNTS]
    people = [Account(person.email, person.full_name, person.object_id, person) for person in company.employees]
    return [*people, *services]


def identity_info(company: Company) -> Iterator[Row]:
    managers = {person.id: person.email for person in company.employees}
    for account in accounts(company):
        person = account.person
        short = account.upn.partition("@")[0]
        yield {
            "TimeGenerated": END - timedelta(hours=18),
            "AccountObjectId": account.object_id,
            "AccountUPN": account.upn,
            "AccountName": short,
            "AccountDisplayName": account.name,
            "Department": person.team.department if person else None,
            "JobTitle": person.title if person else "Service account",
            "Manager": managers.get(person.manager_id or 0) if person else None,
            "City": person.office.city if person else None,
            "Country": person.office.country if person else None,
            "IsAccountEnabled": short not in (Spray.PUPPET, Exfiltration.ACCOUNT),
            "UserType": "Member" if person else "ServiceAccount",
            "AssignedRoles": json.dumps(_ADMIN_ROLES.get(short, [])),
            "GroupMembership": json.dumps(_groups(person)),
        }


def _groups(person: Employee | None) -> list[str]:
    if person is None:
        return ["grp-service-accounts"]
    extra = ["grp-vpn-users", "grp-prod-ssh"] if person.team.department == "Engineering" else []
    return ["grp-all-staff", f"grp-{person.team.name.lower()}", *extra]


def signin_logs(company: Company, scale: float) -> list[Row]:
    rng = randomness("sign-ins")
    everyone = accounts(company)
    rows = [*_daily_work(rng, everyone, int(26000 * scale)), *_service_logons(rng, everyone)]
    rows += [*_spray(rng, everyone), *_breach(rng, everyone), *_leaver(rng, company, everyone)]
    rows += _stale_password(rng, company, everyone)
    return sorted(rows, key=lambda row: row["TimeGenerated"])


def _daily_work(rng: Generator, everyone: list[Account], count: int) -> Iterator[Row]:
    people = [account for account in everyone if account.person]
    zeal = rng.lognormal(0.0, 0.6, size=len(people)).tolist()
    apps = pick(rng, list(_APPS), count, list(_APPS.values()))
    results = pick(rng, list(RESULTS), count, [945, 30, 1, 6, 0, 9, 5, 4])
    users = pick(rng, people, count, zeal)
    for moment, account, app, result in zip(moments(rng, count, "office"), users, apps, results, strict=True):
        person = account.person
        if person and person.left_on and moment.date() > person.left_on:
            continue
        yield _signin(rng, account, moment, app, "50057" if _disabled(account, moment) else result)


def _disabled(account: Account, moment: datetime) -> bool:
    """Whether the account of a person in an incident was disabled just then."""
    if account.upn.startswith(Spray.VICTIM):
        return Spray.CONTAINED <= moment < Spray.RESTORED
    return account.upn.startswith(Exfiltration.ACCOUNT) and moment >= Exfiltration.DISABLED


def _signin(rng: Generator, account: Account, moment: datetime, app: str, result: str) -> Row:
    """A sign-in from the user's office or home, sometimes from a journey."""
    person = account.person
    country, address = "PT", "203.0.113.10"
    if person:
        at_home = moment.weekday() >= 5 or rng.random() < 0.4
        country, address = person.office.country, person.home_address if at_home else person.office.address
        if rng.random() < 0.006:
            country, address = "ES", f"198.51.100.{int(rng.integers(200, 250))}"
    client = one(rng, ("Browser",) * 6 + ("Mobile Apps and Desktop clients",) * 5 + ("Exchange ActiveSync",) * 1)
    if client == "Exchange ActiveSync":
        app = "Office 365 Exchange Online"
    return _row(rng, account, moment, app, result, client=client, address=address, country=country)


def _row(
    rng: Generator, account: Account, moment: datetime, app: str, result: str, *, client: str, address: str,
    country: str, risk: str = "none", interactive: bool = True,
) -> Row:  # fmt: skip
    person = account.person
    legacy = client in ("IMAP4", "Authenticated SMTP", "Exchange ActiveSync")
    device = {
        "displayName": person.laptop if person and client != "IMAP4" and country != "RO" else "",
        "operatingSystem": "Windows 11" if client != "Exchange ActiveSync" else "iOS",
        "browser": "Edge 145" if client == "Browser" else "",
        "isCompliant": bool(person) and country != "RO",
        "isManaged": bool(person) and country != "RO",
    }
    return {
        "TimeGenerated": moment,
        "UserPrincipalName": account.upn,
        "UserDisplayName": account.name,
        "UserId": account.object_id,
        "AppDisplayName": app,
        "ClientAppUsed": client,
        "IPAddress": address,
        "Location": country,
        "LocationDetails": json.dumps({"city": _CITIES[country], "countryOrRegion": country}),
        "DeviceDetail": json.dumps(device),
        "ResultType": result,
        "ResultDescription": RESULTS[result],
        "AuthenticationRequirement": (
            "singleFactorAuthentication" if legacy or not interactive else "multiFactorAuthentication"
        ),
        "ConditionalAccessStatus": "failure" if result == "53003" else "notApplied" if legacy else "success",
        "RiskLevelDuringSignIn": risk,
        "IsInteractive": interactive,
        "CorrelationId": guid(rng),
    }


def _service_logons(rng: Generator, everyone: list[Account]) -> Iterator[Row]:
    """Service accounts refresh their tokens every hour, around the clock."""
    for account in (account for account in everyone if not account.person):
        moment = START + timedelta(seconds=int(rng.integers(0, 3600)))
        disabled = account.upn.startswith(Spray.PUPPET)
        while moment < END:
            result = "50057" if disabled and moment >= Spray.CONTAINED else "0"
            yield _row(rng, account, moment, "Azure Portal", result, client="Mobile Apps and Desktop clients",
                       address="203.0.113.10", country="PT", interactive=False)  # fmt: skip
            moment += timedelta(hours=1, seconds=int(rng.integers(-40, 40)))


def _spray(rng: Generator, everyone: list[Account]) -> Iterator[Row]:
    """Four passwords tried on most accounts in turn; a few lock."""
    people = [account for account in everyone if account.person]
    targets = [people[int(index)] for index in rng.permutation(len(people))[:96]]
    for turn in range(4):
        start = Spray.START + timedelta(minutes=13 * turn)
        for account, moment in zip(targets, within(rng, len(targets), start, start + timedelta(minutes=11)),
                                   strict=True):  # fmt: skip
            locked = turn == 3 and rng.random() < 0.15
            result = "50053" if locked else "50126"
            yield _attack(rng, account, moment, "Office 365 Exchange Online", result, "IMAP4", "medium")


def _breach(rng: Generator, everyone: list[Account]) -> Iterator[Row]:
    by_name = {account.upn.partition("@")[0]: account for account in everyone}
    victim, puppet = by_name[Spray.VICTIM], by_name[Spray.PUPPET]
    yield _attack(rng, victim, Spray.BREACH, "Office 365 Exchange Online", "0", "IMAP4", "high")
    yield _attack(rng, victim, Spray.BREACH + timedelta(minutes=4), "Azure Portal", "50074", "Browser", "high")
    yield _attack(rng, victim, Spray.BREACH + timedelta(minutes=6), "Azure Portal", "0", "Browser", "high")
    yield _attack(rng, puppet, Spray.SECRET_ADDED + timedelta(minutes=3), "Azure Portal", "0", "Browser", "high")
    yield _attack(rng, puppet, Spray.CONTAINED + timedelta(minutes=2), "Azure Portal", "50057", "Browser", "high")


def _attack(rng: Generator, account: Account, moment: datetime, app: str, result: str, client: str, risk: str) -> Row:
    return _row(rng, account, moment, app, result, client=client, address=Spray.ADDRESS, country="RO", risk=risk)


def _leaver(rng: Generator, company: Company, everyone: list[Account]) -> Iterator[Row]:
    person = company.by_account[Leaver.ACCOUNT]
    account = next(account for account in everyone if account.upn == person.email)
    for moment in Leaver.USED:
        for app, minutes in (("Larkfield VPN", 0), ("GitHub Enterprise", 3), ("Office 365 SharePoint Online", 9)):
            yield _row(rng, account, moment + timedelta(minutes=minutes), app, "0", client="Browser",
                       address=person.home_address, country=person.office.country)  # fmt: skip


def _stale_password(rng: Generator, company: Company, everyone: list[Account]) -> Iterator[Row]:
    person = company.by_account[StalePassword.ACCOUNT]
    account = next(account for account in everyone if account.upn == person.email)
    for moment in within(rng, 74, StalePassword.START, StalePassword.END):
        result = "50126" if moment < StalePassword.LOCKED else "50053"
        yield _row(rng, account, moment, "Office 365 Exchange Online", result, client="Exchange ActiveSync",
                   address=person.home_address, country=person.office.country)  # fmt: skip


_CHANGES = {
    "Update user": ("UserManagement", "Core Directory", 30),
    "Add member to group": ("GroupManagement", "Core Directory", 22),
    "Remove member from group": ("GroupManagement", "Core Directory", 12),
    "Reset user password": ("UserManagement", "Self-service Password Management", 12),
    "Change user password": ("UserManagement", "Self-service Password Management", 10),
    "User registered security info": ("UserManagement", "Authentication Methods", 8),
    "User deleted security info": ("UserManagement", "Authentication Methods", 2),
    "Add user": ("UserManagement", "Core Directory", 2),
    "Consent to application": ("ApplicationManagement", "Core Directory", 2),
    "Add service principal credentials": ("ApplicationManagement", "Core Directory", 1),
    "Update conditional access policy": ("Policy", "Conditional Access", 0.5),
    "Add member to role": ("RoleManagement", "Core Directory", 0.4),
    "Remove member from role": ("RoleManagement", "Core Directory", 0.4),
    "Disable account": ("UserManagement", "Core Directory", 0.3),
    "Delete user": ("UserManagement", "Core Directory", 0.3),
}
_SELF = ("Change user password", "Reset user password", "User registered security info", "User deleted security info")


def audit_logs(company: Company, scale: float) -> list[Row]:
    rng = randomness("audit")
    count = int(2400 * scale)
    admins = [company.by_account[name] for name in _ADMIN_ROLES] + company.staff("People")[:2]
    names = pick(rng, list(_CHANGES), count, [weight for _, _, weight in _CHANGES.values()])
    targets = pick(rng, company.employees, count)
    rows = []
    for moment, name, target in zip(moments(rng, count, "office"), names, targets, strict=True):
        actor = target if name in _SELF else one(rng, admins)
        failed = rng.random() < 0.04
        group = f"grp-{target.team.name.lower()}" if "group" in name else "Reports Reader" if "role" in name else ""
        rows.append(_change(rng, moment, name, actor, target.account, group, failed=failed))
    rows += _incident_changes(rng, company)
    return sorted(rows, key=lambda row: row["TimeGenerated"])


def _change(
    rng: Generator, moment: datetime, name: str, actor: Employee, target: str, second: str = "", *,
    address: str | None = None, failed: bool = False,
) -> Row:  # fmt: skip
    category, service, _ = _CHANGES[name]
    upn = f"{target}@{DOMAIN}"
    resources = [{"type": "User", "displayName": target, "userPrincipalName": upn}]
    if second:
        resources.append({"type": "Role" if "role" in name else "Group", "displayName": second})
    initiator = {"user": {"userPrincipalName": actor.email, "ipAddress": address or actor.office.address}}
    return {
        "TimeGenerated": moment,
        "OperationName": name,
        "Category": category,
        "Result": "failure" if failed else "success",
        "ResultReason": "Insufficient privileges to complete the operation." if failed else None,
        "Identity": actor.full_name,
        "InitiatedBy": json.dumps(initiator),
        "TargetResources": json.dumps(resources),
        "LoggedByService": service,
        "CorrelationId": guid(rng),
    }


def _incident_changes(rng: Generator, company: Company) -> list[Row]:
    victim, responder = company.by_account[Spray.VICTIM], company.by_account["agnes.thorne"]
    spray, contained = Spray.ADDRESS, Spray.CONTAINED
    return [
        _change(rng, Spray.ROLE_GIVEN, "Add member to role", victim, Spray.PUPPET, Spray.ROLE, address=spray),
        _change(rng, Spray.SECRET_ADDED, "Add service principal credentials", victim, Spray.PUPPET, address=spray),
        _change(rng, contained, "Disable account", responder, Spray.VICTIM),
        _change(rng, contained + timedelta(minutes=1), "Disable account", responder, Spray.PUPPET),
        _change(rng, contained + timedelta(minutes=5), "Remove member from role", responder, Spray.PUPPET, Spray.ROLE),
        _change(rng, contained + timedelta(minutes=9), "Reset user password", responder, Spray.VICTIM),
        _change(rng, Spray.RESTORED, "Update user", responder, Spray.VICTIM),
        _change(rng, Exfiltration.DISABLED, "Disable account", responder, Exfiltration.ACCOUNT),
    ]
