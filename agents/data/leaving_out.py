"""What a model is shown when parts of the derivation are left out (parts.py)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from agents.data.derive import Brief
from agents.data.examples import choose
from agents.data.parts import Part

_PLAIN_TABLES = 5  # that plain retrieval offers


def leave_out(brief: Brief, without: Collection[Part]) -> Brief:
    """The brief without known values and glossary terms, or with the tables that BM25 alone finds."""
    if Part.VALUES in without:
        brief = replace(brief, linked=replace(brief.linked, mentions=[]))
    return _by_words(brief) if Part.LINKING in without else brief


def _by_words(brief: Brief) -> Brief:
    """The first five tables by the question's words, and the examples that go with them."""
    links = sorted(brief.linked.links, key=lambda link: -link.signals["words"])
    tables = [link.table for link in links[:_PLAIN_TABLES]]
    names = {table.name for table in tables}
    examples = choose(brief.linked.examples, brief.question, names, len(brief.examples))
    return replace(brief, tables=tables, examples=examples)
