"""A search's text as the parser reads it: comments blanked, macros expanded, and every offset still traceable."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agents.data.names import nearest_name
from agents.data.spl.ast import MacroCall
from shared.models import Problem

MAX_LENGTH = 200_000
MAX_MACRO_DEPTH = 16
_FEW = 12
_STRING = r'"(?:[^"\\]|\\.)*"'
PIECE = re.compile(rf"\\.|{_STRING}|```.*?```|```|`(?:[^`\"]|{_STRING})*`|[\"`]", re.DOTALL)
_QUOTED = re.compile(rf"\\.|{_STRING}|```.*?```", re.DOTALL)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
# Characters that look like a pipe, that can't be seen, or that turn the reading order around.
_MISLEADING = re.compile("[\uff5c\u2223\u01c0\u2758\u23d0\uffe8\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MACRO = re.compile(r"`\s*([\w:.\-]+)\s*(?:\((.*)\))?\s*`", re.DOTALL)
_ARGUMENT = re.compile(rf"((?:{_STRING}|\([^()]*\)|[^,\"])*)(?:,|$)", re.DOTALL)


class SplError(Exception):
    """What is wrong, and the offset where. message: one sentence; suggestion: the nearest fix."""

    def __init__(self, code: str, message: str, at: int, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.at, self.suggestion = code, message, at, suggestion


@dataclass(frozen=True)
class Macro:
    """A search macro: its text, and the names of its arguments, written `$name$` in the text.

    In a mapping of macros its key is its name, or `name(2)` for the one of that name with two arguments.
    """

    definition: str
    arguments: tuple[str, ...] = ()


@dataclass
class Source:
    """text: what the parser reads; starts/origins: where each piece of it came from in `written`; hidden: the macros in
    it that are not known."""

    written: str
    text: str = ""
    hidden: list[MacroCall] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    origins: list[tuple[int, bool]] = field(default_factory=list)

    def problem(self, error: SplError) -> Problem:
        line, column = self.place(error.at)
        return Problem(code=error.code, message=error.message, line=line, column=column, suggestion=error.suggestion)

    def place(self, at: int) -> tuple[int, int]:
        """Line and column, from 1, in what the user wrote; inside a macro's text, where the macro is called."""
        # Without a text, reading it failed, and errors are placed in what was written.
        index = bisect_right(self.starts, at) - 1 if self.text else -1
        offset = at
        if index >= 0:
            origin, literal = self.origins[index]
            offset = origin + (at - self.starts[index] if literal else 0)
        offset = min(offset, len(self.written))
        before = self.written[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def read_source(written: str, macros: Mapping[str, Macro]) -> Source:
    """Raises SplError for a text too long, an open quote, comment or macro, or macros that never end."""
    source = Source(written)
    if len(written) > MAX_LENGTH:
        raise SplError("too_long", f"the search has {len(written)} characters; {MAX_LENGTH} are allowed", 0)
    if found := _NO_TEXT.search(written):
        raise SplError("bad_character", f"U+{ord(found.group()):04X} can't be part of a search", found.start())
    if found := _MISLEADING.search(_QUOTED.sub(lambda match: " " * len(match.group()), written)):
        raise SplError("misleading_character", _misled(found.group()), found.start(), "remove it, or put it in quotes")
    parts: list[str] = []
    _expand(written, macros, source, parts, origin=None, calls=())
    source.text = "".join(parts)
    return source


def _misled(character: str) -> str:
    return f"U+{ord(character):04X} reads as something else than it is"


def _expand(
    text: str,
    macros: Mapping[str, Macro],
    source: Source,
    parts: list[str],
    origin: int | None,
    calls: tuple[str, ...],
) -> None:
    """Append `text` to `parts`. origin: where the outermost macro was called; None while reading the user's text."""
    length = sum(map(len, parts))
    last = 0

    def emit(piece: str, at: int) -> None:
        nonlocal length
        if length + len(piece) > MAX_LENGTH:
            raise SplError("too_long", f"macros expand the search beyond {MAX_LENGTH} characters", origin or at)
        source.starts.append(length)
        source.origins.append((at, True) if origin is None else (origin, False))
        parts.append(piece)
        length += len(piece)

    for match in PIECE.finditer(text):
        piece, at = match.group(), match.start() if origin is None else origin
        if piece in ('"', "`", "```"):
            raise _unclosed(piece, at)
        if piece.startswith("```"):
            emit(text[last : match.start()], last)
            emit(re.sub(r"[^\n]", " ", piece), at)
            last = match.end()
        elif piece.startswith("`") and (definition := _definition(piece, macros, at)) is not None:
            name = piece.strip("` ").partition("(")[0]
            if name in calls or len(calls) >= MAX_MACRO_DEPTH:
                raise SplError("macro_recursion", f"macro '{name}' expands to itself", at)
            emit(text[last : match.start()], last)
            _expand(definition, macros, source, parts, at, (*calls, name))
            length = sum(map(len, parts))
            last = match.end()
        elif piece.startswith("`"):
            place = length + match.start() - last
            source.hidden.append(MacroCall(piece.strip("` \t\r\n").partition("(")[0].strip(), place))
    emit(text[last:], last)


def _unclosed(piece: str, at: int) -> SplError:
    name = {'"': "quote", "`": "macro", "```": "comment"}[piece]
    return SplError(f"unclosed_{name}", f"this {name} ({piece}) is never closed", at, f"close it with {piece}")


def _definition(piece: str, macros: Mapping[str, Macro], at: int) -> str | None:
    """The macro's text with its arguments filled in; None if it is not known."""
    match = _MACRO.fullmatch(piece)
    if not match:
        raise SplError("syntax", f"{piece[:40]} is not a macro call; write `name` or `name(argument, ...)`", at)
    name, written = match.group(1), match.group(2)
    values = _arguments(written) if written is not None else []
    macro = macros.get(f"{name}({len(values)})") or macros.get(name)
    if macro is None:
        return None
    if len(values) != len(macro.arguments):
        raise SplError(
            "macro_arguments", f"macro '{name}' takes {len(macro.arguments)} arguments, not {len(values)}", at
        )
    text = macro.definition
    for argument, value in zip(macro.arguments, values, strict=True):
        text = text.replace(f"${argument}$", value)
    return text


def _arguments(written: str) -> list[str]:
    values = [match.group(1).strip() for match in _ARGUMENT.finditer(written)]
    if values and not values[-1]:
        values.pop()
    return [value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value for value in values]


def unknown_macro(name: str, at: int, macros: Mapping[str, Macro]) -> SplError:
    return unknown("macro", name, at, macros)


def unknown(kind: str, name: str, at: int, known: Iterable[str]) -> SplError:
    """`unknown field 'usr'` with the nearest name, or, where none is near, the names there are if they are few."""
    names = sorted(set(known))
    near = nearest_name(name, names)
    listed = f" (there are {', '.join(names)})" if not near and 0 < len(names) <= _FEW else ""
    return SplError(f"unknown_{kind.replace(' ', '_')}", f"unknown {kind} '{name}'{listed}", at, near)
