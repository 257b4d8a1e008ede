"""The functions of eval and of stats, as data. Source: Splunk's Search Reference."""

from __future__ import annotations

import re

UNLIMITED = 999

# name → (fewest, most) arguments
EVAL_FUNCTIONS: dict[str, tuple[int, int]] = {
    name: (int(least), UNLIMITED if most == "*" else int(most))
    for line in """
    abs 1 1|acos 1 1|acosh 1 1|asin 1 1|asinh 1 1|atan 1 1|atan2 2 2|atanh 1 1|bit_and 2 *|bit_or 2 *|bit_not 1 2
    bit_xor 2 *|bit_shift_left 2 2|bit_shift_right 2 2|case 2 *|ceil 1 1|ceiling 1 1|cidrmatch 2 2|coalesce 1 *
    commands 1 1|cos 1 1|cosh 1 1|exact 1 1|exp 1 1|false 0 0|floor 1 1|hypot 2 2|if 3 3|in 2 *|ipmask 2 2
    isarray 1 1|isbool 1 1|isdouble 1 1|isint 1 1|ismv 1 1|isnotnull 1 1|isnull 1 1|isnum 1 1|isobject 1 1|isstr 1 1
    json 1 1|json_append 3 *|json_array 0 *|json_array_to_mv 1 2|json_delete 2 *|json_entries 1 1|json_extend 3 *
    json_extract 1 *|json_extract_exact 1 *|json_has_key_exact 2 2|json_keys 1 1|json_object 0 *|json_set 3 *
    json_set_exact 3 *|json_valid 1 1|len 1 1|like 2 2|ln 1 1|log 1 2|lookup 3 3|lower 1 1|ltrim 1 2|match 2 2|max 1 *
    md5 1 1|min 1 *|mvappend 1 *|mvcount 1 1|mvdedup 1 1|mvfilter 1 1|mvfind 2 2|mvindex 2 3|mvjoin 2 2|mvmap 2 3
    mvrange 2 3|mvreverse 1 1|mvsort 1 1|mvzip 2 3|mv_to_json_array 1 2|now 0 0|null 0 0|nullif 2 2|pi 0 0|pow 2 2
    printf 1 *|random 0 0|relative_time 2 2|replace 3 3|round 1 2|rtrim 1 2|searchmatch 1 1|sha1 1 1|sha256 1 1
    sha512 1 1|sigfig 1 1|sin 1 1|sinh 1 1|split 2 2|spath 2 2|sqrt 1 1|strftime 2 2|strptime 2 2|substr 2 3|sum 1 *
    avg 1 *|tan 1 1|tanh 1 1|time 0 0|toarray 1 1|tobool 1 1|todouble 1 1|toint 1 1|tojson 0 1|tomv 1 1|tonumber 1 2
    toobject 1 1|tostring 1 2|trim 1 2|true 0 0|typeof 1 1|upper 1 1|urldecode 1 1|validate 2 *
    """.strip()
    .replace("\n", "|")
    .split("|")
    for name, least, most in [line.split()]
}

_STATS = """
avg c count dc distinct_count earliest earliest_time estdc estdc_error eval first last latest latest_time list max mean
median min mode per_day per_hour per_minute per_second prefix range rate rate_avg rate_sum sparkline stdev stdevp sum
sumsq values var varp
"""
STATS_FUNCTIONS = frozenset(_STATS.split())
PERCENTILE = re.compile(r"(?:p|perc|exactperc|upperperc)(\d{1,2}(?:\.\d+)?|100)")
NO_ARGUMENT = frozenset(("count", "c"))
TIME_CHART_ONLY = frozenset(("per_day", "per_hour", "per_minute", "per_second"))

CONVERSIONS = frozenset(["auto", "ctime", "dur2sec", "memk", "mktime", "mstime", "none", "num", "rmcomma", "rmunit"])


# Their result is a condition, which no field can hold.
_CONDITIONS = """
cidrmatch false in isarray isbool isdouble isint ismv isnotnull isnull isnum isobject isstr like match searchmatch true
"""
CONDITIONS = frozenset(_CONDITIONS.split())

# What other languages call them, for suggestions.
OTHER_WORDS = {
    **dict.fromkeys(("average", "averge"), "avg"),
    **dict.fromkeys(("count_distinct", "countdistinct", "dcount", "distinct", "unique", "uniq", "nunique"), "dc"),
    **dict.fromkeys(("stddev", "std", "standard_deviation"), "stdev"),
    **dict.fromkeys(("percentile", "quantile", "approx_percentile"), "p95"),
    **dict.fromkeys(("collect_list", "make_list", "array_agg"), "list"),
    **dict.fromkeys(("make_set", "collect_set", "group_concat", "string_agg"), "values"),
    **dict.fromkeys(("arg_max", "max_by"), "latest"),
    **dict.fromkeys(("length", "strlen", "char_length"), "len"),
    **dict.fromkeys(("ifnull", "nvl", "isnullorempty"), "coalesce"),
    **dict.fromkeys(("iff", "iif"), "if"),
    "switch": "case",
    **dict.fromkeys(("tolower", "lcase"), "lower"),
    **dict.fromkeys(("toupper", "ucase"), "upper"),
    **dict.fromkeys(("substring", "mid", "left", "right"), "substr"),
    **dict.fromkeys(("contains", "has", "startswith", "endswith"), "like"),
    **dict.fromkeys(("regexp_like", "regexp_matches", "rlike"), "match"),
    **dict.fromkeys(("regexp_replace", "replace_regex"), "replace"),
    **dict.fromkeys(("date_format", "format_datetime", "to_char"), "strftime"),
    **dict.fromkeys(("to_timestamp", "todatetime", "parse_datetime"), "strptime"),
    **dict.fromkeys(("dateadd", "date_trunc", "date_sub", "ago"), "relative_time"),
    **dict.fromkeys(("current_timestamp", "getdate"), "now"),
    **dict.fromkeys(("to_number", "cast", "toreal"), "tonumber"),
    **dict.fromkeys(("concat", "strcat"), "the operator ."),
}


def is_stats_function(name: str) -> bool:
    return name.lower() in STATS_FUNCTIONS or PERCENTILE.fullmatch(name.lower()) is not None
