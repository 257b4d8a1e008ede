"""Columns that a regular expression takes out of text, as rex."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.data.plan.model import Call, Column, Constant, Expr, Named
from agents.data.plan.to_spl.names import field, quoted
from agents.data.plan.to_spl.writer import Writer

_GROUP = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\((?!\?)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")


def extracted(w: Writer, columns: Sequence[Named]) -> list[Named]:
    """rex for the columns that it makes, new ones taken out of a field; the others are left."""
    rest: list[Named] = []
    for one in columns:
        found = _extraction(one.value)
        if found is None or one.name in w.columns or not _NAME.fullmatch(one.name):
            rest.append(one)
            continue
        source, pattern, group = found
        w.add(f"rex field={field(w.fields[source])} {quoted(_named(pattern, group, one.name))}")
    return rest


def _extraction(value: Expr) -> tuple[str, str, int] | None:
    """The field, the pattern and the number of its group."""
    if isinstance(value, Call) and value.function == "null_if" and value.args[1] == Constant(type="string", value=""):
        value = value.args[0]
    if not isinstance(value, Call) or value.function != "regex_extract":
        return None
    source, pattern, group = value.args
    if not isinstance(source, Column) or not isinstance(pattern, Constant) or not isinstance(group, Constant):
        return None
    if not isinstance(pattern.value, str) or not isinstance(group.value, int):
        return None
    groups = sum(match.group() == "(" for match in _GROUP.finditer(pattern.value))
    return (source.name, pattern.value, group.value) if group.value <= groups else None


def _named(pattern: str, group: int, name: str) -> str:
    """The pattern with that group named, and the others not captured; 0 is all of it."""
    if group == 0:
        return f"(?<{name}>{pattern})"
    number = 0

    def one(match: re.Match[str]) -> str:
        nonlocal number
        if match.group() != "(":
            return match.group()
        number += 1
        return f"(?<{name}>" if number == group else "(?:"

    return _GROUP.sub(one, pattern)
