"""Options, `name=value`, checked against the catalogue."""

from __future__ import annotations

from collections.abc import Callable

from agents.data.names import nearest_name
from agents.data.spl.ast import Command, Value
from agents.data.spl.catalogue import COMMANDS, Entry
from agents.data.spl.parser.cursor import MAX_DIGITS, Cursor
from agents.data.spl.source import SplError

Grammar = Callable[[Cursor, Command], Command]

# Grammars whose arguments may hold `=`, so options are looked for by the grammar itself or not at all.
_OWN = frozenset(("eval", "where", "search", "words", "regex", "map", "none", "foreach"))
_ENUMS: dict[str, dict[str, tuple[str, ...]]] = {
    "type": {"join": ("inner", "left", "outer")},
    "mode": {"rex": ("sed",)},
}
_NUMBERS = {
    "limit": ("top", "rare", "head", "tail", "sort", "mvexpand"),
    "max": ("join", "inputlookup"),
    "start": ("inputlookup",),
    "bins": ("bin", "bucket", "chart", "timechart"),
    "count": ("makeresults",),
    "maxevents": ("transaction",),
    "window": ("streamstats",),
    "max_match": ("rex",),
}


def read_head(c: Cursor, entry: Entry, at: int) -> Command:
    """The command's name and the options right behind it."""
    command = Command(name=entry.name, at=at)
    if entry.grammar not in _OWN or entry.grammar == "none":
        read_options(c, command)
    return command


def read_options(c: Cursor, command: Command) -> None:
    """As many options as follow. Raises SplError for one that the command does not take."""
    while True:
        before = c.pos
        named = c.option_name()
        if named is None:
            return
        name, at = named
        known = COMMANDS[command.name].options
        if name not in known:
            c.pos = before
            message = f"'{command.name}' has no option '{name}'"
            raise SplError("unknown_option", message, at, nearest_name(name, known))
        if command.name == "transaction" and name in ("startswith", "endswith"):
            c.pos = before
            return
        value = c.value()
        _check(command.name, name, value)
        command.options[name] = value
        c.eat(",")


def _check(command: str, name: str, value: Value) -> None:
    allowed = _ENUMS.get(name, {}).get(command)
    if allowed and value.text.lower() not in allowed:
        message = f"{name}={value.text} is not an option of '{command}'"
        raise SplError("bad_option", message, value.at, nearest_name(value.text, allowed))
    whole = value.text.isdecimal() and len(value.text) <= MAX_DIGITS
    if command in _NUMBERS.get(name, ()) and not (whole or value.text.startswith("`")):
        raise SplError("bad_option", f"{name} of '{command}' must be a number, not '{value.text[:30]}'", value.at)
