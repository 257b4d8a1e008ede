"""Definitions and rules that stand in runbooks, read from the form of their sentences. No model: a definition is a
sentence of few forms, and what is proposed to a person must be what the runbook says, word for word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agents.knowledge.store.passages import Passage
from agents.knowledge.text import LIST_MARK, sentences

Kind = Literal["term", "directive"]

LONGEST_MEANING = 400  # characters
_LONGEST_TERM = 40
_MOST_WORDS = 5
_TERMS_HEADING = re.compile(r"\b(?:terms?|definitions?|glossary|vocabulary|wording|words|meanings?)\b", re.IGNORECASE)
_ADJECTIVE = r"(?P<term>[a-z][a-z-]*(?: [a-z][a-z-]+){0,2}?)"
_NOUN = r"(?P<noun>[a-z][\w-]*(?: [\w-]+){0,2}?)"
_WHEN = r"(?:when|if|once|where|whose|that|which|as soon as|as long as|from|after)"
# "We call an order late when ..."
_CALLED = re.compile(
    rf"^(?:here )?(?:we|people|they) (?:call|consider|count|treat|regard) (?:an?|the|any|every|each) {_NOUN} (?:as )?"
    rf"{_ADJECTIVE},? (?P<text>{_WHEN} .+)$",
    re.IGNORECASE,
)
# An order is late when ...; a disk counts as almost full from 90 %
_IS_WHEN = re.compile(
    rf"^(?:an?|any|every|each|the) {_NOUN} (?:is|counts as|is called|is considered|is said to be|becomes) (?:an? )?"
    rf"{_ADJECTIVE},? (?P<text>(?:only )?{_WHEN} .+)$",
    re.IGNORECASE,
)
# "A failed sign-in is a row of SigninLogs whose ..."
_IS_A = re.compile(
    r"^(?:terms?: )?an? (?P<term>[\w-]+(?: [\w-]+){0,3}?) (?:is|means|are|stands for) "
    r"(?P<text>(?:an?|any|every|each|one|the share|the number|the sum|the time|what|whoever|somebody) .+)$",
    re.IGNORECASE,
)
_THE_SHARE = re.compile(
    r"^the (?P<term>[\w-]+(?: [\w-]+){0,2}?) (?:is|means) "
    r"(?P<text>the (?:share|number|sum|time|part|average|count) .+)$",
    re.IGNORECASE,
)
# "A slow request takes longer than 1000 ms"
_DOES = re.compile(
    r"^(?:terms?: )?an? (?P<term>[\w-]+ [\w-]+(?: [\w-]+)??) "
    r"(?P<text>(?:takes|has|costs|lasts|holds|comes|sent|needs) .+)$",
    re.IGNORECASE,
)
_MEANS = re.compile(r"^[\"'“]?(?P<term>[A-Za-z][\w /-]*?)[\"'”]? means:? (?:that )?(?P<text>.+)$", re.IGNORECASE)
_LISTED = re.compile(r"^(?P<term>[A-Za-z][\w /()&'-]*?): (?P<text>\S.+)$")
_FORMS = (_CALLED, _IS_A, _THE_SHARE, _IS_WHEN, _MEANS, _DOES)
_RULE = re.compile(
    r"^(?:(?:always|never) (?:exclude|leave out|ignore|count|include|filter|report|query|use|mix|compare)\b"
    r"|(?:all |every )?(?:reports?|queries|figures|counts|statistics|dashboards) (?:always |never |must |should )+\w+"
    r"|do not count\b|don't count\b|only count\b)",
    re.IGNORECASE,
)
# "... above 400. Not for the Swiss."
_GOES_ON = re.compile(r"(?:not|except|unless|excluding|other than|or|but not|never for|only for)\b", re.IGNORECASE)
_TERM_COLUMN = re.compile(r"^(?:term|word|phrase|expression|we say|name|abbreviation)s?$", re.IGNORECASE)
_MEANING_COLUMN = re.compile(r"^(?:meaning|definition|means|what it means|condition|we mean)s?$", re.IGNORECASE)
_CODED_COLUMN = re.compile(r"^(?:[A-Z][a-z0-9]+[A-Z][A-Za-z0-9]*|[a-z][a-z0-9]*(?:_[a-z0-9]+)+)$")
_OF = re.compile(r" of (?:an?|the) .+$")
# "A malicious file has been detected ..." tells what happened, "... means you need ..." and "... means a second process
# may have to start" what to do: neither says what something is.
_NO_MEANING = re.compile(
    r"^(?:(?:has|have) (?:been|to)\b|(?:that )?you\b"
    r"|an? (?:(?!(?:that|which|who|whose) )[\w-]+ ){1,4}(?:may|might|must|should|needs?) )",
    re.IGNORECASE,
)
_NO_TERM_WORDS = """
it this that these those there he she they we you one what who which all some any each every first next last note
example step steps use see if when and or but not no he's it's runbook important warning caution tip hint attention
danger remark info
"""
_NO_TERM = frozenset(_NO_TERM_WORDS.split())


@dataclass(frozen=True)
class Definition:
    """What a runbook says: a term and its meaning, or a rule (then `term` is empty). step: as Passage has it."""

    kind: Kind
    term: str
    meaning: str
    location: str
    source: str
    heading: str
    step: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """How it is cited: `shipping.md, step 2`."""
        return f"{self.source}, step {self.step}" if self.step else self.source


def definitions(passages: Sequence[Passage]) -> list[Definition]:
    """Each once, in the order of the passages; code is not read."""
    found: dict[tuple[str, str, str], Definition] = {}
    for passage in passages:
        for kind, term, meaning, step in _read(passage):
            one = Definition(
                kind, term, meaning, passage.location, passage.source, passage.heading, step, passage.labels
            )
            found.setdefault((passage.location, term.lower(), meaning), one)
    return list(found.values())


def _read(passage: Passage) -> Iterator[tuple[Kind, str, str, str | None]]:
    if passage.kind == "table":
        yield from (("term", term, meaning, passage.step) for term, meaning in _of_table(passage.text))
    elif passage.kind == "text":
        yield from _of_text(passage.text, listed=_TERMS_HEADING.search(passage.heading) is not None)


def _of_text(text: str, listed: bool) -> Iterator[tuple[Kind, str, str, str | None]]:
    for line in text.split("\n"):
        number = re.match(r"\s*(\d{1,3}(?:\.\d+)*)[.)]\s+", line)
        step = number[1] if number else None
        bare = LIST_MARK.sub("", line).strip()
        if listed and (entry := _LISTED.match(bare)) and _is_term(entry["term"]):
            yield "term", _cleaned(entry["term"]), _shortened(entry["text"]), step
            continue
        for sentence in _sentences(bare):
            if _RULE.match(sentence):
                yield "directive", "", _shortened(sentence), step
            elif found := _defined(sentence):
                yield "term", *found, step


def _sentences(text: str) -> list[str]:
    """Without the cut that `sentences` makes behind a colon, and before what only takes something back: a definition
    goes on there."""
    parts: list[str] = []
    for part in sentences(text):
        if parts and (parts[-1].endswith((":", ";")) or _GOES_ON.match(part)):
            parts[-1] += f" {part}"
        else:
            parts.append(part)
    return [clause for part in parts for clause in re.split(r";\s+(?=an? )", part)]


def _defined(sentence: str) -> tuple[str, str] | None:
    bare = sentence.strip().rstrip(".")
    for form in _FORMS:
        found = form.match(bare)
        if found is None:
            continue
        noun = found.groupdict().get("noun")
        term = f"{found['term']} {noun}" if noun else found["term"]
        if _is_term(term) and not (_NO_MEANING.match(found["text"]) or f"another {term.lower()}" in found["text"]):
            return _cleaned(term), _shortened(found["text"])
    return None


def _of_table(text: str) -> Iterator[tuple[str, str]]:
    """Rows of a table of terms; of one headed by a column's name (`ResultType | meaning`) meanings are the terms."""
    rows = [[cell.strip() for cell in line.split(" | ")] for line in text.split("\n")]
    head, *body = rows or [[]]
    if len(head) < 2 or not _MEANING_COLUMN.match(head[1]):
        return
    for row in body:
        if len(row) < 2 or not (row[0] and row[1]):
            continue
        if _TERM_COLUMN.match(head[0]) and _is_term(row[0]):
            yield _cleaned(row[0]), _shortened(row[1])
        elif _CODED_COLUMN.match(head[0]) and _is_term(row[1]):
            yield _cleaned(row[1]), f"{head[0]} is {row[0]}"


def _is_term(term: str) -> bool:
    words = term.lower().replace("/", " ").split()
    if not words or len(words) > _MOST_WORDS or len(term) > _LONGEST_TERM:
        return False
    if re.search(r"[a-z][A-Z]", term) or any(word.endswith("ly") and len(word) > 4 for word in words[-1:]):
        return False
    return not _NO_TERM & set(words) and not any(character.isdigit() for character in term)


def _cleaned(term: str) -> str:
    """As it stands in the middle of a sentence: abbreviations keep their capitals."""
    term = _OF.sub("", " ".join(term.split()).strip(" \"'"))
    return term if term[:2].isupper() else term[:1].lower() + term[1:]


def _shortened(meaning: str) -> str:
    meaning = " ".join(meaning.split()).rstrip(".")
    return meaning if len(meaning) <= LONGEST_MEANING else meaning[: LONGEST_MEANING - 1] + "…"
