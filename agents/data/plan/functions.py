"""The closed catalogue of neutral functions: what a plan's expressions, measures and windows may call."""

from __future__ import annotations

from typing import Literal, get_args

FunctionName = Literal[
    # Time. Units are Constants of type string: a Unit of model.py, or for date_part the parts named below.
    "now",  # (): the moment of the query
    "bin",  # (time or number, Duration or number): the multiple at or before it, counted from 0 or Monday 0001-01-01
    "date_trunc",  # (unit, time): the start of its second … year; weeks start on Monday
    "date_part",  # (part, time): year quarter month week day hour minute second day_of_week (0 Sunday) day_of_year; int
    "date_diff",  # (unit, from, to): how many of the unit's boundaries lie between; int
    "to_seconds",  # (duration): real
    "to_epoch",  # (time): seconds since 1970, real
    "from_epoch",  # (seconds): datetime
    "format_time",  # (time, strftime pattern): string
    "parse_time",  # (string, strftime pattern): datetime
    # Text. Positions count from 1.
    "lower",
    "upper",
    "length",
    "substring",  # (string, start, length?)
    "concat",  # (string, …); null counts as nothing
    "append",  # (string, …); null where one of them is null
    "replace",  # (string, old, new)
    "replace_regex",  # (string, pattern, new): every match
    "split",  # (string, separator): a list
    "split_part",  # (string, separator, number from 1): a string, empty where there is none
    "regex_extract",  # (string, pattern, group: 0 the whole match): a string, empty or null where nothing matches
    "trim",
    "trim_start",
    "trim_end",
    "position",  # (string, part): where it first occurs, 0 if nowhere
    "reverse",
    # Numbers
    "abs",
    "negate",
    "round",  # (number, digits?)
    "floor",
    "ceil",
    "sqrt",
    "power",  # (base, exponent)
    "exp",
    "ln",
    "log10",
    "log2",
    "sign",
    "least",
    "greatest",
    # Null
    "coalesce",
    "null_if",  # of two values: null where they are equal
    "is_empty",  # whether text is null or has no characters
    # Lists are of type dynamic
    "list_length",
    "list_contains",  # list and value: bool
    "list_join",  # (list, separator): string
]

AggregateName = Literal[
    "count",  # () rows, or (value) that are not null
    "count_distinct",  # (value, …)
    "sum",
    "avg",
    "min",
    "max",
    "stddev",  # of a sample
    "variance",  # of a sample
    "percentile",  # (value, Constant from 0 to 1): interpolated between neighbours, as PERCENTILE_CONT
    "percentile_disc",  # (value, Constant from 0 to 1): the value of the nearest rank, as Kusto's and Splunk's
    "median",  # interpolated
    "arg_max",  # (value, by): the value of the row where `by` is greatest
    "arg_min",
    "list",  # the values that are not null
    "set",  # the different values that are not null
    "any",  # the value of some row
    "any_true",  # of conditions
    "all_true",
]

WindowName = Literal[
    "row_number",
    "rank",
    "dense_rank",
    "ntile",  # (number of parts)
    "percent_rank",
    "lag",  # (value, rows before: Constant int, 1 if not given, default?)
    "lead",
    "first_value",
    "last_value",
]

FUNCTIONS: tuple[str, ...] = get_args(FunctionName)
AGGREGATES: tuple[str, ...] = get_args(AggregateName)
WINDOWS: tuple[str, ...] = get_args(WindowName)

_MANY = 1_000_000
# How many arguments each takes, least and most; one, where nothing is said.
_ARGUMENTS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("now", "row_number", "rank", "dense_rank", "percent_rank"), (0, 0)),
    **dict.fromkeys(("bin", "date_trunc", "date_part", "format_time", "parse_time", "split", "position"), (2, 2)),
    **dict.fromkeys(("power", "null_if", "list_contains", "list_join", "arg_max", "arg_min"), (2, 2)),
    **dict.fromkeys(("percentile", "percentile_disc"), (2, 2)),
    **dict.fromkeys(("date_diff", "replace", "replace_regex", "split_part", "regex_extract"), (3, 3)),
    **dict.fromkeys(("concat", "append", "least", "greatest", "coalesce", "count_distinct"), (1, _MANY)),
    **dict.fromkeys(("lag", "lead"), (1, 3)),
    "substring": (2, 3),
    "round": (1, 2),
    "count": (0, 1),
}


def check_arguments(function: str, count: int) -> None:
    """Raises ValueError where a call has too few or too many."""
    least, most = _ARGUMENTS.get(function, (1, 1))
    if not least <= count <= most:
        wanted = str(least) if least == most else f"{least} or more" if most == _MANY else f"{least} to {most}"
        raise ValueError(f"{function} takes {wanted} arguments, not {count}")
