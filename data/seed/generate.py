"""Write the seed data's rows: `python -m data.seed.generate [OUT]`.

The rows are a function of this package and its catalogs alone. They are not kept in the repository; OUT (this folder
by default) gets `GROUP/rows/TABLE.parquet`, and each catalog beside its rows when it is another folder.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import numpy as np

from data.seed import applications, directory, endpoints, sales, servers, tickets, traffic, warehouse, workplace
from data.seed.company import build_company
from data.seed.releases import Versions, build_releases, deploy_index
from data.seed.writing import Row, read_columns, write_rows

HERE = Path(__file__).parent
GROUPS = ("ops_logs", "ops_splunk", "ops_warehouse")
_STAMP = "rows.version"

Tables = dict[str, Callable[[], Iterable[Row]]]


def generate(out: Path = HERE, *, scale: float = 1.0) -> bool:
    """Write all rows under `out`, unless they are there in this version already. Returns whether it wrote.

    scale: how much of the usual volume; the hidden incidents keep their size.
    """
    for group in GROUPS:
        _copy_catalog(group, out)
    stamp, version = out / _STAMP, content_version(scale)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == version:
        return False
    stamp.unlink(missing_ok=True)
    for group, tables in _tables(scale).items():
        columns = read_columns(HERE / group / "catalog.yaml")
        for name, rows in tables.items():
            write_rows(out / group / "rows" / f"{name}.parquet", columns[name], rows())
    stamp.write_text(version, encoding="utf-8")
    return True


def _copy_catalog(group: str, out: Path) -> None:
    """Its words and examples may have changed where its columns have not."""
    if out.resolve() != HERE.resolve():
        (out / group).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / group / "catalog.yaml", out / group / "catalog.yaml")


def content_version(scale: float = 1.0) -> str:
    """Hash of what the rows depend on: the generator, the catalogs' columns, the libraries that draw and write."""
    digest = hashlib.sha256(f"{scale} {np.__version__} {duckdb.__version__}".encode())
    for module in sorted(HERE.glob("*.py")):
        digest.update(module.read_bytes())
    for group in GROUPS:
        digest.update(repr(read_columns(HERE / group / "catalog.yaml")).encode())
    return digest.hexdigest()


def _tables(scale: float) -> dict[str, Tables]:
    """Group → table → what makes its rows."""
    company = build_company()
    releases = build_releases(company)
    web = traffic.web_index(company, scale)
    ticketing = tickets.build_tickets(company, scale)
    return {
        "ops_logs": {
            "SigninLogs": lambda: directory.signin_logs(company, scale),
            "AuditLogs": lambda: directory.audit_logs(company, scale),
            "DeviceProcessEvents": lambda: endpoints.process_events(company, scale),
            "DeviceNetworkEvents": lambda: endpoints.network_events(company, scale),
            "SecurityAlert": lambda: workplace.security_alerts(company, scale),
            "IdentityInfo": lambda: directory.identity_info(company),
            "OfficeActivity": lambda: workplace.office_activity(company, scale),
            "Heartbeat": lambda: workplace.heartbeats(company, scale),
        },
        "ops_splunk": {
            "web": lambda: web,
            "app": lambda: applications.app_index(company, Versions(releases), web, scale),
            "os": lambda: servers.os_index(company, scale),
            "deploy": lambda: deploy_index(releases),
            "auth": lambda: servers.auth_index(company, scale),
            "hosts": lambda: servers.hosts_lookup(company),
            "service_owners": servers.service_owners,
            "http_status": servers.http_status,
        },
        "ops_warehouse": {
            "offices": warehouse.offices,
            "teams": warehouse.teams,
            "employees": lambda: warehouse.employees(company),
            "services": warehouse.services,
            "hosts": lambda: warehouse.hosts(company),
            "deployments": lambda: warehouse.deployments(releases),
            "tickets": lambda: ticketing[0],
            "ticket_comments": lambda: ticketing[1],
            "alerts": lambda: ticketing[2],
            "on_call_shifts": lambda: warehouse.on_call_shifts(company),
            "customers": lambda: sales.customers(scale),
            "orders": lambda: sales.orders(scale),
            "daily_service_metrics": lambda: sales.daily_service_metrics(web),
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m data.seed.generate", description="Write the seed data's rows.")
    parser.add_argument("out", nargs="?", type=Path, default=HERE, help="where to (this package's folder)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual volume, such as 0.1")
    arguments = parser.parse_args()
    wrote = generate(arguments.out, scale=arguments.scale)
    sys.stdout.write(f"{'wrote' if wrote else 'up to date:'} {arguments.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
