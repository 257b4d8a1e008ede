"""Whether every table and column of a SELECT exists, where it stands.

A name is a problem only where it is certain: where a scope has a source whose columns can't be known (a table
function, an unnested list), DuckDB's own binder decides in the dry run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from agents.data.names import nearest_name
from shared.catalog import Catalog, Table
from shared.models import Problem

Source = exp.Expr | Scope
# Columns that a database has without anyone declaring them, and words that only look like columns.
_PSEUDO_COLUMNS = frozenset(("rowid", "_rowid_", "oid", "ctid", "all", "default", "level", "rownum"))
# The databases and schemas that a name may be qualified with: the group itself is all there is.
_HOME_SCHEMAS = frozenset(("main", "public", "dbo"))
# Tables that a query may read once its CTEs are written out where they are used; databases may do just that.
_MOST_READS = 500


def unknown_names(select: exp.Query, catalog: Catalog) -> list[Problem]:
    """The unknown tables, and the unknown columns of the tables that are known; nearest names in scope."""
    try:
        scopes = traverse_scope(select)
    except (SqlglotError, RecursionError) as error:
        return [Problem(code="not_bound", message=f"its scopes can't be read: {str(error).splitlines()[0]}")]
    if problems := [*too_complex(scopes), *(problem for scope in scopes for problem in _same_names(scope))]:
        return problems
    tables = [problem for scope in scopes for problem in _unknown_tables(scope, catalog)]
    columns = [problem for scope in scopes for problem in _Columns(scope, catalog).unknown()]
    unique = {(problem.message, problem.line, problem.column): problem for problem in [*tables, *columns]}
    return list(unique.values())


def known_tables(select: exp.Query, catalog: Catalog) -> list[Table]:
    """The catalog's tables that the query reads, in the catalog's order."""
    found = {known.name for scope in traverse_scope(select) for known in _tables(scope, catalog) if known}
    return [table for table in catalog.tables if table.name in found]


def sources_of(scope: Scope) -> dict[str, Source]:
    """What a query's FROM and joins name, by alias; CTEs count only where they are read. Of two of one name the last.

    Not `Scope.selected_sources`, which raises where a name is said twice.
    """
    return {name: scope.sources[name] for name, _ in scope.references if name in scope.sources}


def _same_names(scope: Scope) -> Iterator[Problem]:
    """`FROM hosts, hosts`: nothing could say which of the two a column is of."""
    seen: set[str] = set()
    for name, node in scope.references:
        if name and name.lower() in seen:
            message = f"'{name}' names two tables of one FROM"
            yield Problem(
                code="duplicate_alias",
                message=message,
                line=_place(node).meta.get("line"),
                suggestion=f"give each an alias: {name} AS a, {name} AS b",
            )
        seen.add(name.lower())


def _place(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier) else node


def too_complex(scopes: list[Scope]) -> list[Problem]:
    """CTEs that each read the one before twice are short to write and grow without bound; scopes come inner first."""
    reads: dict[int, int] = {}
    for scope in scopes:
        inner = [scope.sources[name] for name, _ in scope.references if name in scope.sources]
        inner += [*scope.subquery_scopes, *scope.set_operation_scopes]
        reads[id(scope)] = 1 + sum(reads.get(id(source), 1) for source in inner)
        if reads[id(scope)] > _MOST_READS:
            message = f"the query reads more than {_MOST_READS} tables once its CTEs are written out"
            return [Problem(code="too_complex", message=message, suggestion="read each CTE less often")]
    return []


def _tables(scope: Scope, catalog: Catalog) -> Iterator[Table | None]:
    for source in sources_of(scope).values():
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            yield lookup(source, catalog)


def lookup(table: exp.Table, catalog: Catalog) -> Table | None:
    """The catalog's table of that name. Its schema may be left out where the name is plain without it, and may be said
    where it only names this group (`main.hosts`, `public.hosts`)."""
    wanted = full_name(table, catalog.schema_group).lower().removeprefix(f"{catalog.schema_group.lower()}.")
    if found := catalog.find(wanted):
        return found
    ending = [one for one in catalog.tables if one.name.lower().endswith(f".{wanted}")]
    return ending[0] if len(ending) == 1 else None


def full_name(table: exp.Table, group: str = "") -> str:
    """`sales.orders`; the schema that a database has anyway is left out, but not behind another database's name."""
    parts = [part.name for part in table.parts]
    here = len(parts) == 2 or (len(parts) == 3 and parts[0].lower() == group.lower())
    return ".".join(parts[-1:] if here and parts[-2].lower() in _HOME_SCHEMAS else parts)


def _unknown_tables(scope: Scope, catalog: Catalog) -> Iterator[Problem]:
    visible = [table.name for table in catalog.tables] + list(scope.cte_sources)
    for source in sources_of(scope).values():
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
            continue
        if lookup(source, catalog) is None:
            yield _problem(
                "unknown_table",
                full_name(source, catalog.schema_group),
                source.this,
                nearest_name(source.name, visible),
            )


class _Columns:
    """The columns of one scope against what its sources, and those of the scopes around it, have."""

    def __init__(self, scope: Scope, catalog: Catalog) -> None:
        self._scope = scope
        self._catalog = catalog
        self._outputs = [output_columns(source, catalog) for source in sources_of(scope).values()]
        self._aliases = {name.lower() for name in _aliases(scope.expression)}

    def unknown(self) -> Iterator[Problem]:
        for column in self._scope.find_all(exp.Column):
            if isinstance(column.this, exp.Star) or _is_lambda_parameter(column):
                continue
            if problem := self._qualified(column) if column.table else self._bare(column):
                yield problem

    def _qualified(self, column: exp.Column) -> Problem | None:
        source = _source_named(self._scope, column.table)
        if source is None:
            return self._unknown_qualifier(column)
        columns = output_columns(source, self._catalog)
        if columns is None or _has(columns, column.name):
            return None
        return _problem("unknown_column", column.name, column.this, nearest_name(column.name, columns))

    def _unknown_qualifier(self, column: exp.Column) -> Problem | None:
        """`a.b` where a is no source: a field of a struct column, or a table that is not in FROM."""
        names = _visible_columns(self._scope, self._catalog)
        first = column.parts[0].name
        if names is None or _has(names, first) or first.lower() in self._aliases:
            return None
        near = nearest_name(first, _source_names(self._scope))
        return _problem("unknown_table", first, column.parts[0], near)

    def _bare(self, column: exp.Column) -> Problem | None:
        names = _visible_columns(self._scope, self._catalog)
        sources = _source_names(self._scope)
        if names is None or column.name.lower() in _PSEUDO_COLUMNS | self._aliases:
            return None
        if _has(names, column.name) or _has(sources, column.name):
            return None
        near = nearest_name(column.name, [*names, *_aliases(self._scope.expression)])
        return _problem("unknown_column", column.name, column.this, near)


def _is_lambda_parameter(column: exp.Column) -> bool:
    owner = column.find_ancestor(exp.Lambda)
    while owner is not None:
        if column.parts[0].name in {parameter.name for parameter in owner.expressions}:
            return True
        owner = owner.find_ancestor(exp.Lambda)
    return False


def _visible_columns(scope: Scope, catalog: Catalog) -> list[str] | None:
    """The columns of the scope's sources and of the scopes around it; None if a source's columns can't be known."""
    names: list[str] = []
    current: Scope | None = scope
    while current is not None:
        for source in sources_of(current).values():
            columns = output_columns(source, catalog)
            if columns is None:
                return None
            names.extend(columns)
        names.extend(_aliases(current.expression) if current is not scope else [])
        current = current.parent
    return names


def _source_named(scope: Scope, name: str) -> Source | None:
    current: Scope | None = scope
    while current is not None:
        for alias, source in sources_of(current).items():
            if alias.lower() == name.lower():
                return source
        current = current.parent
    return None


def _source_names(scope: Scope) -> list[str]:
    names: list[str] = []
    current: Scope | None = scope
    while current is not None:
        names.extend(sources_of(current))
        current = current.parent
    return names


def output_columns(source: Source, catalog: Catalog, depth: int = 0) -> list[str] | None:
    """What a source offers: a table's columns, a subquery's; None where that can't be known from the text.

    A table that is not in the catalog offers None: it is a problem of its own, and its columns would be noise.
    """
    if depth > 50:
        return None
    if isinstance(source, exp.Table):
        known = lookup(source, catalog) if isinstance(source.this, exp.Identifier) else None
        if known is None or source.args.get("pivots"):
            return None
        return _renamed([column.name for column in known.columns], source)
    if not isinstance(source, Scope) or not isinstance(source.expression, exp.Query):
        return None
    if named := source.outer_columns:
        return list(named)
    return _selected(source, catalog, depth)


def _selected(scope: Scope, catalog: Catalog, depth: int) -> list[str] | None:
    """The output names of a query, stars expanded; None if a star stands for a source that can't be known."""
    expression = scope.expression
    if isinstance(expression, exp.SetOperation):
        left = scope.set_operation_scopes[0] if scope.set_operation_scopes else None
        return _selected(left, catalog, depth + 1) if left is not None else None
    names: list[str] = []
    for item in expression.selects if isinstance(expression, exp.Query) else []:
        if not item.is_star:
            names.append(item.alias_or_name)
            continue
        expanded = _expanded(item, scope, catalog, depth)
        if expanded is None:
            return None
        names.extend(expanded)
    return names


def _expanded(star: exp.Expr, scope: Scope, catalog: Catalog, depth: int) -> list[str] | None:
    table = star.table if isinstance(star, exp.Column) else ""
    inner = star.this if isinstance(star, exp.Column) else star
    if not isinstance(inner, exp.Star) or any(inner.args.get(key) for key in ("replace", "rename")):
        return None
    wanted = [source for alias, source in sources_of(scope).items() if not table or alias.lower() == table.lower()]
    names: list[str] = []
    for source in wanted:
        if source is scope or (columns := output_columns(source, catalog, depth + 1)) is None:
            return None
        names.extend(columns)
    dropped = {item.name.lower() for item in inner.args.get("except_") or inner.args.get("except") or []}
    return [name for name in names if name.lower() not in dropped]


def _renamed(columns: list[str], table: exp.Table) -> list[str]:
    """`hosts AS h(a, b)` renames the first columns."""
    alias = table.args.get("alias")
    given = [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
    return [*given, *columns[len(given) :]]


def _aliases(expression: exp.Expr) -> list[str]:
    if not isinstance(expression, exp.Query):
        return []
    windows = [window.name for window in expression.args.get("windows") or []]
    return [*(item.alias for item in expression.selects if item.alias), *windows]


def _has(names: Iterable[str], name: str) -> bool:
    return any(candidate.lower() == name.lower() for candidate in names)


def _problem(code: str, name: str, node: exp.Expr, near: str | None) -> Problem:
    """sqlglot's column is that of the last character of the token."""
    line, last = node.meta.get("line"), node.meta.get("col")
    width = len(node.name) + (2 if node.args.get("quoted") else 0)
    column = last - width + 1 if last is not None else None
    message = f"unknown {code.removeprefix('unknown_')} '{name}'"
    return Problem(code=code, message=message, line=line, column=column, suggestion=near)
