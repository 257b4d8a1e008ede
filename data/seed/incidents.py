"""The incidents hidden in the data: who, what and when. Every table that shows one reads these facts.

README.md tells them in words.
"""

from __future__ import annotations

from datetime import datetime, timedelta


class Spray:
    """Password spray on the staff directory; one account falls and hands out a privileged role."""

    ADDRESS = "198.51.100.77"
    START = datetime(2026, 3, 5, 2, 10)
    BREACH = datetime(2026, 3, 5, 2, 58)
    ROLE_GIVEN = datetime(2026, 3, 5, 3, 11)
    SECRET_ADDED = datetime(2026, 3, 5, 3, 16)
    CONTAINED = datetime(2026, 3, 5, 4, 5)
    RESTORED = datetime(2026, 3, 5, 11, 30)
    VICTIM = "tomas.lindqvist"
    PUPPET = "svc-backup"
    ROLE = "Global Administrator"


class BadDeploy:
    """checkout 4.18.0 fails every order that carries a discount, until it is rolled back."""

    SERVICE = "checkout"
    VERSION = "4.18.0"
    GOOD_VERSION = "4.17.3"
    START = datetime(2026, 3, 10, 14, 5)
    ROLLBACK = datetime(2026, 3, 10, 15, 8)
    END = datetime(2026, 3, 10, 15, 12)
    AUTHOR = "diego.quintero"
    CODE = "CHK-5003"


class DiskFull:
    """WAL archiving of db-orders-1 stops, its /data fills up, and writes of three services fail."""

    HOST = "db-orders-1"
    ARCHIVING_STOPS = datetime(2026, 3, 6, 21, 0)
    FULL = datetime(2026, 3, 8, 3, 40)
    FIXED = datetime(2026, 3, 8, 5, 15)
    SERVICES = ("checkout", "cart", "inventory")
    CODE = "DB-5310"


class Exfiltration:
    """A financial analyst under notice copies the finance share to a private file host at night."""

    ACCOUNT = "helena.brandt"
    LAPTOP = "lt-101"
    ADDRESS = "192.0.2.146"
    SITE = "files.dropyard.example"
    DOWNLOADS = datetime(2026, 3, 12, 20, 40)
    START = datetime(2026, 3, 12, 22, 10)
    END = datetime(2026, 3, 12, 23, 40)
    DISABLED = datetime(2026, 3, 13, 8, 40)


class Certificate:
    """The certificate of the fraud service expires; payments can't score cards until it is renewed."""

    EXPIRED = datetime(2026, 3, 11, 0, 0)
    RENEWED = datetime(2026, 3, 11, 6, 35)
    CODE = "TLS-1001"


class NoisyCron:
    """A crontab meant for once an hour runs every minute on reporting-1 and starves the orders replica."""

    HOST = "reporting-1"
    REPLICA = "db-orders-2"
    JOB = "/opt/reporting/rebuild_sales_cube.sh"
    START = datetime(2026, 3, 3, 9, 20)
    END = datetime(2026, 3, 6, 9, 40)
    AUTHOR = "noor.rezaei"
    CODE = "RPT-9001"


class SlowSearch:
    """search 2.9.0 leaks memory: every hour a bit slower, until it is rolled back."""

    VERSION = "2.9.0"
    GOOD_VERSION = "2.8.6"
    START = datetime(2026, 3, 12, 10, 30)
    END = datetime(2026, 3, 14, 16, 20)
    CODE = "SRC-5040"

    @classmethod
    def factor(cls, moment: datetime) -> float:
        """How many times slower search is than usual: 1 before, up to 9 at the end."""
        if not cls.START <= moment < cls.END:
            return 1.0
        return 1.0 + 8.0 * ((moment - cls.START) / (cls.END - cls.START))


class SshAttack:
    """Somebody tries names on the bastion's SSH; none gets in."""

    ADDRESS = "198.51.100.23"
    HOST = "bastion-1"
    START = datetime(2026, 3, 9, 17, 30)
    END = datetime(2026, 3, 9, 20, 10)


class Leaver:
    """An engineer's last day has passed, his account was never disabled, and it is still used."""

    ACCOUNT = "piotr.maly"
    LAST_DAY_ENDS = datetime(2026, 3, 7)
    USED = tuple(
        datetime(2026, 3, day, hour, minute)
        for day, hour, minute in ((9, 19, 42), (10, 20, 15), (11, 21, 3), (12, 18, 57), (13, 22, 31))
    )


class StalePassword:
    """After a password change a phone keeps trying the old one all Saturday, and the account locks."""

    ACCOUNT = "carla.valente"
    START = datetime(2026, 3, 14, 7, 5)
    LOCKED = datetime(2026, 3, 14, 15, 0)
    END = datetime(2026, 3, 14, 16, 20)


class SilentServer:
    """search-3 stops sending heartbeats near the end; its disk controller has died."""

    HOST = "search-3"
    SINCE = datetime(2026, 3, 14, 18, 47)


def web_failure(service: str, moment: datetime) -> tuple[float, int]:
    """Chance that a request fails because of an incident, and the HTTP status that it then gets."""
    if service == BadDeploy.SERVICE and BadDeploy.START <= moment < BadDeploy.END:
        return 0.45, 500
    if service in DiskFull.SERVICES and DiskFull.FULL <= moment < DiskFull.FIXED:
        return 0.6, 503
    if service == "payments" and Certificate.EXPIRED <= moment < Certificate.RENEWED:
        return 0.7, 502
    if service == "search" and SlowSearch.factor(moment) > 6:
        return 0.08, 504
    return 0.0, 0


def disk_percent(moment: datetime) -> float:
    """How full /data of the host of `DiskFull` is: 61 % until archiving stops, 100 % when writes fail, 58 % after."""
    if moment < DiskFull.ARCHIVING_STOPS:
        return 61.0
    if moment >= DiskFull.FIXED:
        return 58.0
    share = (moment - DiskFull.ARCHIVING_STOPS) / (DiskFull.FULL - DiskFull.ARCHIVING_STOPS)
    return min(100.0, 61.0 + 39.0 * share)


def every_minute(start: datetime, end: datetime) -> list[datetime]:
    return [start + timedelta(minutes=minute) for minute in range(int((end - start).total_seconds() // 60))]
