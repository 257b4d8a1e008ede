"""A hand-written recursive-descent parser of SPL. `parse_pipeline` and `conditions` are its whole face."""

from __future__ import annotations

from agents.data.names import nearest_name
from agents.data.spl.ast import Command, MacroCommand, Pipeline, Search
from agents.data.spl.catalogue import COMMANDS, OTHER_WORDS, STARTS_WITH_PIPE
from agents.data.spl.parser.aggregates import aggregate
from agents.data.spl.parser.combining import foreach, join, map_search, subsearch, subsearches
from agents.data.spl.parser.cursor import Cursor
from agents.data.spl.parser.expressions import split_expression
from agents.data.spl.parser.options import Grammar, read_head
from agents.data.spl.parser.reading import (
    data_model,
    from_source,
    input_lookup,
    lookup,
    regex,
    rex,
    spath,
    transaction,
    words,
)
from agents.data.spl.parser.searching import parse_search, split_search
from agents.data.spl.parser.shaping import (
    binning,
    convert,
    dedup,
    evaluate,
    fields,
    head,
    make_multivalue,
    none,
    rename,
    replace,
    sort,
    top,
    where,
)
from agents.data.spl.source import SplError

MAX_COMMANDS = 500


def _search(c: Cursor, command: Command) -> Command:
    return Search(name="search", at=command.at, expression=parse_search(c))


_GRAMMARS: dict[str, Grammar] = {
    "aggregate": aggregate,
    "bin": binning,
    "convert": convert,
    "dedup": dedup,
    "eval": evaluate,
    "fields": fields,
    "datamodel": data_model,
    "foreach": foreach,
    "from": from_source,
    "head": head,
    "inputlookup": input_lookup,
    "join": join,
    "lookup": lookup,
    "makemv": make_multivalue,
    "map": map_search,
    "none": none,
    "regex": regex,
    "rename": rename,
    "replace": replace,
    "rex": rex,
    "search": _search,
    "sort": sort,
    "spath": spath,
    "subsearch": subsearch,
    "subsearches": subsearches,
    "top": top,
    "transaction": transaction,
    "where": where,
    "words": words,
}


def parse_pipeline(text: str) -> Pipeline:
    """The whole search, already expanded (source.py). Raises SplError at the first thing that is wrong."""
    cursor = Cursor(text, _subsearch_commands)
    if cursor.peek() == "":
        raise SplError("empty", "the search is empty", 0)
    pipeline = _commands(cursor, top=True)
    if cursor.peek():
        cursor.fail(f"{cursor.found()} closes nothing", code="unclosed_bracket")
    return pipeline


def conditions(command: str) -> list[str]:
    """The conditions of one `search` or `where`, all of which must hold, as they are written. Raises SplError."""
    cursor = Cursor(command, _subsearch_commands)
    return split_expression(cursor) if cursor.eat_word("where") else split_search(cursor)


def _subsearch_commands(cursor: Cursor) -> Pipeline:
    if cursor.peek() == "]":
        cursor.fail("this subsearch is empty", code="empty_clause")
    return _commands(cursor, top=False)


def _commands(c: Cursor, *, top: bool) -> Pipeline:
    at = c.space()
    commands = []
    if c.eat("|"):
        commands.append(_command(c))
    elif top and not c.eat_word("search"):
        _meant_as_command(c)
        commands.append(Search(name="search", at=at, expression=parse_search(c)))
    elif top:
        commands.append(Search(name="search", at=at, expression=parse_search(c)))
    else:
        commands.append(_command(c))
    while c.eat("|"):
        if len(commands) >= MAX_COMMANDS:
            c.fail(f"more than {MAX_COMMANDS} commands", code="too_long")
        commands.append(_command(c))
    return Pipeline(commands, at)


def _meant_as_command(c: Cursor) -> None:
    """A search starting with `tstats count ...` looks for the word tstats, which nobody means."""
    word = c.word()
    if word in STARTS_WITH_PIPE and c.text[c.pos + len(word) :].lstrip()[:1] not in ("=", "!"):
        c.fail(f"the command '{word}' needs a pipe before it", code="missing_pipe", suggestion=f"| {word} ...")


def _command(c: Cursor) -> Command:
    at = c.space()
    if macro := c.macro():
        return _rest_of_macro(c, MacroCommand(name=macro.name, at=at))
    name = c.word()
    if not name:
        c.fail(f"expected a command, found {c.found()}", code="empty_clause" if c.at_end() else "syntax")
    entry = COMMANDS.get(name)
    if entry is None:
        c.fail(f"unknown command '{name}'", code="unknown_command", suggestion=_suggestion(name))
    c.eat_word(name)
    command = read_head(c, entry, at)
    with c.deeper():
        parsed = _GRAMMARS[entry.grammar](c, command)
    if not c.at_end():
        c.fail(f"'{name}' does not understand {c.found()} here")
    return parsed


def _rest_of_macro(c: Cursor, command: MacroCommand) -> MacroCommand:
    """What follows an unknown macro may be arguments of the command it hides, so it is only balanced."""
    words(c, command)
    return command


def _suggestion(name: str) -> str | None:
    return OTHER_WORDS.get(name) or nearest_name(name, COMMANDS)
