"""From a document's passages, its checked queries and its definitions to links. Deterministic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.knowledge.checks.check import CheckedQuery
from agents.knowledge.glossary.store import Term
from agents.knowledge.graph.model import Link, Names, Node
from agents.knowledge.known_errors.index import KnownError
from agents.knowledge.steps import step_lines
from agents.knowledge.store.passages import Passage
from agents.knowledge.text import bare_name, identifiers

_CODE = re.compile(r"\b(?:[A-Z][A-Z0-9]{1,9}-[A-Z]*\d{2,}|AADSTS\d{4,}|0x[0-9A-Fa-f]{4,})\b")
_ALERT_FIELD = re.compile(
    r"^[ \t]*(?:-[ \t]+)?alert(?:[ _]?name)?:[ \t]*[\"']?([A-Za-z][\w.-]{1,80}\w)", re.IGNORECASE | re.MULTILINE
)
_ALERT_LIST = re.compile(r"^[ \t]*alerts:[ \t]*([^\n]{1,400})", re.IGNORECASE | re.MULTILINE)
_ALERT_NAME = re.compile(
    r"^[A-Z][a-z0-9]+[A-Z][A-Za-z0-9]*$|^[A-Z]{2,}[a-z][A-Za-z0-9]*$|^[a-z]{1,15}[A-Z][A-Za-z0-9]+$"
)
_SERVICE_FIELD = re.compile(r"^[ \t]*(?:affected )?services?:[ \t]*([^\n.]{1,200})", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(r"[A-Za-z0-9][\w-]*")
_ABOUT, _IN_PASSING = 3, 1
_MOST_STEPS = 200


def document_links(
    passages: Sequence[Passage], queries: Sequence[CheckedQuery], terms: Sequence[Term], names: Names
) -> list[Link]:
    """passages: of one document, in order; queries, terms: those found in it."""
    if not passages:
        return []
    first = passages[0]
    procedure = Node("procedure", first.location, title=first.title)
    draw = _Drawing(procedure, first.location, first.source)
    steps = list(_steps(passages, draw))
    links = [
        *steps,
        *_of_queries(queries, names, draw),
        *(link for passage in passages for link in _mentions(passage, names, draw)),
        *(draw.to(Node("term", one.term, one.schema_group), None, _ABOUT) for one in terms if one.term),
    ]
    strongest: dict[tuple[str, str, str, str | None], Link] = {}
    for link in links:
        key = (link.from_.id, link.to.id, link.kind, link.step)
        if key not in strongest or strongest[key].weight < link.weight:
            strongest[key] = link
    return list(strongest.values())


class _Drawing:
    """Links from one document."""

    def __init__(self, procedure: Node, location: str, source: str) -> None:
        self.procedure = procedure
        self.location = location
        self.source = source

    def to(self, node: Node, step: str | None, weight: int) -> Link:
        return Link(self.procedure, node, "mentions", self.location, self.source, step, weight)

    def step(self, number: str, text: str) -> Node:
        return Node("step", f"{self.location}#{number}", title=f"{number}. {text}"[:300])


def _steps(passages: Sequence[Passage], draw: _Drawing) -> Iterator[Link]:
    """Each list of steps in order; its numbers begin anew under each heading."""
    before: tuple[tuple[str, ...], Node] | None = None
    for count, (path, number, text) in enumerate(step_lines(passages)):
        if count >= _MOST_STEPS:
            return
        node = draw.step(f"{' > '.join(path[1:])} {number}".strip(), text)
        yield Link(draw.procedure, node, "mentions", draw.location, draw.source, number)
        if before and before[0] == path:
            yield Link(before[1], node, "precedes", draw.location, draw.source, number)
        before = (path, node)


def _of_queries(queries: Sequence[CheckedQuery], names: Names, draw: _Drawing) -> Iterator[Link]:
    """The tables that proven queries and templates read, and that they join; the services that they ask for."""
    for query in queries:
        if query.status in ("foreign", "broken") or not query.groups:
            continue
        tables = [Node("table", name, query.groups[0]) for name in query.reads]
        for number, table in enumerate(tables):
            yield draw.to(table, query.step, _ABOUT)
            for other in tables[number + 1 :]:
                yield Link(table, other, "joins", draw.location, draw.source, query.step)
        for group, table_of in names.tables:
            if group == query.groups[0] and table_of.name in query.reads:
                for column in table_of.columns:
                    if re.search(rf"(?<!\w){re.escape(column.name)}(?!\w)", query.query):
                        node = Node("column", f"{table_of.name}.{column.name}", group)
                        yield draw.to(node, query.step, _IN_PASSING)
        for service in names.services:
            if re.search(rf"(?:=\s*|[\"']){re.escape(service)}(?![\w-])", query.query, re.IGNORECASE):
                yield draw.to(Node("service", service), query.step, _ABOUT)


def _mentions(passage: Passage, names: Names, draw: _Drawing) -> Iterator[Link]:
    titles = " ".join(passage.path)
    text = passage.text if passage.kind != "code" else ""
    whole = f"{passage.lead}\n{passage.text}"
    for code in set(_CODE.findall(whole)) | {one for one in _words(whole) if one.lower() in names.codes}:
        yield draw.to(Node("error_code", code.upper()), passage.step, _ABOUT)
    for alert in _alerts(passage, names):
        yield draw.to(Node("alert", alert), passage.step, _ABOUT)
    for service in names.services:
        if weight := _service_weight(service, titles, text):
            yield draw.to(Node("service", service), passage.step, weight)
    for listed in _SERVICE_FIELD.findall(text):
        for service in re.split(r"\s*(?:,|\band\b)\s*", listed):
            if re.fullmatch(r"[A-Za-z][\w-]{1,40}", service):
                yield draw.to(Node("service", service.lower()), passage.step, _ABOUT)
    spoken = set(_words(whole))
    for group, table in names.tables:
        if table.name in spoken and not table.name.islower():
            yield draw.to(Node("table", table.name, group), passage.step, _IN_PASSING)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _alerts(passage: Passage, names: Names) -> Iterator[str]:
    """Of an `alert:` field or a list of `alerts:`, of a title or file name that is a single name, and what a catalog
    knows as one."""
    yield from _ALERT_FIELD.findall(passage.text)
    listed = [name for line in _ALERT_LIST.findall(passage.text) for name in re.split(r"[\s,]+", line)]
    yield from (name for name in (*listed, passage.title, bare_name(passage.source)) if _ALERT_NAME.match(name))
    if passage.kind != "code":
        yield from identifiers(passage.text) & names.alerts


def _service_weight(service: str, titles: str, text: str) -> int:
    """3 in a title, or where the text says that it is a service (`the search service`, `service=search`); 1 where the
    name stands in the text."""
    name = re.escape(service)
    if re.search(rf"(?<![\w-]){name}(?![\w-])", titles, re.IGNORECASE):
        return _ABOUT
    if re.search(rf"(?<![\w-])(?:{name} service|service[ =:]+[\"']?{name})(?![\w-])", text, re.IGNORECASE):
        return _ABOUT
    return _IN_PASSING if re.search(rf"(?<![\w-]){name}(?![\w-])", text) else 0


@dataclass(frozen=True)
class Page:
    """A procedure and how its document is cited."""

    procedure: Node
    source: str


def known_error_links(errors: Sequence[tuple[str, KnownError]], pages: Sequence[Page]) -> list[Link]:
    """Of each known error its code, its services, and the procedures that say more. errors: by location; pages: all
    that it may name, each by its file's name or by a path that its source ends with."""
    links = []
    for location, error in errors:
        source = location.rsplit("/", 1)[-1]
        code = Node("error_code", error.id.upper(), title=error.title)
        links += [
            Link(code, Node("service", one.lower()), "mentions", location, source, None, _ABOUT)
            for one in error.services
        ]
        links += [
            Link(page.procedure, code, "mentions", location, page.source, None, _ABOUT)
            for named in error.see
            for page in pages
            if f"/{page.source}".endswith(f"/{named.strip('/')}")
        ]
    return links
