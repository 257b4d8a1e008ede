"""A KQL query as Kusto.Language understood it."""

from __future__ import annotations

import fnmatch
import importlib
from typing import Any

from agents.data.kql.declared import WATCHLIST, plain_tables
from shared.catalog import Catalog, Table
from shared.models import Problem


class Analysis:
    """One query parsed and bound. code: Kusto.Language's KustoCode, for walking the tree."""

    def __init__(self, code: Any, syntax: list[Problem], semantic: list[Problem]) -> None:
        self.code = code
        self.syntax = syntax
        self.semantic = semantic

    @property
    def is_command(self) -> bool:
        return str(self.code.Kind) == "Command"

    @property
    def is_empty(self) -> bool:
        """Nothing but comments and space."""
        return not self.is_command and int(self.code.Syntax.Statements.Count) == 0 and not self.nodes("Directive")

    @property
    def column_names(self) -> list[str] | None:
        """Of the result; None where they depend on the rows, or the query gives no table."""
        table = self.code.ResultType
        if table is None or str(table.Kind) != "Table" or table.IsOpen:
            return None
        return [str(column.Name) for column in table.Columns]

    def nodes(self, kind: str) -> list[Any]:
        """Every syntax node of that class, `FunctionCallExpression` for one, anywhere in the query."""
        return list(self.code.Syntax.GetDescendants[syntax_class(kind)]())

    def called(self) -> list[Any]:
        return self.nodes("FunctionCallExpression")


def tables_of(analysis: Analysis, catalog: Catalog) -> list[Table]:
    """The catalog's tables that the query reads, in the catalog's order; `search` and `union *` read every table."""
    names = _named(analysis) | _wildcards(analysis, catalog) | _in_table_calls(analysis)
    if not names and (analysis.nodes("SearchOperator") or analysis.nodes("FindOperator")):
        return plain_tables(catalog)
    return [table for table in catalog.tables if table.name in names]


def _named(analysis: Analysis) -> set[str]:
    references = analysis.nodes("NameReference")
    symbols = [node.ReferencedSymbol for node in references if node.ReferencedSymbol is not None]
    return {str(symbol.Name) for symbol in symbols if str(symbol.Kind) == "Table"}


def _wildcards(analysis: Analysis, catalog: Catalog) -> set[str]:
    """`union Sign*`: Kusto.Language knows the union's columns, not which tables the pattern stood for."""
    patterns = [
        str(node.ToString()).strip()
        for union in (*analysis.nodes("UnionOperator"), *analysis.nodes("FindOperator"))
        for node in union.GetDescendants[syntax_class("WildcardedName")]()
    ]
    return {
        table.name
        for table in plain_tables(catalog)
        for pattern in patterns
        if fnmatch.fnmatchcase(table.name, pattern)
    }


def _in_table_calls(analysis: Analysis) -> set[str]:
    """`table('T')`, `_GetWatchlist('W')`."""
    calls = [node for node in analysis.called() if str(node.Name.SimpleName) in ("table", WATCHLIST)]
    arguments = [one.Element for call in calls for one in list(call.ArgumentList.Expressions)[:1]]
    return {str(argument.ConstantValue) for argument in arguments if argument.IsConstant}


def syntax_class(kind: str) -> Any:
    """Kusto.Language's class of that name."""
    return getattr(importlib.import_module("Kusto.Language.Syntax"), kind)
