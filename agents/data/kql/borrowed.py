"""Functions that other languages have and Kusto has not, by what Kusto has for them; and slips in Kusto's own names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.data.spelling import slips

# Of one argument: another name for the same.
SAME_OF_ONE: Mapping[str, str] = {
    "average": "avg",
    "mean": "avg",
    "stddev": "stdev",
    "stddev_samp": "stdev",
    "stddev_pop": "stdevp",
    "var_samp": "variance",
    "var_pop": "variancep",
    "dc": "dcount",
    "approx_count_distinct": "dcount",
    "approx_distinct": "dcount",
    "values": "make_set",
    "collect_set": "make_set",
    "array_agg": "make_list",
    "collect_list": "make_list",
    "any_value": "take_any",
    "year": "getyear",
    "month": "getmonth",
    "str": "tostring",
    "to_char": "tostring",
    "tonumber": "todouble",
    "to_number": "todouble",
    "tofloat": "todouble",
    "lcase": "tolower",
    "lower": "tolower",
    "ucase": "toupper",
    "upper": "toupper",
    "ceil": "ceiling",
    "ln": "log",
}
# Of as many arguments as stand after the name; None: of two or more.
SAME_OF_MORE: Mapping[str, tuple[str, int | None]] = {
    "concat": ("strcat", None),
    "if": ("iff", 3),
    "ifnull": ("coalesce", 2),
    "nvl": ("coalesce", 2),
    "greatest": ("max_of", None),
    "least": ("min_of", None),
    "power": ("pow", 2),
}
NOW = frozenset(("getdate", "current_timestamp", "utcnow", "sysdate", "systimestamp"))
TODAY = frozenset(("current_date", "curdate", "today"))
TEXT_LENGTH = frozenset(("len", "length", "char_length", "character_length"))
# What the time part of `date_trunc` is in Kusto; weeks are left alone: Kusto's begin on Sunday.
TRUNCATED: Mapping[str, str] = {
    "second": "bin({}, 1s)",
    "minute": "bin({}, 1m)",
    "hour": "bin({}, 1h)",
    "day": "startofday({})",
    "month": "startofmonth({})",
    "year": "startofyear({})",
}
CAST_TO: Mapping[str, str] = {
    **dict.fromkeys(("int", "integer", "smallint"), "toint"),
    **dict.fromkeys(("bigint", "long"), "tolong"),
    **dict.fromkeys(("float", "double", "real"), "todouble"),
    **dict.fromkeys(("string", "varchar", "text", "char"), "tostring"),
    **dict.fromkeys(("timestamp", "datetime"), "todatetime"),
    **dict.fromkeys(("bool", "boolean"), "tobool"),
}
# One letter away from a function of Kusto that does something else.
_OTHERS = frozenset(
    (
        *("acosh", "asinh", "atanh", "cosh", "sinh", "tanh", "binary_nand", "binary_nor", "binary_xnor"),
        *(
            "to_timestamp",
            "isint",
            "isnum",
            "isnumber",
            "isnumeric",
            "ltrim",
            "rtrim",
            "day",
            "hour",
            "minute",
            "second",
            "week",
        ),
        *("date_trunc", "group_concat", "string_agg", "median", "substr", "cast", "count_if"),
    )
)
_KNOWN_ELSEWHERE = frozenset((*SAME_OF_ONE, *SAME_OF_MORE, *NOW, *TODAY, *TEXT_LENGTH, *_OTHERS))
_SHORTEST, _LETTERS_PER_SLIP, _MOST_SLIPS = 5, 5, 2


def nearest_function(wanted: str, known: Iterable[str]) -> str | None:
    """The one function that the name is a slip of the hand away from; None where there is none or there are several.

    Likeness is not enough: a function that is only like the wanted one binds, and computes something else.
    """
    name = _plain(wanted)
    candidates = [one for one in dict.fromkeys(known) if not one.startswith("__")]  # those are Kusto's own affair
    if same := [one for one in candidates if _plain(one) == name]:
        return same[0]
    if len(name) < _SHORTEST or wanted.lower() in _KNOWN_ELSEWHERE:
        return None
    most = min(_MOST_SLIPS, len(name) // _LETTERS_PER_SLIP)
    alike = [one for one in candidates if _may_be_slip(name, _plain(one), most)]
    ranked = sorted((slips(name, _plain(one)), one) for one in alike)
    if not ranked or ranked[0][0] > most or (len(ranked) > 1 and ranked[1][0] == ranked[0][0]):
        return None
    return ranked[0][1]


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _may_be_slip(name: str, other: str, most: int) -> bool:
    """Numbers are no slips: `ipv6_is_private` is not `ipv4_is_private`."""
    return abs(len(name) - len(other)) <= most and name[:1] == other[:1] and _digits(name) == _digits(other)


def _digits(name: str) -> str:
    return "".join(letter for letter in name if letter.isdigit())
