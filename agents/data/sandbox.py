"""Where queries run: on empty typed tables to prove them, on a group's rows to answer. Read-only by DuckDB itself."""

from __future__ import annotations

import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from agents.data.reading import fetch, one_select
from agents.data.session import Connection, Unfinished, computing, cursor, limited, open_empty, open_group
from agents.data.unreadable import unreadable_constants
from shared.catalog import Catalog, Table
from shared.errors import LexiQueryError, NotFound, QueryFailed, QueryRejected
from shared.models import Check, Problem, Rows
from shared.settings import Settings

PROVER = f"duckdb {duckdb.__version__}"
# On empty tables an honest query ends at once; what has computed for so long builds rows out of nothing.
DRY_RUN_SECONDS = 2.0
# How long a busy machine may take to let it compute that long.
DRY_RUN_PATIENCE = 60.0
_KEPT_SESSIONS = 32
_CODES: tuple[tuple[type[duckdb.Error], str], ...] = (
    (duckdb.ParserException, "syntax"),
    (duckdb.BinderException, "unknown_name"),
    (duckdb.CatalogException, "unknown_name"),
    (duckdb.ConversionException, "type_mismatch"),
    (duckdb.TypeMismatchException, "type_mismatch"),
    (duckdb.InterruptException, "query_timeout"),
    (duckdb.OutOfMemoryException, "query_out_of_memory"),
    (duckdb.PermissionException, "not_allowed"),
)
_SUGGESTED = re.compile(r'(?:Candidate bindings: |Did you mean )"([^"]+)"')


class Sandbox:
    """Thread-safe; its methods block, so async callers use `asyncio.to_thread`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sessions: OrderedDict[tuple[object, ...], Connection] = OrderedDict()
        self._lock = threading.Lock()
        # DuckDB complains on stderr about connections that are still open when the interpreter ends.
        self._finalizer = weakref.finalize(self, _close_all, self._sessions)

    def path(self, group: str) -> Path:
        """The DuckDB file that holds a group's rows."""
        return self._settings.groups_path / f"{group}.duckdb"

    def has_rows(self, catalog: Catalog) -> bool:
        return self.path(catalog.schema_group).is_file()

    def stamp(self, catalog: Catalog) -> int:
        """When the group's rows were last written, in nanoseconds; 0 where there are none."""
        return self.path(catalog.schema_group).stat().st_mtime_ns if self.has_rows(catalog) else 0

    def dry_run(self, sql: str, catalog: Catalog, columns: list[str] | None = None) -> Check:
        """Run on empty tables with the catalog's types: names, types, functions and constants fit, and it ends.

        What computes for longer than DRY_RUN_SECONDS fails; what the machine hardly let compute is skipped.
        columns: what the result's columns must be called; a translation that gives others is not taken for the query,
        and the check is skipped.
        """
        connection = self._dry_cursor(catalog)
        try:
            statement = one_select(sql)
            with computing(connection, min(DRY_RUN_SECONDS, self._settings.query_seconds), DRY_RUN_PATIENCE):
                found = fetch(connection, statement, 1, 0)
                problems = unreadable_constants(connection, statement)
        except Unfinished as error:
            return Check(name="dry_run", status="skipped", prover=PROVER, detail=str(error))
        except LexiQueryError as error:
            return Check(name="dry_run", status="failed", prover=PROVER, problems=[_problem(error)])
        finally:
            connection.close()
        if problems:
            return Check(name="dry_run", status="failed", prover=PROVER, problems=problems)
        if columns is not None and found.columns != columns:
            wrong = next((name for name in found.columns if name not in columns), "in another order")
            detail = f"its translation gives other columns than the query: {wrong}"
            return Check(name="dry_run", status="skipped", prover=PROVER, detail=detail)
        return Check(name="dry_run", status="passed", prover=PROVER, detail="ran on empty tables of these types")

    def cost(self, tables: Sequence[Table], catalog: Catalog) -> Check:
        """How much a query of these tables reads at most: the rows that the group has of them. Never fails; skipped
        where its rows are not here."""
        try:
            counts = self._row_counts(catalog)
        except LexiQueryError as error:
            return Check(name="cost", status="skipped", prover=PROVER, detail=error.message)
        read = {table.name: counts.get(table.name, 0) for table in tables}
        listed = ", ".join(f"{name} {count:,}" for name, count in read.items())
        detail = f"reads at most {sum(read.values()):,} rows" + (f": {listed}" if len(read) > 1 else "")
        return Check(name="cost", status="passed", prover=PROVER, detail=detail)

    def _row_counts(self, catalog: Catalog) -> dict[str, int]:
        connection = self._row_cursor(catalog)
        try:
            with limited(connection, self._settings.query_seconds):
                return dict(connection.execute("SELECT table_name, estimated_size FROM duckdb_tables()").fetchall())
        finally:
            connection.close()

    def execute(self, sql: str, catalog: Catalog, *, limit: int, offset: int = 0) -> Rows:
        """Rows `offset` to `offset + limit` of the query, and never more than the setting `row_limit`.

        One rule: where more rows exist the result is `truncated`, and the next page starts at `offset` plus the rows it
        holds. A cell longer than 64 KiB is cut, says so at its end, and the rows are `truncated` too.

        Raises NotFound where the group has no rows, QueryRejected if the text is not one SELECT, QueryFailed (or
        QueryTimeout, QueryOutOfMemory) when DuckDB gives up, StorageFailed when the file can't be read.
        """
        statement = one_select(sql)
        limit = max(0, min(limit, self._settings.row_limit))
        connection = self._row_cursor(catalog)
        try:
            with limited(connection, self._settings.query_seconds):
                return fetch(connection, statement, limit, max(0, offset))
        finally:
            connection.close()

    def values(self, sql: str, catalog: Catalog) -> list[str]:
        """The first column of one SELECT, as text, without nulls. Raises what `execute` raises, and QueryRejected where
        there are more values than rows may be answered."""
        found = self.execute(sql, catalog, limit=self._settings.row_limit)
        if found.truncated:
            raise QueryRejected(f"the result would have more than {len(found.rows)} columns", suggestion="set a limit")
        return [str(row[0]) for row in found.rows if row[0] is not None]

    def _dry_cursor(self, catalog: Catalog) -> Connection:
        session = self._session(("empty", catalog.version), lambda: open_empty(catalog, self._settings.query_memory_mb))
        return cursor(session, catalog, attached=False)

    def _row_cursor(self, catalog: Catalog) -> Connection:
        path = self.path(catalog.schema_group)
        if not path.is_file():
            raise NotFound(
                f"schema group '{catalog.schema_group}' has no rows to run on",
                suggestion="import a catalog whose tables name files of rows",
            )
        stat = path.stat()
        key = ("rows", str(path), stat.st_ino, stat.st_mtime_ns)
        return cursor(
            self._session(key, lambda: open_group(path, self._settings.query_memory_mb)), catalog, attached=True
        )

    def _session(self, key: tuple[object, ...], build: Callable[[], Connection]) -> Connection:
        """The session of that key, the least recently used closed when there are too many."""
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = build()
            self._sessions.move_to_end(key)
            while len(self._sessions) > _KEPT_SESSIONS:
                # Not closed: a query in another thread may be on it, and the last cursor closes it.
                self._sessions.popitem(last=False)
            return self._sessions[key]

    def close(self) -> None:
        """Close what is kept open; the next query opens anew."""
        with self._lock:
            _close_all(self._sessions)


def _close_all(sessions: OrderedDict[tuple[object, ...], Connection]) -> None:
    while sessions:
        sessions.popitem()[1].close()


def _problem(error: LexiQueryError) -> Problem:
    cause = error.__cause__
    code = next((code for cls, code in _CODES if isinstance(cause, cls)), error.code)
    suggested = _SUGGESTED.search(str(cause))
    if isinstance(error, QueryFailed) and suggested:
        return Problem(code=code, message=error.message, suggestion=suggested[1])
    return Problem(code=code, message=error.message, suggestion=error.suggestion)
