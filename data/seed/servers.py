"""Servers: Splunk's indexes os (syslog, cpu, df) and auth (VPN, SSH), and its lookups."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from numpy.random import Generator

from data.seed.company import SERVICES, Company, Host
from data.seed.incidents import DiskFull, Leaver, NoisyCron, SilentServer, SshAttack, disk_percent, every_minute
from data.seed.timeline import HOURS, START, moments, one, pick, randomness, sparsely, within
from data.seed.writing import Row

_SYSLOG: tuple[tuple[str, str, str, float], ...] = (
    ("systemd", "info", "Started Daily apt download activities.", 14),
    ("systemd", "notice", "logrotate.service: Deactivated successfully.", 12),
    ("CRON", "info", "(root) CMD (run-parts /etc/cron.hourly)", 26),
    ("sshd", "info", "Connection closed by 10.10.1.42 port 50512 [preauth]", 12),
    ("chronyd", "info", "Selected source 10.10.1.2", 9),
    ("dockerd", "warning", "health check for container failed, 1 of 3", 4),
    ("nginx", "warning", "upstream server temporarily disabled while connecting to upstream", 3),
    ("kernel", "warning", "TCP: request_sock_TCP: Possible SYN flooding on port 443. Sending cookies.", 2),
    ("kernel", "err", "EXT4-fs warning: mounting fs with errors, running e2fsck is recommended", 0.3),
    ("kernel", "crit", "Out of memory: Killed process 2211 (java)", 0.25),
)


def os_index(company: Company, scale: float) -> list[Row]:
    rng = randomness("os")
    rows = [
        *_measurements(rng, company, sparsely(scale)),
        *_syslog(rng, company, int(9000 * scale)),
        *_incident_syslog(rng),
    ]
    return sorted(rows, key=lambda row: row["_time"])


def _event(moment: datetime, host: str, sourcetype: str, raw: str, **fields: object) -> Row:
    source = "/var/log/syslog" if sourcetype == "syslog" else sourcetype
    return {"_time": moment, "_raw": raw, "host": host, "source": source, "sourcetype": sourcetype, "index": "os",
            **fields}  # fmt: skip


def _log(rng: Generator, moment: datetime, host: str, process: str, severity: str, message: str) -> Row:
    pid = int(rng.integers(300, 60000))
    raw = f"{moment.strftime('%b %e %H:%M:%S')} {host} {process}[{pid}]: {message}"
    return _event(moment, host, "syslog", raw, process=process, pid=pid, severity=severity, message=message)


def _syslog(rng: Generator, company: Company, count: int) -> Iterator[Row]:
    lines = pick(rng, _SYSLOG, count, [weight for *_, weight in _SYSLOG])
    hosts = pick(rng, company.hosts, count)
    for moment, host, (process, severity, message, _) in zip(moments(rng, count, "flat"), hosts, lines, strict=True):
        if not (host.name == SilentServer.HOST and moment >= SilentServer.SINCE):
            yield _log(rng, moment, host.name, process, severity, message)


def _incident_syslog(rng: Generator) -> Iterator[Row]:
    for moment in every_minute(NoisyCron.START, NoisyCron.END):
        yield _log(
            rng, moment + timedelta(seconds=1), NoisyCron.HOST, "CRON", "info", f"(reporting) CMD ({NoisyCron.JOB})"
        )
    archiving = 'archive command failed with exit code 255: "rsync: connection unexpectedly closed"'
    for moment in every_minute(DiskFull.ARCHIVING_STOPS, DiskFull.FULL)[::15]:
        yield _log(rng, moment, DiskFull.HOST, "postgres", "warning", archiving)
    for moment in every_minute(DiskFull.FULL, DiskFull.FIXED):
        message = 'PANIC: could not write to file "pg_wal/xlogtemp": No space left on device'
        yield _log(rng, moment, DiskFull.HOST, "postgres", "crit", message)
    for minutes in (0, 1, 2):
        moment = SilentServer.SINCE - timedelta(minutes=6 - 2 * minutes)
        yield _log(rng, moment, SilentServer.HOST, "kernel", "crit", "nvme nvme0: controller is down; will reset")


def _measurements(rng: Generator, company: Company, every: int) -> Iterator[Row]:
    """CPU and disks of every server, each `every` hours."""
    for host in company.hosts:
        base, offset = float(rng.uniform(8, 30)), timedelta(seconds=host.id * 11)
        full, size = float(rng.uniform(25, 70)), float(one(rng, (80, 120, 200)))
        noise = rng.normal(0, 3, size=(HOURS, 3)).tolist()
        for hour in range(0, HOURS, every):
            moment = START + timedelta(hours=hour) + offset
            if host.name == SilentServer.HOST and moment >= SilentServer.SINCE:
                break
            yield _cpu(moment, host, base, noise[hour])
            yield _df(moment, host, "/", size, full + hour * 0.01)
            if host.role == "database":
                percent = disk_percent(moment) if host.name == DiskFull.HOST else 44 + host.id % 5 * 4 + hour * 0.012
                yield _df(moment, host, "/data", 2000.0, percent)


def _cpu(moment: datetime, host: Host, base: float, noise: list[float]) -> Row:
    wave = 1 + 0.7 * math.sin((moment.hour - 11) / 24 * 2 * math.pi)
    user = min(max(base * wave + noise[0], 1.0), 90.0)
    system = min(max(base * 0.2 + noise[1] * 0.4, 0.5), 20.0)
    wait = max(0.8 + noise[2] * 0.2, 0.0)
    if NoisyCron.START <= moment < NoisyCron.END:
        if host.name == NoisyCron.HOST:
            user, system = 84.0 + noise[0], 11.0
        if host.name == NoisyCron.REPLICA:
            user, wait = 48.0 + noise[0], 34.0 + noise[2]
    user, system, wait = round(user, 1), round(system, 1), round(wait, 1)
    idle = round(max(100.0 - user - system - wait, 0.0), 1)
    raw = f"{moment.isoformat()}Z CPU=all pctUser={user} pctSystem={system} pctIowait={wait} pctIdle={idle}"
    return _event(moment, host.name, "cpu", raw, pctUser=user, pctSystem=system, pctIowait=wait, pctIdle=idle)


def _df(moment: datetime, host: Host, mount: str, size: float, percent: float) -> Row:
    percent = round(percent, 1)
    used = round(size * percent / 100, 1)
    raw = f"{moment.isoformat()}Z MountedOn={mount} SizeGB={size:g} UsedGB={used} UsePct={percent}"
    return _event(moment, host.name, "df", raw, MountedOn=mount, SizeGB=size, UsedGB=used, UsePct=percent)


_GUESSES = ("root", "admin", "oracle", "postgres", "test", "ubuntu", "git", "jenkins", "pi", "backup")


def auth_index(company: Company, scale: float) -> list[Row]:
    rng = randomness("auth")
    rows = [*_vpn(rng, company, int(4200 * scale)), *_ssh(rng, company, int(3600 * scale))]
    for moment in within(rng, 1240, SshAttack.START, SshAttack.END):
        reason = "invalid user" if rng.random() < 0.8 else "bad password"
        rows.append(_login(moment, SshAttack.HOST, "sshd", one(rng, _GUESSES), SshAttack.ADDRESS, "password", reason))
    leaver = company.by_account[Leaver.ACCOUNT]
    for moment in Leaver.USED:
        later = moment + timedelta(minutes=1)
        rows.append(_login(later, "vpn-1", "openvpn", leaver.account, leaver.home_address, "certificate", minutes=41))
    return sorted(rows, key=lambda row: row["_time"])


def _vpn(rng: Generator, company: Company, count: int) -> Iterator[Row]:
    for moment, person in zip(moments(rng, count, "office"), pick(rng, company.employees, count), strict=True):
        if person.left_on and moment.date() > person.left_on:
            continue
        failed = rng.random() < 0.05
        reason = one(rng, ("bad password", "certificate expired")) if failed else None
        minutes = None if failed else int(rng.lognormal(4.6, 0.8))
        yield _login(moment, "vpn-1", "openvpn", person.account, person.home_address, "certificate", reason, minutes)


def _ssh(rng: Generator, company: Company, count: int) -> Iterator[Row]:
    team = [person for person in company.employees if person.team.department == "Engineering"]
    hosts = [host.name for host in company.hosts for _ in range(12 if host.name == "bastion-1" else 1)]
    for moment, person in zip(moments(rng, count, "office"), pick(rng, team, count), strict=True):
        if person.left_on and moment.date() > person.left_on:
            continue
        reason = "bad password" if rng.random() < 0.03 else None
        method = "password" if reason else "publickey"
        yield _login(moment, one(rng, hosts), "sshd", person.account, person.laptop_ip, method, reason)


def _login(
    moment: datetime, host: str, app: str, user: str, address: str, method: str, reason: str | None = None,
    minutes: int | None = None,
) -> Row:  # fmt: skip
    vpn = app == "openvpn"
    outcome = "failure" if reason else "success"
    verb = f"Failed {method} for {user}: {reason}" if reason else f"Accepted {method} for {user}"
    length = f" duration_min={minutes}" if minutes is not None else ""
    return {
        "_time": moment,
        "_raw": f"{moment.strftime('%b %e %H:%M:%S')} {host} {app}: {verb} from {address}{length}",
        "host": host,
        "source": "/var/log/openvpn.log" if vpn else "/var/log/auth.log",
        "sourcetype": "vpn" if vpn else "linux_secure",
        "index": "auth",
        "user": user,
        "src_ip": address,
        "action": outcome,
        "app": app,
        "method": method,
        "reason": reason,
        "duration_min": minutes,
    }


def hosts_lookup(company: Company) -> Iterator[Row]:
    for host in company.hosts:
        yield {"host": host.name, "role": host.role, "service": host.service.name if host.service else None,
               "datacenter": host.datacenter, "ip": host.ip, "os": host.os, "owner_team": host.owner.name}  # fmt: skip


def service_owners() -> Iterator[Row]:
    for service in SERVICES:
        yield {"service": service.name, "team": service.team.name, "tier": service.tier,
               "slo_latency_ms": service.slo_latency_ms, "slack_channel": service.team.channel}  # fmt: skip


def http_status() -> Iterator[Row]:
    meanings = {200: "OK", 302: "Found", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
                404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
                503: "Service Unavailable", 504: "Gateway Timeout"}  # fmt: skip
    kinds = {2: "Success", 3: "Redirection", 4: "Client Error", 5: "Server Error"}
    for status, text in meanings.items():
        yield {"status": status, "status_description": text, "status_type": kinds[status // 100]}
