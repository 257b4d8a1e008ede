"""Question against query: where each literal of the query comes from, and what of the question the query leaves out.

A wrong query that runs often filters on what nobody asked for (a literal of a similar example, a time), or leaves out
what was asked for. Both are read here from the two texts, without a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from agents.data.countries import names_of
from agents.data.events import events_of, without_events
from agents.data.linking import Linked
from agents.data.literals import Comparison, comparisons, is_time, mostly_said, same_value
from agents.data.shape import Unmet, forms, unmet
from agents.data.time_bounds import TimeBounds, time_bounds
from agents.data.times import Place, TimeRange, speaks_of_time
from agents.data.times.calendar import NUMBER, UNIT
from shared.catalog import Column, Table
from shared.models import KnowledgeHit, Problem

Origin: TypeAlias = Literal["question", "value", "glossary", "time", "runbook", "catalog", "constant"]

_CONSTANTS = ("0", "1", "true", "false", "null", "")
_MOST = 3  # unsaid literals and the like count up to this
_THRESHOLD = re.compile(r"(?:[<>]=?|==?)\s*(-?\d+(?:\.\d+)?)(?![\w.:-])")
_LIMIT = re.compile(r"\b(?:take|limit|head|top)\s+(?:limit\s*=\s*)?(\d+)\b", re.IGNORECASE)
_NUMBER_WORDS = {
    **{"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10},
    **{"eleven": 11, "twelve": 12, "dozen": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50},
    **{"hundred": 100, "thousand": 1000, "once": 1, "twice": 2, "single": 1, "multiple": 1, "several": 1, "half": 0.5},
}
# A number may be said in another unit: minutes for seconds, GB for MB, percent for a share.
_FACTORS = (1, 60, 3600, 86_400, 1000, 60_000, 1024, 1024**2, 1024**3, 1e6, 1e9, 0.01, 100)
_DURATION = re.compile(rf"\b{NUMBER}[\s-]*{UNIT}\b", re.IGNORECASE)
_A_UNIT = re.compile(r"an?\b", re.IGNORECASE)
_BEFORE_A_SPAN = re.compile(
    r"\b(?:in|within|over|for|of|after|before|during|than|least|most|about|nearly|under|every|past|last|half)\s+$",
    re.IGNORECASE,
)
_SPLUNK_TIMES = ("earliest", "latest", "starttime", "endtime", "_time")
_SPL_OPTIONS = ("type", "max", "limit", "useother", "usenull", "usetime", "earlier", "overwrite", "current", "window")
_FIRST_FEW = ("best", "list")  # forms of questions that a limit fits, whatever its number
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_DIGITS = re.compile(r"\d+(?:\.\d+){2,}|(\d+(?:,\d{3})*(?:\.\d+)?)")  # 1.29.1 is no number


@dataclass(frozen=True)
class Accounted:
    """A literal of the query, its place, the column it is compared with (none for a limit or a threshold), and where it
    comes from: `catalog` is a known value that the question does not say; None, nothing says it."""

    literal: str
    place: Place
    column: str
    origin: Origin | None
    because: str

    @property
    def in_words(self) -> str:
        return f"{self.column} is compared with '{self.literal}'" if self.column else f"the query says {self.literal}"


@dataclass(frozen=True)
class Unused:
    """Something that the question says and the query does not use."""

    kind: Literal["entity", "value", "number", "time"]
    words: str
    message: str


@dataclass(frozen=True)
class Account:
    """The whole account. time: how the query's time fits the question's."""

    literals: list[Accounted]
    unused: list[Unused]
    time: Literal["fits", "missing", "unasked", "differs"]
    unmet: list[Unmet]
    problems: list[Problem]

    @property
    def unsaid(self) -> list[Accounted]:
        return [one for one in self.literals if one.origin is None]

    @property
    def evidence(self) -> dict[str, float]:
        """Numbers from 0 to 1, for the confidence; 0 is good."""
        counts: Mapping[str, int] = {
            "unsaid": len(self.unsaid),
            "unasked_values": sum(one.origin == "catalog" for one in self.literals),
            "unused": sum(one.kind in ("entity", "number") for one in self.unused),
            "unused_values": sum(one.kind == "value" for one in self.unused),
            "unmet": len(self.unmet),
        }
        shares = {name: round(min(count, _MOST) / _MOST, 3) for name, count in counts.items()}
        return {**shares, "time_off": float(self.time != "fits")}


def account(
    question: str, query: str, tables: Sequence[Table], linked: Linked, knowledge: Sequence[KnowledgeHit] = ()
) -> Account:
    """tables: those that the query reads; linked, knowledge: what was found for this question."""
    now = linked.catalog.clock or datetime.now(UTC)
    bounds = time_bounds(query, now)
    asked = [one for one in linked.times if one.start or one.end]
    time = _time(question, linked.times, asked, bounds)
    literals = list(_literals(question, query, tables, linked, knowledge, time))
    unused = list(_unused(question, query, linked))
    if time == "missing":
        words = asked[0].words
        unused.append(Unused("time", words, f"the question says '{words}', the query has no condition on a time"))
    left_out = unmet(question, query)
    return Account(literals, unused, time, left_out, list(_problems(literals, unused, time, asked, left_out)))


def _literals(
    question: str,
    query: str,
    tables: Sequence[Table],
    linked: Linked,
    knowledge: Sequence[KnowledgeHit],
    time: str,
) -> Iterator[Accounted]:
    columns = {column.name: column for table in tables for column in table.columns}
    taken: list[Place] = []
    events = events_of(tables)
    for one in comparisons(query):
        if _is_name(one, query, linked, columns):
            continue
        heard = without_events(question, one.literal, events)
        origin, because = _origin(one, columns.get(one.column), heard, linked, knowledge, time)
        taken.append((one.start, one.end))
        yield Accounted(one.literal, (one.start, one.end), one.column, origin, because)
    for pattern in (_LIMIT, _THRESHOLD):
        for match in pattern.finditer(query):
            if all(match.end(1) <= start or end <= match.start(1) for start, end in taken):
                taken.append(match.span(1))
                few = pattern is _LIMIT and forms(question) & set(_FIRST_FEW)
                origin, because = (
                    ("question", "the question asks for a list") if few else _number_origin(match[1], question)
                )
                if origin is None:
                    origin, because = _told(match[1], linked, knowledge)
                yield Accounted(match[1], match.span(1), "", origin, because)


def _is_name(one: Comparison, query: str, linked: Linked, columns: Mapping[str, Column]) -> bool:
    """A column, a table, or a name that the query gives to something: no value."""
    if linked.catalog.platform == "spl":
        if one.column in _SPL_OPTIONS and one.column not in columns:
            return True
        return one.literal in columns or one.literal in linked.catalog.by_name
    if one.operator == "=" and linked.catalog.platform == "kql":
        return True
    quoted = query[one.start - 1 : one.start] in ("'", '"')
    return not quoted and bool(_NAME.fullmatch(one.literal))


def _origin(
    one: Comparison,
    column: Column | None,
    question: str,
    linked: Linked,
    knowledge: Sequence[KnowledgeHit],
    time: str,
) -> tuple[Origin | None, str]:
    literal = one.literal.strip("%*")
    if literal.lower() in _CONSTANTS:
        return "constant", "it stands for none, some, true or false"
    timed = column and column.type.lower().startswith(("datetime", "timestamp", "date"))
    if is_time(literal) or timed or one.column in _SPLUNK_TIMES:
        if time in ("unasked", "differs"):
            return None, "no time in the question"
        return "time", f"'{linked.times[0].words}' in the question" if linked.times else "a unit of time"
    if _is_number(literal):
        origin, because = _number_origin(literal, question)
        if origin:
            return origin, because
    elif _stands_in(literal, question) or mostly_said(literal, question):
        return "question", "the question says it"
    if named := next((name for name in names_of(literal) if _stands_in(name, question)), None):
        return "question", f"it is the code of {named}"
    for mention in linked.mentions:
        if mention.kind != "term" and (same_value(literal, mention.text) or literal.lower() in mention.text.lower()):
            return "value", f"'{mention.phrase}' in the question is a known value"
    told, because = _told(literal, linked, knowledge)
    if told:
        return told, because
    if column and _known(literal, column):
        return "catalog", f"{column.name} knows it; the question does not say it"
    return None, "nothing says it"


def _told(literal: str, linked: Linked, knowledge: Sequence[KnowledgeHit]) -> tuple[Origin | None, str]:
    """Whether the meaning of a term, a rule of the group or a runbook says the literal."""
    for mention in linked.mentions:
        if mention.kind == "term" and _stands_in(literal, mention.text):
            return "glossary", f"'{mention.phrase}' means {mention.text}"
    for rule in linked.catalog.directives:
        if _stands_in(literal, rule.condition or rule.text):
            return "glossary", f"a rule of the group: {rule.text}"
    for hit in knowledge:
        if _stands_in(literal, hit.excerpt):
            return "runbook", f"'{hit.title}' says it"
    return None, "nothing says it"


def _stands_in(literal: str, text: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(literal)}(?!\w)", text, re.IGNORECASE))


def _known(literal: str, column: Column) -> bool:
    return any(same_value(literal, value) for value in column.values) or _stands_in(literal, column.description)


def _number_origin(literal: str, question: str) -> tuple[Origin | None, str]:
    if literal in _CONSTANTS:
        return "constant", "it stands for none or some"
    value = abs(float(literal))
    if any(abs(said * factor - value) < 1e-9 * max(1.0, value) for said in numbers_in(question) for factor in _FACTORS):
        return "question", "the question says the number"
    return None, "nothing says it"


def numbers_in(text: str) -> list[float]:
    """The numbers that a text says, in digits or as words (`twice`)."""
    digits = [float(match[1].replace(",", "")) for match in _DIGITS.finditer(text) if match[1]]
    return [*digits, *(_NUMBER_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _NUMBER_WORDS)]


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(?:\.\d+)?", text))


def _unused(question: str, query: str, linked: Linked) -> Iterator[Unused]:
    told = query.lower().replace("\\\\", "\\")
    numbers = numbers_in(query)
    for entity in linked.entities:
        words = entity.text.lower()
        if entity.kind == "number":
            value = float(words.replace(",", ""))
            if not any(abs(value * factor - one) < 1e-9 * max(1.0, one) for one in numbers for factor in _FACTORS):
                yield Unused("number", entity.text, f"the question says {entity.text}, the query does not")
        elif words not in told and not mostly_said(entity.text, query):
            yield Unused("entity", entity.text, f"the question names '{entity.text}', the query does not")
    for mention in linked.mentions:
        if mention.kind == "value" and mention.text.lower() not in told and not mostly_said(mention.text, query):
            yield Unused("value", mention.phrase, f"'{mention.phrase}' is a known value, and the query does not use it")


def _says_duration(question: str) -> bool:
    """`within an hour`, `two days`; not the rate `requests a day`."""
    return any(
        not _A_UNIT.match(one[0]) or _BEFORE_A_SPAN.search(question[: one.start()])
        for one in _DURATION.finditer(question)
    )


def _time(
    question: str, times: Sequence[TimeRange], asked: Sequence[TimeRange], bounds: TimeBounds
) -> Literal["fits", "missing", "unasked", "differs"]:
    if not asked:
        spoken = times or speaks_of_time(question) or _says_duration(question)
        return "unasked" if bounds.any and not spoken else "fits"
    if not bounds.any:
        return "fits" if bounds.parts else "missing"
    if bounds.instants and not any(bounds.fit(one) for one in asked):
        return "differs"
    return "fits"


def _problems(
    literals: Sequence[Accounted],
    unused: Sequence[Unused],
    time: str,
    asked: Sequence[TimeRange],
    left_out: Sequence[Unmet],
) -> Iterator[Problem]:
    """What a repair should hear: nothing of known values, which questions often say only by the way."""
    for one in literals:
        if one.origin is None and not (time == "unasked" and one.because == "no time in the question"):
            message = f"{one.in_words}, which nothing in the question says"
            yield Problem(code="unsaid_literal", message=message)
    if time == "unasked":
        yield Problem(code="unasked_time", message="the query has a condition on a time, the question names none")
    if time == "differs":
        wanted = asked[0]
        span = " to ".join(edge.isoformat() for edge in (wanted.start, wanted.end) if edge)
        yield Problem(
            code="other_time",
            message=f"the question says '{wanted.words}', the query has another time",
            suggestion=span,
        )
    for left in unused:
        if left.kind != "value":
            yield Problem(code=f"unused_{left.kind}", message=left.message)
    for form in left_out:
        yield Problem(code="unmet_form", message=form.message)
