"""Groups by names that a query makes up for the values of a column, where the column itself tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from shared.catalog import Table


def group_by_values(select: exp.Select, tables: Sequence[Table]) -> Iterator[str]:
    """`CASE WHEN outcome = 'ok' THEN 'Success' ELSE 'Failure' END` of a column with two known values is grouped by the
    column: ELSE would take in whatever else comes to be there. Changes the select."""
    group = select.args.get("group")
    for shown in [one for one in select.expressions if group and isinstance(one.unalias(), exp.Case | exp.If)]:
        made, place = shown.unalias(), select.expressions.index(shown) + 1
        keys = [key for key in group.expressions if _is_key(key, shown, place)] if group else []
        column = _told_apart(made, tables)
        if column is None or not keys:
            continue
        for node in [*keys, *(one.this for one in select.find_all(exp.Ordered))]:
            if _is_key(node, shown, place) and not isinstance(node, exp.Literal):
                node.replace(column.copy())
        shown.replace(column.copy())
        yield f"grouped by {column.name} as it is, not by `{made.sql(dialect='duckdb')}`"


def _is_key(key: exp.Expr, shown: exp.Expr, place: int) -> bool:
    by_name = isinstance(key, exp.Column) and not key.table and key.name == shown.alias
    return by_name or key == shown.unalias() or (isinstance(key, exp.Literal) and key.this == str(place))


def _told_apart(made: exp.Expr, tables: Sequence[Table]) -> exp.Column | None:
    """The column each of whose known values has a name of its own."""
    branches = made.args.get("ifs") or [made]
    names = [*(one.args["true"] for one in branches), made.args.get("default") or made.args.get("false")]
    texts = {one.this for one in names if isinstance(one, exp.Literal) and one.is_string}
    compared = [one.this for one in branches]
    columns = {
        one.this.sql(): one.this for one in compared if isinstance(one, exp.EQ) and isinstance(one.this, exp.Column)
    }
    values = {one.expression.name for one in compared if isinstance(one, exp.EQ)}
    if (made.this is not None and isinstance(made, exp.Case)) or len(texts) != len(names) or len(columns) != 1:
        return None
    ((_, column),) = columns.items()
    known = [set(one.by_name[column.name].values) for one in tables if column.name in one.by_name]
    told = len(known) == 1 and values <= known[0] and len(values) == len(compared) == len(known[0]) - 1
    return column if told else None
