"""KQL proven without .NET: duckdb-kql's grammar parses, DuckDB binds its translation on empty typed tables.

Weaker than Kusto.Language, and the proof says so by naming these provers: what duckdb-kql can't translate is not bound.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterator

import duckdb
import duckdb_kql

from agents.data.kql.declared import inlined, runnable
from agents.data.kql.safety import OPTIONS, OUTSIDE, PURE_PLUGINS
from agents.data.kql.tokens import tokens
from agents.data.kql.translate import to_duckdb
from agents.data.names import nearest_name
from agents.data.platform import Ask, NotExecutable, Stage
from agents.data.proof import position
from agents.data.session import Connection, first_line, open_empty
from shared.catalog import Catalog, Table, UserFunction
from shared.models import Check, CheckName, Problem

PARSER = f"duckdb-kql {duckdb_kql.__version__}"
BINDER = f"duckdb {duckdb.__version__} on duckdb-kql's translation"
_BIND_MEMORY_MB = 256
_UNKNOWN = (
    ("unknown_table", re.compile(r"Table with name (.+?) does not exist")),
    ("unknown_column", re.compile(r'[Cc]olumn "(.+?)" (?:not found|referenced)')),
    ("unknown_function", re.compile(r"Function with name (.+?) does not exist")),
)
_READERS_OF_ALL = frozenset(("union", "search", "find"))
_FORBIDDEN_WORDS = frozenset(
    ("externaldata", "external_data", "macro-expand", "alias", "restrict", "pattern", "invoke")
)


class DuckdbKql:
    """The prover of KQL where there is no .NET. Thread-safe."""

    def __init__(self) -> None:
        self._sessions: dict[str, Connection] = {}
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, _close_all, self._sessions)

    def parse(self, query: str, catalog: Catalog) -> Check:
        try:
            found = duckdb_kql.validate(query)
        except RecursionError:
            return _check("parse", PARSER, [Problem(code="too_deep", message="the query is nested too deeply")])
        problems = [
            Problem(code="syntax", message=one.message, line=one.span.line, column=one.span.column + 1) for one in found
        ]
        return _check("parse", PARSER, problems)

    def bind(self, query: str, catalog: Catalog) -> Check:
        try:
            statement = to_duckdb(runnable(query, catalog), catalog)
        except NotExecutable as error:
            if isinstance(error.__cause__, duckdb_kql.KqlSchemaError) and error.__cause__.name not in catalog.by_name:
                name = error.__cause__.name
                return _check("bind", PARSER, [_unknown("unknown_table", name, query, list(catalog.by_name))])
            return Check(name="bind", status="skipped", prover=PARSER, detail=f"no .NET, and no translation: {error}")
        try:
            self._cursor(catalog).execute(f"EXPLAIN {statement}")
        except duckdb.Error as error:
            return _check("bind", BINDER, [self._explained(error, query, catalog)])
        return _check("bind", BINDER, [])

    def safety(self, query: str, catalog: Catalog) -> Check:
        text = inlined(query, catalog)
        found = [*_forbidden(text.text), *_on_constants(text.text)]
        return _check("safety", PARSER, [text.problem(one) for one in found])

    def tables_of(self, query: str, catalog: Catalog) -> list[Table]:
        found = tokens(inlined(query, catalog).text)
        words = {text.strip("'\"") for kind, text, _ in found if kind in ("word", "string")}
        return [table for table in catalog.tables if table.name in words]

    def stages(self, query: str, catalog: Catalog) -> list[Stage]:
        """Not told apart without a syntax tree."""
        return []

    def parses(self, text: str) -> bool:
        return not duckdb_kql.validate(text)

    def columns_of(self, query: str, catalog: Catalog) -> list[str] | None:
        """Unknown without a binder of KQL."""
        return None

    def translatable(self, query: str, catalog: Catalog, ask: Ask) -> str:
        """As it is: only Kusto.Language knows the names and types that a rewriting needs."""
        return runnable(query, catalog)

    def type_of(self, expression: str) -> str | None:
        """Unknown without a binder of KQL."""
        return None

    def problem_in(self, function: UserFunction, catalog: Catalog) -> str | None:
        """Unknown before it is called."""
        return None

    def _cursor(self, catalog: Catalog) -> Connection:
        with self._lock:
            if catalog.version not in self._sessions:
                _close_all(self._sessions)  # one group at a time is enough where .NET is missing
                self._sessions[catalog.version] = open_empty(catalog, _BIND_MEMORY_MB)
            return self._sessions[catalog.version].cursor()

    def _explained(self, error: duckdb.Error, query: str, catalog: Catalog) -> Problem:
        for code, pattern in _UNKNOWN:
            if match := pattern.search(str(error)):
                columns = [column.name for table in self.tables_of(query, catalog) for column in table.columns]
                known = {"unknown_table": list(catalog.by_name), "unknown_column": columns}.get(code, [])
                return _unknown(code, match[1], query, known)
        return Problem(code="not_bound", message=first_line(error))


def _close_all(sessions: dict[str, Connection]) -> None:
    while sessions:
        sessions.popitem()[1].close()


def _check(name: CheckName, prover: str, problems: list[Problem]) -> Check:
    return Check(name=name, status="failed" if problems else "passed", prover=prover, problems=problems)


def _unknown(code: str, name: str, query: str, known: list[str]) -> Problem:
    message = f"unknown {code.removeprefix('unknown_')} '{name}'"
    found = re.search(rf"\b{re.escape(name)}\b", query)
    line, column = position(query, found.start()) if found else (None, None)
    others = [other for other in known if other != name]  # a column that is there, but no longer at this place
    return Problem(code=code, message=message, line=line, column=column, suggestion=nearest_name(name, others))


def _forbidden(query: str) -> Iterator[Problem]:
    """The same rules as safety.py, on tokens: a word that reaches outside, wherever it is called or bracketed."""
    found = tokens(query)
    if found and found[0][1] in (".", "#"):
        yield Problem(code="control_command", message="a control command is not a query: only reading is allowed")
    for before, (kind, text, offset) in zip([("", "", 0), *found], found, strict=False):
        name = text.strip("'\"") if kind == "string" and before[1] == "[" else text
        line, column = position(query, offset)
        if name in _FORBIDDEN_WORDS or (name in OUTSIDE and _called(query, offset + len(text))):
            message = f"{name} reaches outside the schema group"
            yield Problem(code="cross_reference", message=message, line=line, column=column)
        if before[1] == "set" and name.lower() not in OPTIONS:
            message = f"set {name} may lift a limit of the service"
            yield Problem(code="lifted_limit", message=message, line=line, column=column)
        if name in _READERS_OF_ALL and _reads_all(query, offset, name):
            message = f"{name} may read every table, for all time: without .NET its bound of time can't be seen"
            yield Problem(code="unbounded", message=message, line=line, column=column, suggestion="name the tables")
        if before[1] == "evaluate" and name not in PURE_PLUGINS:
            message = f"the plugin '{name}' may run code or reach outside"
            yield Problem(code="plugin", message=message, line=line, column=column)


def _reads_all(query: str, offset: int, name: str) -> bool:
    """`union *`, and `search` or `find` of no table by name where a source stands."""
    rest = query[offset + len(name) :]
    among = re.match(r"[^|;]*?\bin\s*\(([^)]*)\)", rest)
    if name == "union" or among:
        return re.search(r"(?<![\w\]'\"*])\*(?!\w)", among[1] if among else re.split("[|;]", rest)[0]) is not None
    return not query[:offset].rstrip().endswith("|") and not rest.lstrip().startswith("=")


def _on_constants(query: str) -> Iterator[Problem]:
    """A join on nothing but columns that the query assigns a constant."""
    constants = set(re.findall(r"\b(\w+)\s*=\s*(?:\d+|\"[^\"]*\"|'[^']*')\s*(?=[,|;)]|$)", query))
    for found in re.finditer(r"\bjoin\b[^;]*?\bon\s+([^|;)]+)", query):
        names = set(re.findall(r"[A-Za-z_]\w*", found[1])) - {"left", "right"}
        if names and names <= constants:
            line, column = position(query, found.start())
            yield Problem(
                code="cross_join",
                message="a join on a constant pairs every row with every row",
                line=line,
                column=column,
            )


def _called(query: str, end: int) -> bool:
    return query[end:].lstrip("] \t\r\n").startswith("(")
