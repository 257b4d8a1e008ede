"""Eval's functions in DuckDB, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Expression
from agents.data.spl.transpile.bits import BITS
from agents.data.spl.transpile.expressions import Compiler, any_element, compare, like, literal
from agents.data.spl.transpile.json_functions import JSON
from agents.data.spl.transpile.multivalues import MULTIVALUE
from agents.data.spl.transpile.patterns import regular_expression
from agents.data.spl.transpile.times import duckdb_format, relative_time
from agents.data.spl.transpile.values import (
    NULL,
    Sql,
    as_int,
    as_mv,
    as_num,
    as_str,
    as_time,
    common_kind,
    convert,
    number_text,
    string,
)

Function = Callable[[Compiler, list[Expression]], Sql]
_SPECIFIER = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?([diouxXeEfgGsc%])")


def pattern_of(value: Sql) -> str:
    """A regular expression as SQL: a literal one made fit for DuckDB, a field's as it is."""
    return string(regular_expression(value.literal)) if value.literal is not None else as_str(value)


def _numeric(template: str, kind: str = "num") -> Function:
    """A function of numbers; `{0}` is the first argument."""

    def function(c: Compiler, args: list[Expression]) -> Sql:
        values = [as_num(c.compile(arg)) for arg in args]
        return Sql(template.format(*values), "int" if kind == "int" else "num")

    return function


def _textual(template: str, kind: str = "str") -> Function:
    """A function of text; a multivalue field gets it for each value, where the result is text."""

    def function(c: Compiler, args: list[Expression]) -> Sql:
        first, *rest = [c.compile(arg) for arg in args]
        others = [as_str(value) for value in rest]
        if first.kind == "mv" and kind == "str":
            return Sql(f"list_transform({first.text}, lambda e: {template.format('e', *others)})", "mv")
        return Sql(template.format(as_str(first), *others), "int" if kind == "int" else "str")

    return function


def _trim(name: str) -> Function:
    return lambda c, args: _textual(f"{name}({{0}})" if len(args) == 1 else f"{name}({{0}}, {{1}})")(c, args)


def _constant(text: str, kind: str) -> Function:
    return lambda c, args: Sql(text, "bool" if kind == "bool" else "num")


def _if(c: Compiler, args: list[Expression]) -> Sql:
    yes, no = c.compile(args[1]), c.compile(args[2])
    kind = common_kind([yes, no])
    condition = c.condition(args[0])
    return Sql(f"(CASE WHEN {condition} THEN {convert(yes, kind)} ELSE {convert(no, kind)} END)", kind)


def _case(c: Compiler, args: list[Expression]) -> Sql:
    conditions = [c.condition(arg) for arg in args[::2]]
    results = [c.compile(arg) for arg in args[1::2]]
    kind = common_kind(results)
    branches = zip(conditions, results, strict=True)
    text = "".join(f" WHEN {condition} THEN {convert(result, kind)}" for condition, result in branches)
    return Sql(f"(CASE{text} END)", kind)


def _validate(c: Compiler, args: list[Expression]) -> Sql:
    """The first message whose condition is false."""
    pairs = zip(args[::2], args[1::2], strict=True)
    text = "".join(f" WHEN NOT {c.condition(test)} THEN {as_str(c.compile(message))}" for test, message in pairs)
    return Sql(f"(CASE{text} END)", "str")


def _coalesce(c: Compiler, args: list[Expression]) -> Sql:
    values = [value for arg in args if (value := c.compile(arg)).kind != "null"]
    if not values:
        return NULL
    kind = common_kind(values)
    return Sql(f"coalesce({', '.join(convert(value, kind) for value in values)})", kind)


def _in(c: Compiler, args: list[Expression]) -> Sql:
    value = c.compile(args[0])
    return Sql("(" + " OR ".join(compare("=", value, c.compile(arg)) for arg in args[1:]) + ")", "bool")


def _is_null(negated: str) -> Function:
    def function(c: Compiler, args: list[Expression]) -> Sql:
        return Sql(f"({c.compile(args[0]).text} IS {negated}NULL)", "bool")

    return function


def _extreme(name: str) -> Function:
    def function(c: Compiler, args: list[Expression]) -> Sql:
        values = [c.compile(arg) for arg in args]
        kind = common_kind(values)
        return Sql(f"{name}({', '.join(convert(value, kind) for value in values)})", kind)

    return function


def _sum(c: Compiler, args: list[Expression]) -> Sql:
    return Sql("(" + " + ".join(f"coalesce({as_num(c.compile(arg))}, 0)" for arg in args) + ")", "num")


def _average(c: Compiler, args: list[Expression]) -> Sql:
    values = ", ".join(as_num(c.compile(arg)) for arg in args)
    return Sql(f"list_avg([{values}])", "num")


def _match(c: Compiler, args: list[Expression]) -> Sql:
    pattern = pattern_of(c.compile(args[1]))
    value = c.compile(args[0])
    if value.kind == "mv":
        return Sql(any_element(value, lambda item: f"regexp_matches({item}, {pattern})"), "bool")
    return Sql(f"regexp_matches({as_str(value)}, {pattern})", "bool")


def _replace(c: Compiler, args: list[Expression]) -> Sql:
    pattern = pattern_of(c.compile(args[1]))
    value, new = c.compile(args[0]), as_str(c.compile(args[2]))
    if value.kind == "mv":
        return Sql(f"list_transform({value.text}, lambda e: regexp_replace(e, {pattern}, {new}, 'g'))", "mv")
    return Sql(f"regexp_replace({as_str(value)}, {pattern}, {new}, 'g')", "str")


def in_network(network: str, address: str) -> str:
    """IPv4 only: is the text an address of `a.b.c.d/n`."""
    try:
        parsed = ip_network(network, strict=False)
    except ValueError as error:
        raise NotExecutable(f"'{network}' is no network") from error
    if parsed.version != 4:
        raise NotExecutable("IPv6 networks are not translated")
    parts = [f"TRY_CAST(split_part({address}, '.', {n}) AS BIGINT) * {256 ** (4 - n)}" for n in range(1, 5)]
    low, high = int(parsed.network_address), int(parsed.broadcast_address)
    return f"coalesce(({' + '.join(parts)}) BETWEEN {low} AND {high}, false)"


def _cidrmatch(c: Compiler, args: list[Expression]) -> Sql:
    return Sql(in_network(literal(c.compile(args[0]), "cidrmatch's network"), as_str(c.compile(args[1]))), "bool")


def _round(c: Compiler, args: list[Expression]) -> Sql:
    value = as_num(c.compile(args[0]))
    if len(args) == 1:
        return Sql(f"CAST(round({value}) AS BIGINT)", "int")
    return Sql(f"round({value}, CAST({as_int(c.compile(args[1]))} AS INTEGER))", "num")


def _log(c: Compiler, args: list[Expression]) -> Sql:
    value = f"(CASE WHEN {(x := as_num(c.compile(args[0])))} > 0 THEN {x} END)"
    base = as_num(c.compile(args[1])) if len(args) == 2 else "10"
    return Sql(f"(log10({value}) / log10({base}))", "num")


def _tostring(c: Compiler, args: list[Expression]) -> Sql:
    value = c.compile(args[0])
    if len(args) == 1:
        truth = f"(CASE WHEN {value.text} THEN 'True' ELSE 'False' END)"
        return Sql(truth if value.kind == "bool" else as_str(value), "str")
    form = literal(c.compile(args[1]), "tostring's format")
    number = as_num(value)
    if form == "commas":
        whole = f"({number}) = floor({number})"
        return Sql(
            f"(CASE WHEN {whole} THEN format('{{:,}}', CAST({number} AS BIGINT)) "
            f"ELSE format('{{:,.2f}}', CAST({number} AS DOUBLE)) END)",
            "str",
        )
    if form == "hex":
        return Sql(f"('0x' || upper(to_hex(CAST({number} AS BIGINT))))", "str")
    if form == "duration":
        return Sql(duration(number), "str")
    raise NotExecutable(f"tostring's format '{form}' is not translated")


def duration(seconds: str) -> str:
    """`HH:MM:SS`, with `D+` before it from one day on."""
    whole = f"CAST(floor({seconds}) AS BIGINT)"
    days = f"(CASE WHEN {whole} >= 86400 THEN CAST({whole} // 86400 AS VARCHAR) || '+' ELSE '' END)"
    clock = f"printf('%02d:%02d:%02d', ({whole} // 3600) % 24, ({whole} // 60) % 60, {whole} % 60)"
    return f"({days} || {clock})"


def _tonumber(c: Compiler, args: list[Expression]) -> Sql:
    value = c.compile(args[0])
    if len(args) == 1:
        return Sql(as_num(value), "int" if value.kind == "int" else "num")
    base = c.compile(args[1]).text.removesuffix("::BIGINT")
    if base == "16":
        return Sql(f"TRY_CAST('0x' || regexp_replace({as_str(value)}, '^0[xX]', '') AS BIGINT)", "int")
    if base == "10":
        return Sql(as_num(value), "num")
    raise NotExecutable("tonumber is translated for base 10 and 16")


def _strftime(c: Compiler, args: list[Expression]) -> Sql:
    text = literal(c.compile(args[1]), "strftime's format")
    value = c.compile(args[0])
    if text == "%s":
        return Sql(number_text(f"floor({as_num(value)})"), "str")
    return Sql(f"strftime({as_time(value)}, {duckdb_format(text)})", "str")


def _strptime(c: Compiler, args: list[Expression]) -> Sql:
    text = literal(c.compile(args[1]), "strptime's format")
    value = as_str(c.compile(args[0]))
    if "%z" in text or "%Z" in text:
        text = text.replace("%z", "Z").replace("%Z", "Z")
        value = f"regexp_replace({value}, '(?:\\+00:?00|UTC|GMT|Z)$', 'Z')"
    return Sql(f"epoch(try_strptime({value}, {duckdb_format(text)}))", "num")


def _relative_time(c: Compiler, args: list[Expression]) -> Sql:
    text = literal(c.compile(args[1]), "relative_time's second argument")
    moment = relative_time(as_time(c.compile(args[0])), text)
    if moment is None:
        raise NotExecutable(f"'{text}' is no relative time")
    return Sql(f"epoch({moment})", "num")


def _now(c: Compiler, args: list[Expression]) -> Sql:
    return Sql(f"floor(epoch({c.now}))", "num")


def _typeof(c: Compiler, args: list[Expression]) -> Sql:
    value = c.compile(args[0])
    name = {"num": "Number", "int": "Number", "time": "Number", "bool": "Boolean", "null": "Invalid"}.get(value.kind)
    return Sql(f"(CASE WHEN {value.text} IS NULL THEN 'Invalid' ELSE '{name or 'String'}' END)", "str")


def _is_num(c: Compiler, args: list[Expression]) -> Sql:
    return Sql(f"({as_num(c.compile(args[0]))} IS NOT NULL)", "bool")


def _is_int(c: Compiler, args: list[Expression]) -> Sql:
    number = as_num(c.compile(args[0]))
    return Sql(f"coalesce({number} = floor({number}), false)", "bool")


def _is_str(c: Compiler, args: list[Expression]) -> Sql:
    value = c.compile(args[0])
    textual = f"{value.text} IS NOT NULL" if value.kind in ("str", "bool") else "false"
    return Sql(f"({textual} AND {as_num(value)} IS NULL)", "bool")


def _like(c: Compiler, args: list[Expression]) -> Sql:
    return like(c.compile(args[0]), c.compile(args[1]))


def _nullif(c: Compiler, args: list[Expression]) -> Sql:
    left, right = c.compile(args[0]), c.compile(args[1])
    return Sql(f"(CASE WHEN {compare('=', left, right)} THEN NULL ELSE {left.text} END)", left.kind)


def _searchmatch(c: Compiler, args: list[Expression]) -> Sql:
    if c.search is None:
        raise NotExecutable("searchmatch is not translated here")
    return Sql(c.search(literal(c.compile(args[0]), "searchmatch's search")), "bool")


def _printf(c: Compiler, args: list[Expression]) -> Sql:
    text = literal(c.compile(args[0]), "printf's format")
    letters = [letter for letter in _SPECIFIER.findall(text) if letter != "%"]
    if len(letters) != len(args) - 1:
        raise NotExecutable("printf needs as many values as its format has places")
    values = []
    for letter, arg in zip(letters, args[1:], strict=True):
        value = c.compile(arg)
        values.append(as_str(value) if letter in "sc" else as_int(value) if letter in "diouxX" else as_num(value))
    typed = [
        f"CAST({value} AS DOUBLE)" if letter in "eEfgG" else value
        for letter, value in zip(letters, values, strict=True)
    ]
    return Sql(f"printf({', '.join([string(text.replace('%i', '%d')), *typed])})", "str")


FUNCTIONS: dict[str, Function] = {
    **MULTIVALUE,
    **JSON,
    **BITS,
    "if": _if,
    "case": _case,
    "validate": _validate,
    "coalesce": _coalesce,
    "in": _in,
    "like": _like,
    "match": _match,
    "searchmatch": _searchmatch,
    "cidrmatch": _cidrmatch,
    "isnull": _is_null(""),
    "isnotnull": _is_null("NOT "),
    "isnum": _is_num,
    "isint": _is_int,
    "isstr": _is_str,
    "typeof": _typeof,
    "nullif": _nullif,
    "null": lambda c, args: NULL,
    "true": _constant("true", "bool"),
    "false": _constant("false", "bool"),
    "pi": _constant("pi()", "num"),
    "random": lambda c, args: Sql("CAST(floor(random() * 2147483647) AS BIGINT)", "int"),
    "now": _now,
    "time": _now,
    "relative_time": _relative_time,
    "strftime": _strftime,
    "strptime": _strptime,
    "abs": _numeric("abs({0})"),
    "ceil": _numeric("CAST(ceil({0}) AS BIGINT)", "int"),
    "ceiling": _numeric("CAST(ceil({0}) AS BIGINT)", "int"),
    "floor": _numeric("CAST(floor({0}) AS BIGINT)", "int"),
    "exact": _numeric("{0}"),
    "exp": _numeric("exp({0})"),
    "ln": _numeric("(CASE WHEN {0} > 0 THEN ln({0}) END)"),
    "log": _log,
    "pow": _numeric("pow({0}, {1})"),
    "sqrt": _numeric("(CASE WHEN {0} >= 0 THEN sqrt({0}) END)"),
    "hypot": _numeric("sqrt({0} * {0} + {1} * {1})"),
    **{name: _numeric(f"{name}({{0}})") for name in ("sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: _numeric(f"{name}({{0}})") for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "avg": _average,
    "ismv": lambda c, args: Sql("true" if c.compile(args[0]).kind == "mv" else "false", "bool"),
    "isbool": lambda c, args: Sql("true" if c.compile(args[0]).kind == "bool" else "false", "bool"),
    "atan2": _numeric("atan2({0}, {1})"),
    "round": _round,
    "min": _extreme("least"),
    "max": _extreme("greatest"),
    "sum": _sum,
    "lower": _textual("lower({0})"),
    "upper": _textual("upper({0})"),
    "len": _textual("length({0})", "int"),
    "trim": _trim("trim"),
    "ltrim": _trim("ltrim"),
    "rtrim": _trim("rtrim"),
    "replace": _replace,
    "substr": lambda c, args: Sql(
        f"substr({as_str(c.compile(args[0]))}, {', '.join(as_int(c.compile(arg)) for arg in args[1:])})", "str"
    ),
    "urldecode": _textual("url_decode({0})"),
    "md5": _textual("md5({0})"),
    "sha1": _textual("sha1({0})"),
    "sha256": _textual("sha256({0})"),
    "tostring": _tostring,
    "tonumber": _tonumber,
    "toint": lambda c, args: Sql(as_int(c.compile(args[0])), "int"),
    "todouble": _numeric("{0}"),
    "printf": _printf,
    "tomv": lambda c, args: Sql(as_mv(c.compile(args[0])), "mv"),
}
