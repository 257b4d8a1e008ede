"""Questions that say too little to be asked of any table, and questions for what no table has."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from agents.data.examples import same_question
from agents.data.linking import Linked
from agents.data.phrases import Mention
from agents.data.sql.parsing import PARSER
from agents.data.words import pieces, subjects
from shared.catalog import Catalog

# Words that name nothing by themselves, though names contain them.
_EMPTY = frozenset(
    pieces("data number time name value type thing one report information detail result case bad good best other again")
)
# Words for what is computed of any column, or of the rows themselves.
COMPUTED = frozenset(
    pieces(
        """
        average mean typical usual total sum overall maximum minimum max min median mode deviation variance
        highest lowest longest shortest largest smallest biggest busiest most least top number count different
        distinct unique new old first last latest newest oldest current exact percentage percent share ratio rate
        proportion fraction difference duration length age change growth trend time date day week month year hour
        minute second daily monthly weekly hourly yearly people person peak list name id amount quantity frequency
        volume popularity headcount turnover churn range gap delay order rank result distribution breakdown history
        timeline story reason cause answer meaning status millisecond byte kilobyte megabyte gigabyte terabyte dollar
        euro pound cent percent occurrence row record character retry line entry item element instance case attempt
        unit word letter digit event log match hit
        """
    )
)
_FEWEST = 2  # words that the group's texts know, where none is a word of its names


def says_too_little(question: str, linked: Linked) -> bool:
    """Whether the question names no table, column or value of the group, no thing (an address, a number), no time, and
    at most one word of what the group's descriptions and solved questions speak of."""
    if any(_names_something(one, question) for one in linked.mentions) or linked.entities or linked.times:
        return False
    if any(same_question(one.example.question, question) for one in linked.examples):
        return False
    said = set(subjects(question)) - _EMPTY
    catalog = linked.catalog
    if said & _words([*_names(catalog), *(one.term for one in catalog.glossary)]):
        return False
    return len(said & _told(linked)) < _FEWEST


def _names_something(mention: Mention, question: str) -> bool:
    """Not the `report` of `the usual report`, where a service is called `reporting`."""
    return mention.kind == "term" or not _EMPTY.issuperset(pieces(mention.phrase)) or mention.text in question


def is_missing(name: str, question: str, linked: Linked) -> bool:
    """Whether an unknown name of a query is what the question asks for, in a word that no text of the group has: the
    `phone` of `phone_number`, where no table has phones."""
    said = set(subjects(question)) & set(subjects(name)) - _EMPTY
    if not said:
        return False
    return not said <= told_words(linked)


def is_said_and_unknown(name: str, question: str, catalog: Catalog) -> bool:
    """Whether the question says every word of the name, and no name of the group has them all; not where it is a word
    for what is computed."""
    words = set(pieces(name))
    is_known = any(words <= set(pieces(one)) for one in _names(catalog))
    return bool(words) and words <= set(pieces(question)) - COMPUTED and not is_known


def called_missing(query: str, question: str, linked: Linked) -> list[str]:
    """Names that the SQL gives to columns as they are, and that are what the question asks for and the group has not:
    `email AS home_address`. `host AS hostname` is the same thing, however it is called."""
    parsed = PARSER.parse(query, linked.catalog.dialect).select
    return [
        one.alias
        for one in (parsed.selects if parsed is not None else [])
        if isinstance(one, exp.Alias)
        and isinstance(one.this, exp.Column)
        and not _is_within(one.this.name, one.alias)
        and is_missing(one.alias, question, linked)
    ]


def _is_within(one: str, other: str) -> bool:
    one, other = one.lower(), other.lower()
    return one in other or other in one


def told_words(linked: Linked, texts: Iterable[str] = ()) -> set[str]:
    """Every word that the group's names, values, descriptions and solved questions have, and the texts; those too that
    name nothing by themselves."""
    catalog = linked.catalog
    values = [value for table in catalog.tables for column in table.columns for value in column.values]
    return _words([*_names(catalog), *values, *texts]) | _told(linked) | _EMPTY


def _names(catalog: Catalog) -> list[str]:
    return [name for table in catalog.tables for name in (table.name, *table.by_name)]


def _told(linked: Linked) -> set[str]:
    """Words of the group's descriptions, of its glossary and of its solved questions."""
    catalog = linked.catalog
    told = [table.description for table in catalog.tables]
    told += [column.description for table in catalog.tables for column in table.columns]
    told += [f"{one.term} {one.meaning} {one.condition}" for one in catalog.glossary]
    return _words([*told, *(one.example.question for one in linked.examples)])


def _words(texts: Iterable[str]) -> set[str]:
    """Those of the texts, words for the same subject as one, and each as it stands."""
    return {word for text in texts for word in (*subjects(text), *pieces(text))}
