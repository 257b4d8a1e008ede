"""Nothing that sqlglot read may be overlooked: a clause or an option that no reader here knows is refused."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from agents.data.plan.read_sql.scope import unsayable

_QUERY = {"with_", "order", "limit", "offset"}
# Notes of the parser to itself that change no rows, and what every reader reads.
_ALWAYS = {
    "this", "expression", "expressions", "is_string", "quoted", "safe", "big_int", "coalesce", "nested", "over",
    "date_part_boundary", "only_json_types", "scalar_only", "null_if_pos_overflow", "ignore_nulls",
    "value_constructor", "fraction_in_string", "returns_list_for_maps", "negative_length_returns_empty",
}  # fmt: skip
_KNOWN: dict[type[Any], set[str]] = {
    exp.Select: _QUERY | {"distinct", "from_", "laterals", "joins", "where", "group", "having", "qualify", "windows"},
    exp.Union: _QUERY | {"distinct", "by_name"},
    exp.Subquery: _QUERY | {"alias"},
    exp.Table: {"alias", "db", "catalog", "joins", "sample", "pivots"},
    exp.TableAlias: {"columns"},
    exp.CTE: {"alias", "materialized"},
    exp.With: {"recursive"},
    exp.Join: {"on", "side", "kind", "using", "method", "match_condition"},
    exp.Group: {"all", "rollup", "cube", "grouping_sets", "totals"},
    exp.Ordered: {"desc", "nulls_first", "with_fill"},
    exp.Window: {"partition_by", "order", "spec", "alias"},
    exp.WindowSpec: {"kind", "start", "start_side", "end", "end_side", "exclude"},
    exp.Fetch: {"direction", "count", "limit_options"},
    exp.LimitOptions: {"rows", "percent", "with_ties"},
    exp.Distinct: {"on"},
    exp.Star: {"except_", "replace", "rename"},
    exp.Column: {"table", "db", "catalog"},
    exp.Alias: {"alias"},
    exp.Case: {"ifs", "default"},
    exp.If: {"true", "false"},
    exp.Between: {"low", "high"},
    exp.In: {"query"},
    exp.Cast: {"to"},
    exp.Interval: {"unit"},
    exp.Like: {"negate"},
    exp.ILike: {"negate"},
    exp.RegexpLike: {"flag"},
    exp.RegexpFullMatch: {"options"},
    exp.DateBin: {"unit"},
    exp.TimestampTrunc: {"unit"},
    exp.DateTrunc: {"unit"},
    exp.DateDiff: {"unit"},
    exp.TimestampDiff: {"unit"},
    exp.TimeToStr: {"format"},
    exp.StrToTime: {"format"},
    exp.UnixToTime: {"scale"},
    exp.AtTimeZone: {"zone"},
    exp.Round: {"decimals"},
    exp.RegexpExtract: {"group"},
    exp.RegexpReplace: {"replacement", "modifiers"},
    exp.Replace: {"replacement"},
    exp.SplitPart: {"delimiter", "part_index"},
    exp.Substring: {"start", "length"},
    exp.Trim: {"position"},
    exp.StrPosition: {"substr"},
    exp.Values: {"alias"},
    exp.Unnest: {"alias", "offset"},
    exp.Lateral: {"alias"},
    exp.GroupConcat: {"separator"},
    exp.Lag: {"offset", "default"},
    exp.Lead: {"offset", "default"},
    exp.Quantile: {"quantile"},
    exp.Bracket: {"offset"},
}
# Types and paths are read as a whole.
_OTHERS = (exp.DataType, exp.JSONPath, exp.JSONPathPart)


def refuse_unread(query: exp.Expr) -> None:
    """Raises Unsayable for the first part of the query that would be lost."""
    for node in query.walk():
        known = next((_KNOWN[kind] for kind in type(node).__mro__ if kind in _KNOWN), set())
        for key, value in node.args.items():
            if (
                value not in (None, False, [])
                and key not in _ALWAYS
                and key not in known
                and not isinstance(node, _OTHERS)
            ):
                raise unsayable(f"{type(node).__name__} with {key.strip('_')}", node)
