"""Where the parser stands in the text, and the small readings all grammars share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from agents.data.spl.ast import FieldRef, MacroCall, Pipeline, Subsearch, Value
from agents.data.spl.source import SplError

MAX_DEPTH = 60
MAX_DIGITS = 15
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][\w.\-]*")
_FIELD = re.compile(r"(?:\\.|<<\w+>>|[^\s,|()\[\]\"'=<>!`\\])+")
_PLAIN = re.compile(r"(?:\\\S|[^\s|()\[\]\",`\\]|\\)+")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED_FIELD = re.compile(r"'([^'|\n]+)'")
_MACRO = re.compile(r"`\s*([\w:.\-]+)[^`]*`")
_OPTION = re.compile(r"([A-Za-z_][\w.\-]*)\s*=(?!=)\s*")
_ESCAPE = re.compile(r"\\([\"\\])")


def unescape(text: str) -> str:
    r"""The characters a quoted string stands for: `\"` and `\\`; other backslashes are kept (regular expressions)."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


class Cursor:
    """text: the expanded search; pipeline: reads a subsearch's commands up to its `]`."""

    def __init__(self, text: str, pipeline: Callable[[Cursor], Pipeline]) -> None:
        self.text, self.pos, self.depth = text, 0, 0
        self._pipeline = pipeline

    # --- looking ----------------------------------------------------------------------------------------------

    def space(self) -> int:
        """Skip white space; the offset reached."""
        match = _SPACE.match(self.text, self.pos)
        self.pos = match.end() if match else self.pos
        return self.pos

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        self.space()
        return self.text[self.pos : self.pos + 1]

    def at_end(self) -> bool:
        """At the end of this command."""
        return self.peek() in ("", "|", "]")

    def word(self) -> str:
        """The next word in lower case, not consumed; empty if something else comes."""
        match = _WORD.match(self.text, self.space())
        return match.group().lower() if match else ""

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Consume what matches here, after white space."""
        found = pattern.match(self.text, self.space())
        if found:
            self.pos = found.end()
        return found

    # --- taking -----------------------------------------------------------------------------------------------

    def eat(self, char: str) -> bool:
        if self.peek() != char:
            return False
        self.pos += 1
        return True

    def expect(self, char: str, inside: str) -> None:
        if not self.eat(char):
            code = "unclosed_bracket" if char in ")]" else "syntax"
            self.fail(f"expected '{char}' {inside}, found {self.found()}", code=code)

    def eat_word(self, *words: str) -> bool:
        """Consume one of the (lower-case) keywords."""
        match = _WORD.match(self.text, self.space())
        if match and match.group().lower() in words:
            self.pos = match.end()
            return True
        return False

    def field(self, expected: str = "a field") -> FieldRef:
        at = self.space()
        if match := self.match(_STRING):
            return FieldRef(unescape(match.group(1)), at)
        if match := self.match(_QUOTED_FIELD):
            return FieldRef(match.group(1), at)
        if match := self.match(_FIELD):
            return FieldRef(match.group(), at)
        if macro := self.macro():
            return FieldRef(f"`{macro.name}`", at)
        self.fail(f"expected {expected}, found {self.found()}")

    def fields(self, *stops: str) -> list[FieldRef]:
        """Fields separated by commas or spaces, up to the command's end or a keyword."""
        found: list[FieldRef] = []
        while not self.at_end() and self.peek() not in "()[=" and self.word() not in stops:
            found.append(self.field())
            self.eat(",")
        return found

    def some_fields(self, what: str, *stops: str) -> list[FieldRef]:
        """Like `fields`, but none is an error."""
        found = self.fields(*stops)
        if not found:
            self.fail(f"expected at least one field {what}, found {self.found()}", code="empty_clause")
        return found

    def value(self) -> Value:
        """A quoted string, or a word up to space, comma, bracket or pipe."""
        at = self.space()
        if match := self.match(_STRING):
            return Value(unescape(match.group(1)), True, at)
        if match := self.match(_PLAIN):
            return Value(match.group(), False, at)
        if macro := self.macro():
            return Value(f"`{macro.name}`", True, at)
        self.fail(f"expected a value, found {self.found()}")

    def string(self, what: str) -> Value:
        if self.peek() != '"':
            self.fail(f"expected {what} in double quotes, found {self.found()}")
        return self.value()

    def option_name(self) -> tuple[str, int] | None:
        """`name=` ahead, consumed, in lower case with its offset; or None."""
        at = self.space()
        match = self.match(_OPTION)
        return (match.group(1).lower(), at) if match else None

    def number(self, text: str, at: int) -> int:
        """A whole number; a macro's, which is not known here, is 0."""
        if text.startswith("`"):
            return 0
        if not text.isdecimal() or len(text) > MAX_DIGITS:
            raise SplError("bad_number", f"'{text[:30]}' is not a whole number of at most {MAX_DIGITS} digits", at)
        return int(text)

    def macro(self) -> MacroCall | None:
        at = self.space()
        match = self.match(_MACRO)
        return MacroCall(match.group(1), at) if match else None

    def subsearch(self) -> Subsearch:
        at = self.space()
        self.expect("[", "to start a subsearch")
        with self.deeper():
            pipeline = self._pipeline(self)
        if not self.eat("]"):
            raise SplError("unclosed_bracket", "this subsearch's '[' is never closed", at, "close it with ]")
        return Subsearch(pipeline, at)

    def no_subsearch(self) -> Pipeline:
        """For places where the language allows no subsearch."""
        self.fail("a subsearch is not allowed here")

    # --- failing ----------------------------------------------------------------------------------------------

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SplError("too_deep", f"nested more than {MAX_DEPTH} levels deep", self.pos)
        yield
        self.depth -= 1

    def found(self) -> str:
        """What comes next, for a message."""
        start = self.space()
        if start >= len(self.text):
            return "the end"
        match = _WORD.match(self.text, start) or _PLAIN.match(self.text, start)
        return f"'{match.group()[:30]}'" if match else f"'{self.text[start]}'"

    def fail(self, message: str, *, code: str = "syntax", suggestion: str | None = None) -> NoReturn:
        raise SplError(code, message, self.space(), suggestion)
