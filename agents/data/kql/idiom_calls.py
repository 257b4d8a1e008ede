"""Calls of functions that Kusto has not, as calls of those that it has: `median(x)` is `percentile(x, 50)`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.data.kql.borrowed import CAST_TO, NOW, SAME_OF_MORE, SAME_OF_ONE, TEXT_LENGTH, TODAY, TRUNCATED
from agents.data.kql.marks import Call, Change, Reading

_PERCENTILE = re.compile(r"(?:perc|p)(\d{1,2})")
_GIVE_TEXT = frozenset(
    (
        "tostring",
        "tolower",
        "toupper",
        "strcat",
        "substring",
        "extract",
        "trim",
        "replace_string",
        "str",
        "lower",
        "upper",
    )
)
_DISTINCT = {"count": "dcount", "array_agg": "make_set", "collect_list": "make_set", "make_list": "make_set"}
_JOINED = {"group_concat": 1, "string_agg": 2, "listagg": 2}
# Of one moment in a condition; in a list of groups people also mean each hour of each day.
_PART_OF_MOMENT = {"hour": "hourofday", "day": "dayofmonth"}
_WHOLE = re.compile(r"[1-9]\d{0,8}")


def calls(read: Reading) -> Iterator[Change]:
    """Each call that has one reading in Kusto alone, and the moments that SQL writes without brackets."""
    for call in read.calls():
        if change := _called(read, call):
            yield change
    for at, one in enumerate(read.pieces):
        if one.kind != "word" or one.text in read.names or read[at + 1].text == "(" or read[at - 1].text == ".":
            continue
        if one.lower in ("current_date", "current_timestamp"):
            text = "startofday(now())" if one.lower in TODAY else "now()"
            yield Change([(one.start, one.end, text)], _note(text, one.text))


def _called(read: Reading, call: Call) -> Change | None:
    name, given = read[call.at].lower, len(call.arguments)
    if any(first > last for first, last in call.arguments):
        return None
    if given and read[call.arguments[0][0]].lower == "distinct":
        return _distinct(read, call)
    if name in NOW | TODAY and not given:
        text = "startofday(now())" if name in TODAY else "now()"
        return Change([(read[call.at].start, read[call.closed].end, text)], _note(text, f"{name}()"))
    if name == "count" and given == 1:
        return _counted(read, call)
    if name in SAME_OF_ONE and given == 1:
        return _renamed(read, call, SAME_OF_ONE[name])
    if name in SAME_OF_MORE and given > 1 and SAME_OF_MORE[name][1] in (None, given):
        return _renamed(read, call, SAME_OF_MORE[name][0])
    if name in _PART_OF_MOMENT and given == 1 and read.operator(call.at) in ("where", "filter"):
        return _renamed(read, call, _PART_OF_MOMENT[name])
    if name in TEXT_LENGTH and given == 1 and _is_text(read, *call.arguments[0]):
        return _renamed(read, call, "strlen")
    if name == "to_timestamp" and given == 1 and (said := _moment_of(read, *call.arguments[0])):
        return _renamed(read, call, said)
    if name == "median" and given == 1:
        return _renamed(read, call, "percentile", after=", 50")
    if given == 1 and (found := _PERCENTILE.fullmatch(name)):
        return _renamed(read, call, "percentile", after=f", {int(found[1])}")
    if name == "trim" and given == 1:
        return _renamed(read, call, 'trim(@"\\s+", ', said='trim(@"\\s+", ...)', opened="")
    if name == "date_trunc" and given == 2:
        return _truncated(read, call)
    if name == "cast" and given == 1:
        return _cast(read, call)
    if name == "substr" and given in (2, 3):
        return _part_of_text(read, call)
    if name in _JOINED and given == _JOINED[name]:
        return _joined(read, call)
    return None


def _note(said: str, written: str) -> str:
    return f"used '{said}' for '{written}', which KQL calls so"


def _renamed(
    read: Reading, call: Call, name: str, *, after: str = "", said: str | None = None, opened: str = "("
) -> Change:
    """The call with another name, and more before its last bracket. opened: what stands for its first one."""
    closed = read[call.closed].start
    edits = [(read[call.at].start, read[call.opened].end, name + opened)]
    if after:
        edits.append((closed, closed, after))
    return Change(edits, _note(said or (f"{name}(...{after})" if after else name), read[call.at].text))


def _distinct(read: Reading, call: Call) -> Change | None:
    first, last = call.arguments[0]
    name = _DISTINCT.get(read[call.at].lower)
    if name is None or len(call.arguments) > 1 or first == last:
        return None
    edits = [(read[call.at].start, read[call.at].end, name), (read[first].start, read[first + 1].start, "")]
    return Change(edits, _note(name, f"{read[call.at].text}({read[first].text} ...)"))


def _counted(read: Reading, call: Call) -> Change | None:
    """`count(*)` counts rows, `count(x)` those with an x. A condition Kusto counts by itself."""
    first, last = call.arguments[0]
    one = read[first]
    if first != last:
        return None
    written = f"{read[call.at].text}({one.text})"
    if one.text in ("*", "1"):
        return Change([(read[call.at].start, read[call.closed].end, "count()")], _note("count()", written))
    kind = read.types.get(one.text)
    if one.kind != "word" or kind in (None, "bool", "dynamic"):
        return None
    text = f"countif({'isnotempty' if kind == 'string' else 'isnotnull'}({one.text}))"
    return Change([(read[call.at].start, read[call.closed].end, text)], _note(text, written))


def _is_text(read: Reading, first: int, last: int) -> bool:
    if first == last:
        return read[first].kind == "string" or read.types.get(read[first].text) == "string"
    return read[first].lower in _GIVE_TEXT and read.closed.get(first + 1) == last


def _moment_of(read: Reading, first: int, last: int) -> str | None:
    """A text says the moment; a number is its seconds, which `todatetime` would take for less."""
    if _is_text(read, first, last):
        return "todatetime"
    is_number = first == last and read.types.get(read[first].text) in ("int", "long", "real")
    return "unixtime_seconds_todatetime" if is_number else None


def _truncated(read: Reading, call: Call) -> Change | None:
    """`date_trunc('hour', t)`, and `date_trunc(t, hour)`."""
    (one, _), (other, last) = call.arguments
    start = read[call.at].start
    form = _unit(read, *call.arguments[0], kinds=("string",))
    if form:
        before, _, after = form.partition("{}")
        closed = read[call.closed]
        edits = [(start, read[other].start, before), (closed.start, closed.end, after)]
    else:
        form = _unit(read, other, last, kinds=("string", "word"))
        if not form:
            return None
        before, _, after = form.partition("{}")
        edits = [(start, read[one].start, before), (read[other - 1].start, read[call.closed].end, after)]
    return Change(edits, _note(form.format("..."), read[call.at].text))


def _unit(read: Reading, first: int, last: int, kinds: tuple[str, ...]) -> str | None:
    if first != last or read[first].kind not in kinds:
        return None
    return TRUNCATED.get(read[first].text.strip("'\"").lower())


def _cast(read: Reading, call: Call) -> Change | None:
    first, last = call.arguments[0]
    name = CAST_TO.get(read[last].lower)
    if name is None or read[last - 1].lower != "as" or last - 2 < first:
        return None
    edits = [(read[call.at].start, read[call.at].end, name), (read[last - 2].end, read[last].end, "")]
    return Change(edits, _note(name, f"{read[call.at].text}(... {read.text(last - 1, last)})"))


def _part_of_text(read: Reading, call: Call) -> Change | None:
    """SQL counts letters from 1, Kusto from 0."""
    first, last = call.arguments[1]
    if first != last or not _WHOLE.fullmatch(read[first].text):
        return None
    start = str(int(read[first].text) - 1)
    edits = [(read[call.at].start, read[call.at].end, "substring"), (read[first].start, read[first].end, start)]
    return Change(edits, f"used 'substring', which counts from 0, for '{read[call.at].text}', which counts from 1")


def _joined(read: Reading, call: Call) -> Change:
    end = read[call.arguments[0][1]].end
    after = ")" if len(call.arguments) > 1 else '), ","'
    edits = [(read[call.at].start, read[call.at].end, "strcat_array(make_list"), (end, end, after)]
    return Change(edits, _note("strcat_array(make_list(...), ...)", read[call.at].text))
