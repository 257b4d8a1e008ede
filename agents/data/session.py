"""DuckDB connections that can read one schema group and do nothing else.

A *session* is one locked in-memory DuckDB: either empty typed tables of a catalog, or the group's file attached
read-only. No file, network, extension or setting can be reached from it; queries run on cursors of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from agents.data.platform import Platform, load_platform
from shared.catalog import Catalog, Table
from shared.errors import QueryFailed, QueryOutOfMemory, QueryTimeout, StorageFailed

Connection = duckdb.DuckDBPyConnection
_GROUP = "lexiquery_group"
_TICK = 0.01


class Unfinished(Exception):
    """A query was interrupted before it was done, and had hardly computed."""


def quoted(name: str) -> str:
    """A SQL identifier that means exactly `name`."""
    return '"' + name.replace('"', '""') + '"'


def first_rows(table: Table, most: int) -> str:
    """A subquery of that many of a table's rows, whichever come first."""
    return f"(SELECT * FROM {quoted(table.name)} LIMIT {most})"  # noqa: S608 - quoted names


def create_table_sql(table: Table, platform: Platform) -> str:
    """The CREATE TABLE that holds a catalog table, types as the platform maps them."""
    columns = ", ".join(f"{quoted(column.name)} {platform.duckdb_type(column.type)}" for column in table.columns)
    return f"CREATE TABLE {quoted(table.name)} ({columns})"


def open_empty(catalog: Catalog, memory_mb: int) -> Connection:
    """A session over empty tables with the catalog's columns. A query on it computes in the thread that runs it alone,
    so that this thread's clock says how much it computes."""
    connection = _open(memory_mb, threads=1)
    platform = load_platform(catalog.platform)
    for table in catalog.tables:
        connection.execute(create_table_sql(table, platform))
    # It would leave out what empty tables never reach, constants that can't be read among it (unreadable.py).
    connection.execute("SET GLOBAL disabled_optimizers = 'statistics_propagation'")
    return _locked(connection)


def open_group(path: Path, memory_mb: int) -> Connection:
    """A session over the group's DuckDB file, read-only. Raises StorageFailed when the file can't be read."""
    connection = _open(memory_mb)
    try:
        connection.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS {_GROUP} (READ_ONLY)")
    except duckdb.Error as error:
        raise StorageFailed(f"can't read the rows at {path}: {error}", suggestion="import the catalog again") from error
    return _locked(connection)


def _open(memory_mb: int, threads: int = 2) -> Connection:
    return duckdb.connect(
        ":memory:",
        config={
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
            "memory_limit": f"{memory_mb}MB",
            "threads": str(threads),
            "temp_directory": "",
            "python_enable_replacements": "false",
        },
    )


def _locked(connection: Connection) -> Connection:
    for setting in ("TimeZone = 'UTC'", "enable_external_access = false", "lock_configuration = true"):
        connection.execute(f"SET GLOBAL {setting}")
    return connection


def cursor(session: Connection, catalog: Catalog, *, attached: bool) -> Connection:
    """A connection of its own for one query: safe to use beside others, with the catalog's clock as `now`."""
    own = session.cursor()
    if attached:
        own.execute(f"USE {_GROUP}")
    for macro in _clock_macros(catalog):
        own.execute(macro)
    return own


def _clock_macros(catalog: Catalog) -> list[str]:
    """Temporary macros that shadow every function that reads the clock, so that the query's text stays as it is."""
    if catalog.clock is None:
        return []
    clock = catalog.clock.isoformat()
    instant, moment = f"TIMESTAMPTZ '{clock}'", f"(TIMESTAMPTZ '{clock}' AT TIME ZONE 'UTC')"
    day, clock_time = f"{moment}::DATE", f"{moment}::TIME"
    values = {
        **dict.fromkeys(("now", "current_timestamp", "get_current_timestamp", "transaction_timestamp"), instant),
        "current_localtimestamp": moment,
        **dict.fromkeys(("today", "current_date"), day),
        **dict.fromkeys(("get_current_time", "current_localtime"), clock_time),
    }
    macros = [f"CREATE TEMP MACRO {name}() AS {value}" for name, value in values.items()]
    ages = f"(a) AS system.main.age({moment}, a), (a, b) AS system.main.age(a, b)"
    return [*macros, f"CREATE TEMP MACRO age{ages}"]


@contextmanager
def limited(connection: Connection, seconds: float) -> Iterator[None]:
    """Within the block, queries are interrupted after `seconds`; what fails is a QueryFailed with a stable code."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        with _named_failures(seconds):
            yield
    finally:
        timer.cancel()


@contextmanager
def computing(connection: Connection, seconds: float, patience: float) -> Iterator[None]:
    """Like `limited`, but `seconds` are those that this thread computes, however busy the machine is: for a session of
    one thread. After `patience` seconds it is interrupted too: Unfinished where it computed for less than a quarter."""
    clock, ended = _thread_clock(), threading.Event()
    began, deadline = clock(), time.monotonic() + patience

    def watch() -> None:
        while (left := began + seconds - clock()) > 0 and (wait := deadline - time.monotonic()) > 0:
            if ended.wait(min(max(left, _TICK), wait)):
                return
        connection.interrupt()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        with _named_failures(seconds):
            yield
    except QueryTimeout as error:
        if clock() - began < seconds / 4:
            raise Unfinished(f"it was not done after {patience:g} s: the machine is busy") from error
        raise
    finally:
        ended.set()
        watcher.join()


def _thread_clock() -> Callable[[], float]:
    """Seconds that the calling thread has computed, to be read from any thread; where the system can't tell threads
    apart, those of the whole process, which are no fewer."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)


@contextmanager
def _named_failures(seconds: float) -> Iterator[None]:
    try:
        yield
    except duckdb.InterruptException as error:
        raise QueryTimeout(f"the query ran longer than {seconds:g} s", suggestion="narrow its time range") from error
    except duckdb.OutOfMemoryException as error:
        raise QueryOutOfMemory(
            f"the query wants more memory than it may have: {first_line(error)}",
            suggestion="aggregate earlier or narrow its time range",
        ) from error
    except duckdb.Error as error:
        raise QueryFailed(first_line(error)) from error


def first_line(error: duckdb.Error) -> str:
    """DuckDB's message without its class prefix, the excerpt of the query and the advice.

    Of a CSV file's error three lines: where, the line itself, and what is wrong with it.
    """
    lines = str(error).split("\n")
    _, colon, message = lines[0].partition("Error: ")
    message = message.strip() if colon else lines[0]
    return "; ".join([message, *lines[1:3]]) if message.startswith("CSV Error") else message
