"""A SQL file of CREATE TABLE statements, and INSERTs if it has them, as a catalog."""

from __future__ import annotations

from pathlib import Path

from sqlglot import exp

from agents.data.rows import statements, target_of
from agents.data.sql.binding import full_name
from shared.catalog import Catalog, Column, Relationship, Table
from shared.errors import InvalidInput


def read_ddl(path: Path, group: str, dialect: str = "postgres") -> Catalog:
    """Tables with types and comments, relationships from foreign keys; rows where the file has INSERTs.

    dialect: how the file is written, and how the group's queries will be.
    Raises InvalidInput if the file is not SQL or creates no table.
    """
    found = statements(path, dialect)
    filled = {target_of(one).lower() for one in found if isinstance(one, exp.Insert)}
    creates = [one for one in found if isinstance(one, exp.Create) and isinstance(one.this, exp.Schema)]
    if not creates:
        raise InvalidInput(f"{path} creates no table", suggestion="a catalog needs at least one CREATE TABLE")
    tables = [_table(create, path.name if _name(create).lower() in filled else None, dialect) for create in creates]
    relationships = [one for create in creates for one in _foreign_keys(create)]
    known = {f"{table.name}.{column.name}".lower() for table in tables for column in table.columns}
    kept = [one for one in relationships if one.from_.lower() in known and one.to.lower() in known]
    return Catalog(schema_group=group, platform="sql", dialect=dialect, tables=tables, relationships=kept)


def _name(create: exp.Create) -> str:
    return full_name(create.this.this)


def _table(create: exp.Create, rows: str | None, dialect: str) -> Table:
    definitions = [item for item in create.this.expressions if isinstance(item, exp.ColumnDef)]
    if not definitions:
        raise InvalidInput(f"table '{_name(create)}' has no columns")
    columns = [_column(item, dialect) for item in definitions]
    return Table(name=_name(create), description=_comment(create.this), rows=rows, columns=columns)


def _column(item: exp.ColumnDef, dialect: str) -> Column:
    type_name = item.kind.sql(dialect=dialect) if item.kind else "TEXT"
    return Column(name=item.name, type=type_name, description=_comment(item))


def _comment(node: exp.Expr) -> str:
    """What `-- ...` says beside the definition, or COMMENT '...' in it."""
    declared = [str(found.this.name) for found in node.find_all(exp.CommentColumnConstraint) if found.this]
    beside = [] if isinstance(node, exp.Schema) else [c.strip() for part in node.walk() for c in part.comments or []]
    return "; ".join(declared if declared and isinstance(node, exp.ColumnDef) else beside)


def _foreign_keys(create: exp.Create) -> list[Relationship]:
    found: list[Relationship] = []
    for key in create.this.find_all(exp.ForeignKey):
        found += _pairs(create, [column.name for column in key.expressions], key.args.get("reference"))
    for item in create.this.find_all(exp.ColumnDef):
        references = list(item.find_all(exp.Reference))
        for reference in references:
            found += _pairs(create, [item.name], reference)
    return found


def _pairs(create: exp.Create, columns: list[str], reference: exp.Expr | None) -> list[Relationship]:
    """One relationship a column pair; none where the reference names no columns."""
    target = reference.this if reference is not None else None
    if not isinstance(target, exp.Schema):
        return []
    others = [column.name for column in target.expressions]
    return [
        Relationship.model_validate({"from": f"{_name(create)}.{one}", "to": f"{full_name(target.this)}.{other}"})
        for one, other in zip(columns, others, strict=False)
    ]
