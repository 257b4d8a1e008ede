"""The names of a SELECT's columns where it gives none: `count(*)` is `count_`, as Kusto calls it."""

from __future__ import annotations

from sqlglot import exp

# An aggregate or a time's unit is named after what it is, with the column it is about.
_WORDS: dict[type[exp.Expr], str] = {
    exp.Count: "count", exp.CountIf: "count", exp.Sum: "sum", exp.Avg: "avg", exp.Min: "min", exp.Max: "max",
    exp.Median: "median", exp.Stddev: "stddev", exp.ApproxDistinct: "count", exp.ArrayAgg: "list",
    exp.PercentileCont: "percentile", exp.PercentileDisc: "percentile", exp.ArgMax: "arg_max", exp.ArgMin: "arg_min",
    exp.AnyValue: "any",
    exp.RowNumber: "row_number", exp.Rank: "rank", exp.DenseRank: "rank", exp.Lag: "previous", exp.Lead: "next",
}  # fmt: skip
_SAME_COLUMN = (exp.TimestampTrunc, exp.DateTrunc, exp.DateBin, exp.Lower, exp.Upper, exp.Cast, exp.Round, exp.Trim)
_WRAPPERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.Window, exp.Paren)


def output_name(node: exp.Expr, number: int) -> str:
    """number: the column's place, which is all there is to name some expressions by."""
    if node.alias:
        return str(node.alias)
    if isinstance(node, exp.Column | exp.Dot):
        return node.name
    inner = node
    while isinstance(inner, _WRAPPERS):
        inner = inner.this
    column = next((found.name for found in inner.find_all(exp.Column) if found.name), "")
    if type(inner) in _WORDS:
        return f"{_WORDS[type(inner)]}_{column}" if column else f"{_WORDS[type(inner)]}_"
    if isinstance(inner, _SAME_COLUMN) and column:
        return column
    if isinstance(inner, exp.Extract):
        return inner.name.lower()
    return f"column_{number}"
