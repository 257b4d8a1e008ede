"""One sentence on what a query does, read from its text: no model is asked, nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.data.literals import comparisons
from shared.catalog import Table

_GROUPED = re.compile(
    r"\b(?:group\s+by|summarize\b[^|]*?\bby|(?:stats|timechart|chart|top|rare)\b[^|]*?\bby)\s+([^|\n;]+)", re.I
)
_END = re.compile(r"\b(?:having|order\s+by|limit|qualify)\b.*", re.IGNORECASE | re.DOTALL)
_LIMIT = re.compile(r"\b(?:take|limit|head)\s+(\d+)\b|\btop\s+(\d+)\s+by\b", re.IGNORECASE)
_LONGEST = 60


def explain(query: str, tables: Sequence[Table]) -> str:
    """`Reads SigninLogs where ResultType is compared with '50126', grouped by Country, at most 10 rows.`"""
    columns = {column.name for table in tables for column in table.columns}
    filters = list(dict.fromkeys(one.column for one in comparisons(query) if one.column in columns))
    parts = [f"Reads {_listed([table.name for table in tables])}" if tables else "Reads no table"]
    if filters:
        parts.append(f"filtered on {_listed(filters)}")
    if (found := _GROUPED.search(query)) and (by := _END.sub("", found[1]).strip()):
        parts.append(f"grouped by {by if len(by) <= _LONGEST else by[:_LONGEST].rsplit(',', 1)[0] + ', ...'}")
    if found := _LIMIT.search(query):
        parts.append(f"at most {found[1] or found[2]} rows")
    return ", ".join(parts) + "."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
