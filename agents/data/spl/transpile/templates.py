"""foreach: a template run for each of some fields, `<<FIELD>>` in it standing for the field's name."""

from __future__ import annotations

import re
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass, replace
from typing import Any

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Combine
from agents.data.spl.transpile.relation import Relation, Translation
from agents.data.spl.transpile.steps import matching

_MOST_FIELDS = 100


def foreach(t: Translation, relation: Relation, command: Combine) -> Relation:
    if command.options.keys() - {"mode"} or command.option("mode", "multifield") != "multifield":
        raise NotExecutable("foreach is translated for fields, with <<FIELD>>, <<MATCHSTR>> and <<MATCHSEG1>>")
    found = {name: ref.name for ref in command.fields for name in matching(relation, ref)}
    chosen = {name: pattern for name, pattern in found.items() if name == pattern or not name.startswith("_")}
    if len(chosen) > _MOST_FIELDS:
        raise NotExecutable(f"foreach over more than {_MOST_FIELDS} fields is not translated")
    for name, pattern in chosen.items():
        relation = t.run(_filled(command.subsearches[0].pipeline, _words(name, pattern)), relation)
    return relation


def _words(name: str, pattern: str) -> dict[str, str]:
    """What the template's words stand for; MATCHSTR is what the pattern's `*` matched."""
    matched = re.fullmatch("(.*)".join(map(re.escape, pattern.split("*"))), name)
    segments = matched.groups() if matched else ()
    words = {"<<FIELD>>": name, "<<MATCHSTR>>": "".join(segments)}
    return words | {f"<<MATCHSEG{number}>>": segment for number, segment in enumerate(segments, 1)}


def _filled(node: Any, words: dict[str, str]) -> Any:
    """A copy of the tree with the words replaced in its names and texts."""
    if isinstance(node, str):
        for word, text in words.items():
            node = node.replace(word, text)
        return node
    if isinstance(node, list | tuple):
        return type(node)(_filled(item, words) for item in node)
    if isinstance(node, dict):
        return {_filled(key, words): _filled(value, words) for key, value in node.items()}
    if is_dataclass(node) and not isinstance(node, type):
        return replace(node, **{part.name: _filled(getattr(node, part.name), words) for part in dataclass_fields(node)})
    return node
