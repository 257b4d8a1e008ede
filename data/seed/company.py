"""Larkfield: its offices, teams, people, services and servers. Everything else is generated about these."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from data.seed.timeline import guid, one, randomness

DOMAIN = "larkfield.example"


@dataclass(frozen=True)
class Office:
    id: int
    city: str
    country: str
    time_zone: str
    address: str


@dataclass(frozen=True)
class Team:
    id: int
    name: str
    department: str
    size: int
    titles: tuple[str, ...]

    @property
    def channel(self) -> str:
        return f"#team-{self.name.lower()}"


@dataclass(frozen=True)
class Employee:
    id: int
    full_name: str
    team: Team
    office: Office
    title: str
    manager_id: int | None
    hired_on: date
    left_on: date | None
    salary: int
    object_id: str
    home_address: str

    @property
    def account(self) -> str:
        return self.full_name.lower().replace(" ", ".")

    @property
    def email(self) -> str:
        return f"{self.account}@{DOMAIN}"

    @property
    def laptop(self) -> str:
        return f"lt-{self.id:03d}"

    @property
    def laptop_ip(self) -> str:
        return f"10.20.{self.office.id}.{self.id}"


@dataclass(frozen=True)
class Service:
    id: int
    name: str
    team: Team
    tier: int
    language: str
    slo_availability: float
    slo_latency_ms: int


@dataclass(frozen=True)
class Host:
    id: int
    name: str
    role: str
    service: Service | None
    owner: Team
    datacenter: str
    cores: int
    memory_gb: int
    os: str
    ip: str
    commissioned_on: date


OFFICES = (
    Office(1, "Lisbon", "PT", "Europe/Lisbon", "203.0.113.10"),
    Office(2, "Krakow", "PL", "Europe/Warsaw", "203.0.113.20"),
    Office(3, "Toronto", "CA", "America/Toronto", "203.0.113.30"),
)
_ENGINEERS = ("Software Engineer", "Software Engineer", "Senior Software Engineer", "QA Engineer")
TEAMS = (
    Team(1, "Checkout", "Engineering", 10, _ENGINEERS),
    Team(2, "Payments", "Engineering", 12, _ENGINEERS),
    Team(3, "Identity", "Engineering", 7, _ENGINEERS),
    Team(4, "Search", "Engineering", 8, _ENGINEERS),
    Team(5, "Inventory", "Engineering", 8, _ENGINEERS),
    Team(6, "Web", "Engineering", 10, ("Frontend Engineer", "Senior Frontend Engineer", "Product Designer")),
    Team(7, "Platform", "Engineering", 12, ("Site Reliability Engineer", "Systems Administrator", "Platform Engineer")),
    Team(8, "Data", "Engineering", 8, ("Data Engineer", "Data Analyst")),
    Team(9, "Security", "Security", 6, ("Security Analyst", "Security Engineer")),
    Team(10, "Support", "Operations", 16, ("Support Agent", "Support Agent", "Senior Support Agent")),
    Team(11, "Finance", "Finance", 9, ("Accountant", "Financial Analyst")),
    Team(12, "People", "People", 6, ("People Partner", "Recruiter")),
    Team(13, "Commercial", "Commercial", 12, ("Account Executive", "Marketing Specialist", "Buyer")),
)
_TEAM = {team.name: team for team in TEAMS}
SERVICES = tuple(
    Service(number, name, _TEAM[team], tier, language, availability, latency)
    for number, (name, team, tier, language, availability, latency) in enumerate(
        [
            ("web", "Web", 1, "TypeScript", 0.999, 600),
            ("gateway", "Platform", 1, "Go", 0.9995, 200),
            ("checkout", "Checkout", 1, "Java", 0.999, 800),
            ("payments", "Payments", 1, "Java", 0.9995, 900),
            ("identity", "Identity", 1, "Go", 0.999, 300),
            ("search", "Search", 2, "Java", 0.995, 500),
            ("inventory", "Inventory", 2, "Go", 0.995, 300),
            ("cart", "Checkout", 2, "Go", 0.995, 300),
            ("shipping", "Inventory", 2, "Python", 0.99, 900),
            ("notifications", "Web", 3, "Python", 0.99, 2000),
            ("fraud", "Payments", 1, "Python", 0.999, 400),
            ("reporting", "Data", 3, "Python", 0.98, 5000),
        ],
        start=1,
    )
)
SERVICE = {service.name: service for service in SERVICES}

_FIRST = (
    "Ines", "Tomas", "Helena", "Piotr", "Amara", "Lukas", "Beatriz", "Jakub", "Priya", "Samuel", "Marta", "Oskar",
    "Lena", "Diego", "Yara", "Felix", "Noor", "Viktor", "Clara", "Rafael", "Zofia", "Hugo", "Amelia", "Kofi", "Sofia",
    "Mateusz", "Elin", "Bruno", "Leila", "Adam", "Rita", "Stefan", "Naomi", "Igor", "Carla", "Ewan", "Mina", "Pavel",
    "Joana", "Theo", "Agnes", "Ruben", "Salma", "Dawid", "Iris", "Nuno", "Greta", "Omar", "Livia", "Kacper",
)  # fmt: skip
_LAST = (
    "Duarte", "Lindqvist", "Brandt", "Maly", "Osei", "Novak", "Sequeira", "Zielinski", "Raman", "Whitlock",
    "Carvalho", "Halvorsen", "Petrov", "Quintero", "Haddad", "Bergman", "Okafor", "Sokolov", "Fontaine", "Almada",
    "Wrobel", "Teixeira", "Hartwell", "Mensah", "Pacheco", "Kowal", "Sandberg", "Moreira", "Farouk", "Tremblay",
    "Nogueira", "Dufort", "Ellery", "Kaminski", "Valente", "Mackay", "Rezaei", "Dvorak", "Barroso", "Lavoie",
    "Thorne", "Amaral", "Aziz", "Pawlak", "Verhoeven", "Cordeiro", "Stolz", "Rahal", "Monti", "Urban", "Quill",
)  # fmt: skip
# People of the incidents: (team, place in the team) → name, title.
_CAST = {
    ("Platform", 2): ("Tomas Lindqvist", "Systems Administrator"),
    ("Finance", 3): ("Helena Brandt", "Financial Analyst"),
    ("Search", 4): ("Piotr Maly", "Software Engineer"),
    ("Checkout", 3): ("Diego Quintero", "Senior Software Engineer"),
    ("Data", 2): ("Noor Rezaei", "Data Engineer"),
    ("Security", 1): ("Agnes Thorne", "Security Analyst"),
    ("Platform", 1): ("Viktor Sokolov", "Site Reliability Engineer"),
}
_LEFT = {"piotr.maly": date(2026, 3, 6), "helena.brandt": date(2026, 3, 31)}


@dataclass(frozen=True)
class Company:
    """employees and hosts by short name as well; `staff` are those of a team, its lead first."""

    employees: list[Employee]
    hosts: list[Host]
    by_account: dict[str, Employee] = field(init=False)
    by_host: dict[str, Host] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_account", {person.account: person for person in self.employees})
        object.__setattr__(self, "by_host", {host.name: host for host in self.hosts})

    def staff(self, team: str) -> list[Employee]:
        return [person for person in self.employees if person.team.name == team]

    def hosts_of(self, service: str) -> list[Host]:
        return [host for host in self.hosts if host.service and host.service.name == service and host.role == "app"]


def build_company() -> Company:
    return Company(_people(), _hosts())


def _people() -> list[Employee]:
    rng = randomness("people")
    reserved = {name for name, _ in _CAST.values()}
    names = [f"{first} {_LAST[(index * 7 + turn * 11) % len(_LAST)]}" for turn in range(4) for index, first in
             enumerate(_FIRST)]  # fmt: skip
    free = iter(dict.fromkeys(name for name in names if name not in reserved))
    people: list[Employee] = []
    chief: int | None = None
    for team in TEAMS:
        lead: int | None = None
        for place in range(team.size):
            name, title = _CAST.get((team.name, place)) or (next(free), one(rng, team.titles))
            number = len(people) + 1
            title = title if place else f"Head of {team.name}"
            office = OFFICES[0] if rng.random() < 0.55 else one(rng, OFFICES)
            account = name.lower().replace(" ", ".")
            person = Employee(
                id=number,
                full_name=name,
                team=team,
                office=office,
                title=title,
                manager_id=lead or chief,
                hired_on=date(2026, 2, 1) - timedelta(days=int(rng.integers(20, 3000))),
                left_on=_LEFT.get(account),
                salary=int(rng.normal(88000 if not place else 54000, 9000)) // 500 * 500,
                object_id=guid(rng),
                home_address=f"192.0.2.{number + 10 if number < 130 else number - 100}",
            )
            people.append(person)
            lead = lead or number
            chief = chief or number
    return people


_APP_HOSTS = {
    "web": 6, "gateway": 2, "checkout": 4, "payments": 4, "identity": 3, "search": 3, "inventory": 3, "cart": 2,
    "shipping": 2, "notifications": 2, "fraud": 2, "reporting": 1,
}  # fmt: skip
_SHARED_HOSTS = (
    ("db-orders-1", "database", "checkout", 32, 256), ("db-orders-2", "database", "checkout", 32, 256),
    ("db-payments-1", "database", "payments", 32, 256), ("db-payments-2", "database", "payments", 32, 256),
    ("db-inventory-1", "database", "inventory", 16, 128), ("cache-1", "cache", "search", 8, 64),
    ("cache-2", "cache", "search", 8, 64), ("queue-1", "queue", None, 8, 32), ("queue-2", "queue", None, 8, 32),
    ("vpn-1", "vpn", None, 4, 8), ("bastion-1", "bastion", None, 2, 4), ("build-1", "build", None, 16, 64),
    ("build-2", "build", None, 16, 64),
)  # fmt: skip


def _hosts() -> list[Host]:
    rng = randomness("hosts")
    app = [
        (f"{name}-{number}", "gateway" if name == "gateway" else "app", name, 8, 32)
        for name, count in _APP_HOSTS.items()
        for number in range(1, count + 1)
    ]
    hosts: list[Host] = []
    for number, (name, role, service_name, cores, memory) in enumerate([*app, *_SHARED_HOSTS], start=1):
        service = SERVICE.get(service_name or "")
        hosts.append(
            Host(
                id=number,
                name=name,
                role=role,
                service=service,
                owner=service.team if service and role != "database" else _TEAM["Platform"],
                datacenter="lis1" if name.endswith(("1", "3", "5")) else "krk1",
                cores=cores,
                memory_gb=memory,
                os="Debian 12" if role in ("database", "vpn", "bastion") else "Ubuntu 24.04",
                ip=f"10.10.{1 + number % 2}.{number + 10}",
                commissioned_on=date(2025, 12, 1) - timedelta(days=int(rng.integers(0, 1500))),
            )
        )
    return hosts
