"""The fields that Splunk's props.conf and transforms.conf make at search time, and lookups and macros of conf files.

Stanzas are told apart by their settings, so files may have any name and hold several kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agents.data.spl.conf import macro_of
from agents.data.spl.source import Macro

Stanzas = Mapping[str, Mapping[str, str]]

_GROUP = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")
_FORMAT = re.compile(r'(?:^|\s)"?([A-Za-z_]\w*)"?::')
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s,]+)')
_ALIAS = re.compile(r'(?:"[^"]+"|\S+)\s+AS(?:NEW)?\s+("[^"]+"|[^\s,]+)', re.IGNORECASE)
_OUTPUT = re.compile(r"\bOUTPUT(?:NEW)?\b", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][\w.:-]*")
_SEARCH_TIME = re.compile(r"(EXTRACT|REPORT|EVAL|FIELDALIAS|LOOKUP)-(.+)", re.IGNORECASE)


@dataclass
class Conf:
    """What conf files say. fields: of each props stanza (a sourcetype, `source::…`, `host::…` or `default`), in order;
    lookups: of each the file that holds it, if a file does, and its fields as far as they are said."""

    fields: dict[str, dict[str, None]] = field(default_factory=dict)
    lookups: dict[str, tuple[str | None, list[str]]] = field(default_factory=dict)
    macros: dict[str, Macro] = field(default_factory=dict)


def read_conf(files: list[Stanzas]) -> Conf:
    conf = Conf()
    stanzas = [(name, settings) for file in files for name, settings in file.items()]
    for name, settings in stanzas:
        if "definition" in settings:
            conf.macros[name] = macro_of(settings)
        elif settings.keys() & {"filename", "fields_list", "collection", "external_cmd"}:
            listed = [one for one in _words(settings.get("fields_list", "")) if one != "_key"]
            conf.lookups[name] = (settings.get("filename"), listed)
    transforms = dict(stanzas)
    for name, settings in stanzas:
        found = dict.fromkeys(_fields(settings, transforms, conf))
        if found:
            conf.fields.setdefault(name, {}).update(found)
    return conf


def _fields(settings: Mapping[str, str], transforms: Stanzas, conf: Conf) -> Iterator[str]:
    for setting, value in settings.items():
        found = _SEARCH_TIME.fullmatch(setting)
        kind, name = (found[1].upper(), found[2]) if found else ("", "")
        if kind == "EXTRACT":
            yield from _GROUP.findall(value)
        elif kind == "EVAL":
            yield name.strip("'\"")
        elif kind == "FIELDALIAS":
            yield from (one.strip('"') for one in _ALIAS.findall(value) if "*" not in one)
        elif kind == "REPORT":
            for one in _words(value):
                yield from _extracted(transforms.get(one, {}))
        elif kind == "LOOKUP":
            yield from _looked_up(value, conf)


def _extracted(transform: Mapping[str, str]) -> Iterator[str]:
    """Named groups, the names that FORMAT gives, and FIELDS of what is split by delimiters."""
    yield from _GROUP.findall(transform.get("REGEX", ""))
    yield from _FORMAT.findall(transform.get("FORMAT", ""))
    yield from _words(transform.get("FIELDS", ""))


def _looked_up(value: str, conf: Conf) -> Iterator[str]:
    """`LOOKUP-x = name key AS field OUTPUT a AS b, c`: b and c; without OUTPUT every field that is not a key."""
    parts = _OUTPUT.split(value, maxsplit=1)
    if len(parts) == 2:
        yield from _targets(_words(parts[1]))
        return
    words = _words(value)
    _, listed = conf.lookups.get(words[0], (None, [])) if words else (None, [])
    yield from (one for one in listed if one not in words)


def _targets(words: list[str]) -> Iterator[str]:
    """`a AS b c` → b, c."""
    for number, word in enumerate(words):
        after = words[number + 1].upper() if number + 1 < len(words) else ""
        if word.upper() != "AS" and after != "AS" and _NAME.fullmatch(word):
            yield word


def _words(text: str) -> list[str]:
    return [quoted or plain for quoted, plain in _WORD.findall(text)]
