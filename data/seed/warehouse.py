"""The warehouse's tables about people, services, servers, deployments and on-call shifts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from data.seed.company import OFFICES, SERVICES, TEAMS, Company
from data.seed.releases import Deployment
from data.seed.timeline import END, START
from data.seed.writing import Row


def offices() -> Iterator[Row]:
    for office in OFFICES:
        yield {"office_id": office.id, "city": office.city, "country": office.country, "time_zone": office.time_zone}


def teams() -> Iterator[Row]:
    for team in TEAMS:
        yield {"team_id": team.id, "name": team.name, "department": team.department, "slack_channel": team.channel}


def employees(company: Company) -> Iterator[Row]:
    for person in company.employees:
        yield {
            "employee_id": person.id,
            "full_name": person.full_name,
            "email": person.email,
            "job_title": person.title,
            "team_id": person.team.id,
            "office_id": person.office.id,
            "manager_id": person.manager_id,
            "hired_on": person.hired_on,
            "left_on": person.left_on,
            "annual_salary_eur": person.salary,
        }


def services() -> Iterator[Row]:
    for service in SERVICES:
        yield {
            "service_id": service.id,
            "name": service.name,
            "team_id": service.team.id,
            "tier": service.tier,
            "language": service.language,
            "slo_availability": service.slo_availability,
            "slo_latency_ms": service.slo_latency_ms,
        }


def hosts(company: Company) -> Iterator[Row]:
    for host in company.hosts:
        yield {
            "host_id": host.id,
            "hostname": host.name,
            "service_id": host.service.id if host.service else None,
            "role": host.role,
            "datacenter": host.datacenter,
            "cpu_cores": host.cores,
            "memory_gb": host.memory_gb,
            "os": host.os,
            "ip_address": host.ip,
            "commissioned_on": host.commissioned_on,
        }


def deployments(releases: list[Deployment]) -> Iterator[Row]:
    for item in releases:
        if item.end < END:
            yield {
                "deployment_id": item.id,
                "service_id": item.service.id,
                "version": item.version,
                "environment": item.environment,
                "started_at": item.start,
                "finished_at": item.end,
                "status": "succeeded" if item.succeeded else "failed",
                "is_rollback": item.rollback,
                "deployed_by": item.by.id,
                "commit_sha": item.commit,
            }


def on_call_shifts(company: Company) -> Iterator[Row]:
    """A week each, changing on Monday at 09:00, for the teams that own services; also the week that follows."""
    owners = {service.team.name for service in SERVICES} | {"Security"}
    number = 0
    for team in (team for team in TEAMS if team.name in owners):
        staff = [person for person in company.staff(team.name)[1:] if not person.left_on]
        for week in range(4):
            start = START + timedelta(days=7 * week - 6, hours=9)
            for place, level in enumerate(("primary", "secondary")):
                number += 1
                yield {
                    "shift_id": number,
                    "team_id": team.id,
                    "employee_id": staff[(week + place + team.id) % len(staff)].id,
                    "starts_at": start,
                    "ends_at": start + timedelta(days=7),
                    "level": level,
                }
