"""Words of a question that the catalog knows: values of columns, and glossary terms."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.data.countries import are_codes, names_of
from agents.data.documented import documented_terms
from agents.data.entities import kind_of
from agents.data.events import events_of, without_events
from agents.data.meanings import condition_of
from agents.data.paraphrases import terms_meant, words_meant
from agents.data.samples import Samples
from agents.data.times import without_times
from agents.data.words import content_words, pieces, plain, words_said
from agents.data.words_apart import WordsApart
from shared.catalog import Catalog, GlossaryTerm, Table

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_IN_TABLES = re.compile(  # `in index web`, `in SigninLogs or AADSignIns`
    r"\b(?:in|of|from|table|index|lookup)\s+(?!index\b|lookup\b|table\b)([A-Za-z_]\w*(?:\s*(?:,|or|and)\s+[A-Za-z_]\w*)*)"
)
_COUNT = re.compile(r"\b(?:top|first|last|latest|than|least|most|limit|over|under|exactly)\s+\d[\d.,]*", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_LONGEST = 5  # words in a phrase
# Of which people ask anything: the team `Data` is meant only where its name is written so.
_SAYS_NOTHING = frozenset(pieces("data number time name value type thing information detail"))
_SHORTEST_VALUE = 2  # characters; shorter values (`0`, `Y`) are found in every question
_SHORTEST_NUMBER = 3  # digits of a sampled value
_SHORTEST_PROGRAM = 5  # letters: `code` is seldom Code.exe
_PLAIN = 0.2  # of the weight of a value
_SHORTEST_BEGINNING = 4  # letters that two forms of a word share: `fail` of failed and Failure


@dataclass(frozen=True)
class Mention:
    """A phrase of the question that the catalog knows.

    kind: `value` (exactly so in a column), `like` (another form of a value), `term` (of the glossary).
    text: the value or the term's meaning. places: (table, column) of a value, or (table, "") of a term's meaning.
    plain: a value whose words are words of names too (`user`, `computer`), so that they may mean those.
    condition, table, source: of a term, as GlossaryTerm has them, or its meaning (meanings.py).
    """

    phrase: str
    kind: str
    text: str
    places: tuple[tuple[str, str], ...]
    plain: bool = False
    condition: str = ""
    table: str = ""
    source: str = ""

    @property
    def tables(self) -> set[str]:
        return {table for table, _ in self.places}

    @property
    def weight(self) -> float:
        """How much it speaks for its tables: a value of many tables speaks for none."""
        strength = {"value": 1.0, "term": 1.0, "like": 0.5}[self.kind]
        return strength * (_PLAIN if self.plain else 1.0) / max(1, len(self.tables))

    def in_words(self, table: str) -> str:
        columns = [column for place, column in self.places if place == table and column]
        if self.kind == "term":
            return f"'{self.phrase}' means {self.text}"
        return f"'{self.text}' is a value of {' and '.join(columns[:2])}"


class Phrases:
    """An index by their words of a catalog's glossary terms, of words for documented codes, of the values it lists, and
    of those sampled from rows."""

    def __init__(self, catalog: Catalog, samples: Samples | None = None) -> None:
        self._values: dict[tuple[str, ...], dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
        self._short: dict[tuple[str, ...], dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
        told = [
            *documented_terms(catalog),
            *((term, tuple(table.name for table in _tables_of(term, catalog.tables))) for term in catalog.glossary),
        ]
        self._terms = {tuple(pieces(term.term)): term for term, _ in told}
        self._term_places = {term.term: tuple((name, "") for name in tables) for term, tables in told}
        self._events = {table.name: events for table in catalog.tables if (events := events_of([table]))}
        self._conditions = {term.term: condition_of(term, catalog) for term in catalog.glossary}
        for table in catalog.tables:
            for column in table.columns:
                self._add_countries(column.values, (table.name, column.name))
                for value in column.values:
                    if len(value) >= _SHORTEST_VALUE:
                        self._add(value, (table.name, column.name))
        named = [
            *(table.name for table in catalog.tables),
            *(one.name for table in catalog.tables for one in table.columns),
        ]
        self._apart = WordsApart(catalog)
        self._names = {word for name in named for word in pieces(name)}
        self._beginnings = {
            (key[0][:_SHORTEST_BEGINNING],): key
            for key in self._values
            if len(key) == 1 and key[0].isalpha() and len(key[0]) > _SHORTEST_BEGINNING
        }
        for place, values in (samples or {}).items():
            self._add_countries(values, place)
            for value in values:
                if content_words(value) and not (value.isdigit() and len(value) < _SHORTEST_NUMBER):
                    self._add(value, place)

    def _add(self, value: str, place: tuple[str, str]) -> None:
        key = tuple(pieces(value))
        if key and len(key) <= _LONGEST:
            self._values[key][value].append(place)
        for short in _short_forms(value):
            self._short[tuple(pieces(short))][value].append(place)

    def _add_countries(self, values: Sequence[str], place: tuple[str, str]) -> None:
        for code in values if are_codes(values) else ():
            for name in names_of(code):
                self._short[tuple(pieces(name))][code].append(place)

    def mentions(self, question: str) -> list[Mention]:
        """Each phrase once, glossary terms first; a longer phrase hides the shorter ones in it, and a term hides values
        that its words are only like: where failed sign-in is defined, `failed` is not the Failure of some column. A
        word for an event of their tables says neither (events.py). Values whose words stand apart come last, and hide
        those of the same column that are a part of them."""
        words, forms = pieces(_told(question)), plain(_told(question)).split()
        found: list[Mention] = []
        covered: set[int] = set()
        for length in range(min(_LONGEST, len(words)), 0, -1):
            for start in range(len(words) - length + 1):
                places = set(range(start, start + length))
                if places & covered:
                    continue
                said = " ".join(forms[start : start + length])
                if here := [one for one in self._at(tuple(words[start : start + length])) if self._says(said, one)]:
                    found += here
                    covered |= places
        terms = [*(one for one in found if one.kind == "term"), *self._terms_in(question, found)]
        defined = {word for term in terms for word in pieces(term.phrase)}
        values = [one for one in found if one.kind == "value" or (one.kind == "like" and one.phrase not in defined)]
        values = [one for one in values if _says_something(one, question)]
        return [
            *terms,
            *_with_apart(values, self._said_apart(question, {one.text for one in values}, defined), set(words)),
        ]

    def _said_apart(self, question: str, found: set[str], defined: set[str]) -> list[Mention]:
        told = _told(question)
        return [
            Mention(words, "like", value, places)
            for words, value, places in self._apart.said(told)
            if value not in found
            and not defined.issuperset(pieces(words))
            and set(words_said(value)) <= set(words_said(self._heard(told, value, places)))
        ]

    def _heard(self, question: str, own: str, places: Iterable[tuple[str, str]]) -> str:
        events = {event for table, _ in places for event in self._events.get(table, ())}
        return without_events(question, own, events)

    def _heard_by(self, term: GlossaryTerm, question: str) -> str:
        return self._heard(question, term.term, self._term_places[term.term])

    def _says(self, words: str, mention: Mention) -> bool:
        own = mention.phrase if mention.kind == "term" else mention.text
        return self._heard(words, own, mention.places) == words

    def _terms_in(self, question: str, found: list[Mention]) -> list[Mention]:
        """Terms said in other words, company or order: `sign-ins that failed` says failed sign-in. A term whose words
        are a part of another's is not meant: of `invalid or expired secret` not the invalid one."""
        other, meant = words_meant(question), terms_meant(question)
        said = {*content_words(question), *other}
        known = {mention.text for mention in found}
        numbers = set(_NUMBER.findall(question))
        there = [
            (words, term)
            for term in self._terms.values()
            if (words := frozenset(content_words(term.term)))
            and (words <= said or words in meant)
            and numbers.issuperset(_NUMBER.findall(term.term))
            and (words in meant or words <= {*content_words(self._heard_by(term, question)), *other})
        ]
        whole = {term.told: term for words, term in there if not any(words < other for other, _ in there)}
        return [self._term(term) for told, term in whole.items() if told not in known]

    def _term(self, term: GlossaryTerm) -> Mention:
        condition, table = self._conditions.get(term.term, ("", ""))
        places = self._term_places[term.term]
        return Mention(term.term, "term", term.told, places, condition=condition, table=table, source=term.source)

    def _at(self, key: tuple[str, ...]) -> list[Mention]:
        if term := self._terms.get(key):
            return [self._term(term)]
        if key in self._values:
            return self._mentioned(key, "value", self._values[key])
        if key in self._short:
            return self._mentioned(key, "like", self._short[key])
        if len(key) == 1 and len(key[0]) >= _SHORTEST_BEGINNING and (other := self._form_of(key[0])):
            return self._mentioned(key, "like", self._values[other])
        return []

    def _mentioned(self, key: tuple[str, ...], kind: str, values: Mapping[str, list[tuple[str, str]]]) -> list[Mention]:
        plain = self._names.issuperset(key)
        return [Mention(" ".join(key), kind, value, tuple(places), plain) for value, places in values.items()]

    def _form_of(self, word: str) -> tuple[str, ...] | None:
        other = self._beginnings.get((word[:_SHORTEST_BEGINNING],))
        if other and (other[0].startswith(word) or word.startswith(other[0])):
            return other
        return None


def _with_apart(values: Sequence[Mention], apart: Sequence[Mention], said: set[str]) -> Iterator[Mention]:
    """A value is hidden by one of its columns that has more words, where the question says all of these."""
    whole = [one for one in apart if set(pieces(one.text)) <= said]
    for one in dict.fromkeys(values):
        words = set(pieces(one.text))
        if not any(words < set(pieces(more.text)) and set(one.places) <= set(more.places) for more in whole):
            yield one
    yield from apart


def _says_something(mention: Mention, question: str) -> bool:
    """Not where its word is in every question, is not spelled as the value, and no column of it is spoken of."""
    if not _SAYS_NOTHING.issuperset(pieces(mention.phrase)) or mention.text in question:
        return True
    said = set(pieces(question)) - _SAYS_NOTHING
    return any(said & set(pieces(column)) for _, column in mention.places)


def _told(question: str) -> str:
    """The question without its times, and without the numbers that only say how many."""
    return _COUNT.sub(" ", without_times(question))


def _short_forms(value: str) -> Iterator[str]:
    """What people say for it: `ines.duarte` for her address, `web-3` for web-3.example.org, `rclone` for rclone.exe."""
    kind = kind_of(value)
    if kind == "mail":
        yield value.partition("@")[0]
    elif kind == "file" and len(value.rpartition(".")[0]) >= _SHORTEST_PROGRAM:
        yield value.rpartition(".")[0]
    elif kind in ("domain", "host") and "-" in value.partition(".")[0] and "." in value:
        yield value.partition(".")[0]


def _tables_of(term: GlossaryTerm, tables: Sequence[Table]) -> list[Table]:
    """Its own; else those that its meaning says it is in, those that it names, or those with a column that it names."""
    words = set(_IDENTIFIER.findall(term.meaning))
    within = {name for names in _IN_TABLES.findall(term.meaning) for name in _IDENTIFIER.findall(names)}
    for named in ({term.table}, within, words):
        if found := [table for table in tables if table.name in named]:
            return found
    return [table for table in tables if not words.isdisjoint(table.by_name)]
