"""Edits of a query's text at places of its syntax tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents.data.kql.analysis import syntax_class
from agents.data.platform import NotExecutable


@dataclass(frozen=True)
class Edit:
    """Replace what stands from start to end, in Kusto.Language's UTF-16 units; start == end inserts."""

    start: int
    end: int
    text: str


class Source:
    """A query's text, read and edited by Kusto.Language's offsets."""

    def __init__(self, query: str) -> None:
        self._units = query.encode("utf-16-le")

    def between(self, start: int, end: int) -> str:
        return self._units[2 * start : 2 * end].decode("utf-16-le")

    def of(self, node: Any, edits: Iterable[Edit] = ()) -> str:
        """The node's own text, without the comments and space before it, with edits made in it."""
        return self._edited(int(node.TextStart), int(node.End), edits)

    def edited(self, edits: Iterable[Edit]) -> str:
        return self._edited(0, len(self._units) // 2, edits)

    def _edited(self, start: int, end: int, edits: Iterable[Edit]) -> str:
        """Of edits that overlap, the one around the others is made."""
        parts: list[str] = []
        place = start
        for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
            if edit.start >= place:
                parts += [self.between(place, edit.start), edit.text]
                place = edit.end
        return "".join(parts) + self.between(place, end)


def replaced(node: Any, text: str) -> Edit:
    return Edit(int(node.TextStart), int(node.End), text)


def inserted(node: Any, text: str) -> Edit:
    """An edit that puts text before the node."""
    return Edit(int(node.TextStart), int(node.TextStart), text)


def columns_of(node: Any) -> list[Any]:
    """The columns that a tabular node gives. Raises NotExecutable where they depend on the rows."""
    table = node.ResultType
    if table is None or str(table.Kind) != "Table" or table.IsOpen:
        raise NotExecutable("its columns depend on the rows")
    return list(table.Columns)


def names_of(node: Any) -> list[str]:
    return [str(column.Name) for column in columns_of(node)]


def input_of(operator: Any) -> Any:
    """What is piped into the operator. Raises NotExecutable where nothing is."""
    pipe = operator.Parent
    if pipe is None or str(pipe.Kind) != "PipeExpression" or pipe.Operator.TextStart != operator.TextStart:
        raise NotExecutable("nothing is piped into it")
    return pipe.Expression


def nodes_in(node: Any, kind: str) -> list[Any]:
    """Every node of that class under the node."""
    return list(node.GetDescendants[syntax_class(kind)]())


def is_table(node: Any) -> bool:
    return node.ResultType is not None and str(node.ResultType.Kind) == "Table"


def items(syntax_list: Any) -> list[Any]:
    """The elements of a separated list."""
    return [element.Element for element in syntax_list]


def named(name: str) -> str:
    """A column's name as KQL can always read it."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def text_literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def type_of(column: Any) -> str:
    return str(column.Type.Name)
