"""What an older LexiQuery kept in a table of its own."""

from __future__ import annotations

import json

import structlog
from sqlalchemy import Connection, inspect, text

from shared.ledger.limits import alone
from shared.ledger.totals import Delta

log = structlog.get_logger(__name__)
_OLD_TIMES = "llm_day_times"
"""A row a bin; now a column of the day's sums has all of them."""
_COUNTS = f"SELECT dimension, day, value, {{}}(bin, calls) FROM {_OLD_TIMES} GROUP BY dimension, day, value"  # noqa: S608 -- fixed
_CURRENCIES = "SELECT dimension, day, value, min(currency) FROM llm_day_totals GROUP BY dimension, day, value"
_COLLECT = {"sqlite": "json_group_object", "postgresql": "json_object_agg"}


def take_over_times(connection: Connection) -> None:
    """Add the counts of the old table to the sums of their days, and drop it."""
    alone(connection)
    if not inspect(connection).has_table(_OLD_TIMES):
        return
    currency_of = {tuple(key): currency for *key, currency in connection.execute(text(_CURRENCIES))}
    delta = Delta()
    counts = text(_COUNTS.format(_COLLECT[connection.dialect.name]))
    for dimension, day, value, times in connection.execute(counts):
        known = json.loads(times) if isinstance(times, str) else times
        delta.add_times(dimension, day, value, currency_of.get((dimension, day, value), ""), known)
    delta.write(connection)
    connection.execute(text(f"DROP TABLE {_OLD_TIMES}"))
    log.info("times of an older ledger were taken over; older processes on this database can't add to it any more")
