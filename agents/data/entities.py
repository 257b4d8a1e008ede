"""Things of a question that their form gives away (addresses, hashes, hosts, paths, quoted texts, numbers), and the
columns that hold things of that kind."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agents.data.names import name_tokens
from agents.data.times import Place, time_places
from shared.catalog import Column

Kind: TypeAlias = Literal[
    "url", "mail", "guid", "sid", "cve", "hash", "mac", "version", "ip", "account", "path", "file", "domain", "host",
    "code", "event_id", "port", "text", "number",
]  # fmt: skip
_FILE = (
    r"exe|dll|ps1|bat|cmd|msi|sys|js|vbs|py|sh|docx?|xlsx?|pptx?|pdf|zip|rar|7z|png|jpe?g|gif|iso|lnk|scr|jar|txt|log|csv"
    r"|php|html?|json|ya?ml|xml|conf|ini|tmp"
)
# Last labels that no public domain has: what ends so is a machine of the company's own.
_PRIVATE = r"local|localdomain|internal|lan|corp|intranet"


def _many(number: str) -> str:
    """A pattern of such a number, or of a list of them: `80, 443 and 8080`. What counts the word after it is no item:
    `4625 and 1000 rows`."""
    between = r"\s{0,3}(?:,\s{0,3}(?:and|or)?|and|or|/|&)\s{0,3}"
    return rf"\s{{0,3}}[:=#]?\s{{0,3}}(?P<number>{number}\b(?:{between}{number}\b{_NO_COUNT})*)"


_NO_COUNT = r"(?!\.\d|\s+(?!(?:in|on|or(?!\s+more)|and|from|at|by|for|of|with|during|since|to|within)\b)[a-z])"
_NAME = r"\\(?!IP\b)[\w$][\w.$-]*[\w$](?![\w$\\-]|\.\w)"
_PATTERNS: list[tuple[Kind, str]] = [
    ("url", r"\b(?:https?|hxxps?|ftp)://[^\s\"'<>]+[\w/]"),
    ("mail", r"(?<![\w.+-])[\w.+-]+@[A-Za-z0-9][\w-]*(?:\.[\w-]+)*\w"),
    ("guid", r"(?i)(?<![\w-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])"),
    ("sid", r"\bS-1(?:-\d+){2,}\b"),
    ("cve", r"(?i)\bCVE-\d{4}-\d{4,}\b"),
    ("mac", r"(?i)(?<![\w:-])(?:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2})(?![\w:-])"),
    ("hash", r"(?i)\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}|(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{12,63})\b"),
    (
        "version",
        r"(?i)(?:\b(?:version|release|build)\s{0,3}[:=]?\s{0,3}|\bv)(?P<number>\d{1,6}(?:\.\d{1,6}){1,4})(?!\w|\.\w)",
    ),
    ("ip", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![\w.]*\w)"),
    ("ip", r"(?i)(?<![\w:])(?=[0-9a-f]*:[0-9a-f:]*:)[0-9a-f:]{3,39}(?:/\d{1,3})?(?![\w:])"),
    ("path", r"(?i)(?<!\w)(?:[a-z]:\\+|\\\\?|HK(?:EY_)?\w+\\)[^\s\"'<>|,;]*[^\s\"'<>|,;.?!]"),
    ("path", r"(?<![\w/.])/(?:[\w.-]+/)*[\w-]+(?:\.\w+)*/?"),
    ("file", rf"(?i)(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:{_FILE})(?![\w-])"),
    ("account", r"(?<![\w\\.:/$-])(?:NT (?:AUTHORITY|SERVICE)|[A-Z][A-Z0-9-]{1,14})" + _NAME),
    ("host", rf"(?i)(?<![\w.@-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:{_PRIVATE})(?![\w-]|\.\w)"),
    ("domain", r"(?i)(?<![\w.@-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,18}(?![\w-])"),
    ("event_id", r"(?i)\b(?:events?\s{0,3}(?:id|code)s?|event)" + _many(r"\d{3,5}")),
    ("event_id", rf"(?i)\bevents(?=\s{{1,3}}(?!19|20)\d{{4}}\b{_NO_COUNT})" + _many(r"\d{3,5}")),
    ("port", r"(?i)\bports?" + _many(r"\d{1,5}")),
    ("host", r"(?<![\w.-])[a-z]{2,}(?:-[a-z0-9]+)*-\d+[a-z]?(?![\w-])"),
    ("code", r"(?<![\w.-])[A-Z]{2,}\d*-\d+(?![\w-])"),
    ("number", r"(?<![\w.:/-])\d+(?:,\d{3})*(?:\.\d+)?(?!\w|[-.:/]\w)"),
]
_COMPILED = [(kind, re.compile(pattern)) for kind, pattern in _PATTERNS]
_DIGITS = re.compile(r"\d+")
# Kinds that only the word before them tells, and those of them that come in lists.
_INTRODUCED = ("event_id", "port", "version")
_LISTED = ("event_id", "port")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|“([^”\n]+)”")

# Words of a column's name, any of which says its kind, unless one of the second does. In the order of the patterns.
_NAMES: dict[Kind, tuple[str, str]] = {
    "ip": ("ip ipv4 ipv6 clientip srcip dstip destip addr", "mail email mac type location"),
    "mail": ("mail email upn sender recipient", "id count direction type domain ip"),
    "hash": ("sha1 sha256 md5 hash digest thumbprint", "type"),
    "host": ("host hostname computer device machine server node bastion fqdn", "id type category platform os"),
    "domain": ("domain fqdn dns host hostname url uri site", "id type"),
    "url": ("url uri link referer referrer", "id type count domain"),
    "account": ("account user username principal login logon actor owner", "id type domain sid agent count team group"),
    "version": ("version release build", "id date time"),
    "path": ("path folder directory cwd uri mount key", "id"),
    "file": ("file filename process program image exe executable command cmd", "id size type path"),
    "mac": ("mac", ""),
    "sid": ("sid", ""),
    "cve": ("cve", ""),
    "port": ("port", ""),
}
_SHORT_KINDS = 0.6  # of the known values that must look like a kind for the column to be of it


@dataclass(frozen=True)
class Entity:
    """A thing named in a text: its kind, its words, and their place."""

    kind: Kind
    text: str
    place: Place


def read_entities(text: str) -> list[Entity]:
    """The things in order; none overlaps another, or a time phrase. What is quoted is of the kind it looks like, else
    `text`."""
    taken = list(time_places(text))
    found: list[Entity] = []
    for one in [*_quoted(text), *_by_form(text)]:
        if all(one.place[1] <= start or end <= one.place[0] for start, end in taken):
            found.append(one)
            taken.append(one.place)
    return sorted(found, key=lambda one: one.place)


def _quoted(text: str) -> Iterator[Entity]:
    for match in _QUOTED.finditer(text):
        group = next(number for number in (1, 2, 3) if match[number])
        yield Entity(kind_of(match[group]) or "text", match[group], match.span(group))


def _by_form(text: str) -> Iterator[Entity]:
    for kind, pattern in _COMPILED:
        for match in pattern.finditer(text):
            for start, end in _parts(kind, match):
                if _is_valid(kind, text[start:end]):
                    yield Entity(kind, text[start:end], (start, end))


def _parts(kind: Kind, match: re.Match[str]) -> list[Place]:
    """Where the things of a match are: `ports 80 and 443` are two."""
    if kind in _LISTED:
        return [number.span() for number in _DIGITS.finditer(match.string, *match.span("number"))]
    return [match.span("number" if kind in _INTRODUCED else 0)]


def kind_of(text: str) -> Kind | None:
    """The kind that a whole text looks like."""
    for kind, pattern in _COMPILED:
        if kind not in _INTRODUCED and pattern.fullmatch(text) and _is_valid(kind, text):
            return kind
    return None


def column_kinds(column: Column, values: Iterable[str] = ()) -> frozenset[Kind]:
    """The kinds of things a column holds, by the words of its name and by what most of its known values look like."""
    tokens = name_tokens(column.name)
    joined = "".join(tokens)
    by_name = {
        kind
        for kind, (words, but) in _NAMES.items()
        if (set(words.split()) & {*tokens, joined}) and not set(but.split()) & set(tokens)
    }
    if tokens[-1:] == ["address"] and not {"mail", "email", "mac", "sender", "recipient", "street"} & set(tokens):
        by_name.add("ip")
    if {"event", "id"} <= set(tokens) or {"event", "code"} <= set(tokens):
        by_name.add("event_id")
    if tokens[-1:] == ["id"]:
        by_name |= {"guid", "code", "hash"}
    if {"user", "account", "principal"} & set(tokens) and tokens[-1] == "name":
        by_name.add("mail")
    return frozenset(by_name | _kinds_of_values(values or column.values))


def _kinds_of_values(values: Iterable[str]) -> set[Kind]:
    seen = [kind_of(value) for value in list(values)[:50]]
    return {kind for kind in set(seen) - {None, "number"} if kind and seen.count(kind) > _SHORT_KINDS * len(seen)}


def _is_valid(kind: Kind, text: str) -> bool:
    if kind != "ip":
        return True
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
