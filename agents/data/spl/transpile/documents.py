"""Fields that lie in the events' own JSON, which only the rows know: spath without a path."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from agents.data.platform import NotExecutable
from agents.data.spl.transpile.json_functions import json_value
from agents.data.spl.transpile.relation import Relation, Translation
from agents.data.spl.transpile.values import Sql, as_str

_MOST_FIELDS = 500


def every_path(t: Translation, relation: Relation, source: Sql) -> Relation:
    """A field for each value in the JSON texts of `source`, named by its path: `a.b`, `items{}.id`.

    Raises NotExecutable for XML, and where there are no rows to ask.
    """
    text = as_str(source)
    if t.asked(f"SELECT 'xml' FROM {relation.name} WHERE ltrim({text}) LIKE '<%' LIMIT 1"):
        raise NotExecutable("spath is translated for JSON, not for XML")
    parsed = f"TRY_CAST({text} AS JSON)"
    shapes = t.asked(f"SELECT DISTINCT CAST(json_structure({parsed}) AS VARCHAR) FROM {relation.name}")
    paths = dict.fromkeys(path for shape in shapes for path in _paths(json.loads(shape), ""))
    if len(paths) > _MOST_FIELDS:
        raise NotExecutable(f"spath would make more than {_MOST_FIELDS} fields; give it a path")
    changes = {path: json_value(text, path) for path in paths if path}
    return replace(t.with_columns(relation, changes) if changes else relation, open=True)


def _paths(shape: object, path: str) -> Iterator[str]:
    """The paths of the values in what DuckDB says of a JSON text's structure."""
    if isinstance(shape, dict):
        for name, inner in shape.items():
            yield from _paths(inner, f"{path}.{name}" if path else name)
    elif isinstance(shape, list):
        for inner in shape:
            yield from _paths(inner, path + "{}")
    else:
        yield path
