"""SQLite asked itself: EXPLAIN on empty tables compiles a SELECT, and reads nothing."""

from __future__ import annotations

import re
import sqlite3
import threading

from agents.data.names import nearest_name
from agents.data.session import quoted
from shared.catalog import Catalog
from shared.models import Problem

PROVER = f"sqlite {sqlite3.sqlite_version}"
_KEPT = 8
_FUNCTION = re.compile(r"no such function: (\w+)")


class Sqlite:
    """Thread-safe; one empty database a catalog, the last few kept."""

    def __init__(self) -> None:
        self._databases: dict[str, sqlite3.Connection] = {}
        self._lock = threading.Lock()

    def problems(self, query: str, catalog: Catalog) -> list[Problem]:
        """What SQLite finds wrong with one SELECT. None where the catalog has tables in schemas, which SQLite lacks."""
        if any("." in table.name for table in catalog.tables):
            return []
        with self._lock:
            database = self._database(catalog)
            try:
                database.execute(f"EXPLAIN {query}")
            except sqlite3.Error as error:
                return [self._problem(str(error), database)]
        return []

    def _database(self, catalog: Catalog) -> sqlite3.Connection:
        if catalog.version not in self._databases:
            if len(self._databases) >= _KEPT:
                self._databases.pop(next(iter(self._databases))).close()
            database = sqlite3.connect(":memory:", check_same_thread=False)
            for table in catalog.tables:
                columns = ", ".join(quoted(column.name) for column in table.columns)
                database.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
            self._databases[catalog.version] = database
        return self._databases[catalog.version]

    def _problem(self, message: str, database: sqlite3.Connection) -> Problem:
        if found := _FUNCTION.search(message):
            known = [str(row[0]) for row in database.execute("SELECT DISTINCT name FROM pragma_function_list")]
            near = nearest_name(found[1].lower(), known)
            return Problem(code="unknown_function", message=f"unknown function '{found[1].lower()}'", suggestion=near)
        return Problem(code="not_bound", message=message)
