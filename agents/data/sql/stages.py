"""A SELECT cut short after each of its steps."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from agents.data.platform import Stage


def stages(select: exp.Query, dialect: str) -> list[Stage]:
    """After FROM, each join, each condition of WHERE, HAVING and QUALIFY; CTEs, which it may read, first."""
    if not isinstance(select, exp.Select):
        return []
    return [Stage(text, _counted(query).sql(dialect=dialect)) for text, query in _steps(select, dialect)]


def _steps(select: exp.Select, dialect: str) -> Iterator[tuple[str, exp.Select]]:
    bare = select.copy()
    for clause in ("where", "group", "having", "qualify", "order", "limit", "offset", "distinct", "joins"):
        bare.set(clause, None)
    ctes = bare.args.get("with_") or bare.args.get("with")
    source = bare.args.get("from_") or bare.args.get("from")
    if source is None:
        return
    if isinstance(ctes, exp.With) and not ctes.recursive:
        inner = next((cte.this for cte in ctes.expressions if cte.alias == source.this.name), None)
        for text, query in _steps(inner, dialect) if isinstance(inner, exp.Select) else ():
            yield text, _with(query, ctes)
    bare.set("expressions", [exp.Star()])
    yield source.sql(dialect=dialect), bare.copy()
    for join in select.args.get("joins") or []:
        bare.append("joins", join.copy())
        yield join.sql(dialect=dialect).strip(" ,"), bare.copy()
    where = select.args.get("where")
    for condition in _parts(where.this) if where else []:
        bare.where(condition.copy(), copy=False)
        yield f"WHERE {condition.sql(dialect=dialect)}", bare.copy()
    for clause in ("having", "qualify"):
        if found := select.args.get(clause):
            whole = select.copy()
            for later in ("order", "limit", "offset", *(("qualify",) if clause == "having" else ())):
                whole.set(later, None)
            yield found.sql(dialect=dialect), whole


def _with(query: exp.Select, ctes: exp.With) -> exp.Select:
    query.set("with_" if "with_" in query.arg_types else "with", ctes.copy())
    return query


def _parts(condition: exp.Expr) -> list[exp.Expr]:
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _counted(query: exp.Select) -> exp.Select:
    """Without rows twice the same, columns of one name are no matter: only whether there is a row."""
    return query if query.args.get("having") or query.args.get("qualify") else query.select("1", append=False)
