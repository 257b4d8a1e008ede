"""Search's expressions: `status>=500 (user=a* OR "login failed") NOT host IN (a, b) [ ...subsearch ]`.

Unlike in eval, OR binds tighter than AND, AND is implied, and keywords are upper case.
"""

from __future__ import annotations

import re

from agents.data.spl.ast import (
    All,
    Any,
    Comparison,
    FieldRef,
    MacroCall,
    Not,
    SearchExpression,
    Subsearch,
    Term,
    Value,
    Within,
)
from agents.data.spl.parser.cursor import Cursor, unescape

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r"(?:\\.|\(\)|[^\s|()\[\]\",=<>!`\\]|!(?!=)|\\)+")
_OPERATOR = re.compile(r"==|!=|<=|>=|::|[=<>]")
_LITERAL = re.compile(r'(?:\\\S|\(\)|[^\s|()\[\]"`\\]|\\)+')
_LISTED = re.compile(r'(?:\\\S|[^\s|()\[\]",`\\]|\\)+')
_WHOLE = re.compile(r"(TERM|CASE)\(([^()|]*)\)")
_OPEN_WHOLE = re.compile(r"(?:TERM|CASE)\(")
_IN = re.compile(r"\s+IN\s*\(", re.IGNORECASE)


def parse_search(c: Cursor, stops: tuple[str, ...] = ()) -> SearchExpression | None:
    """Up to a closing bracket, a pipe, the end or a stop word; None if nothing is there. Comma separates like space."""
    items: list[SearchExpression] = []
    at = c.space()
    with c.deeper():
        while not _ended(c, stops):
            if c.eat(","):
                continue
            if items and _keyword(c, "AND"):
                _operand_follows(c, stops, "AND")
                continue
            items.append(_alternatives(c, stops))
    if len(items) == 1:
        return items[0]
    return All(items, at) if items else None


def split_search(c: Cursor) -> list[str]:
    """The text of each condition that must hold; the word `search` before them may be left out."""
    c.eat_word("search")
    found: list[str] = []
    while not c.at_end():
        if c.eat(",") or _keyword(c, "AND"):
            continue
        at = c.space()
        _alternatives(c, ())
        found.append(c.text[at : c.pos].strip())
    return found


def _ended(c: Cursor, stops: tuple[str, ...]) -> bool:
    return c.at_end() or c.peek() == ")" or (bool(stops) and c.word() in stops)


def _keyword(c: Cursor, word: str) -> bool:
    at = c.space()
    end = at + len(word)
    if c.text.startswith(word, at) and (
        c.text[end : end + 1] in ("", "(", ")", "[", "|", "]", '"', "`") or c.text[end].isspace()
    ):
        c.pos = end
        return True
    return False


def _operand_follows(c: Cursor, stops: tuple[str, ...], keyword: str) -> None:
    if _ended(c, stops):
        c.fail(f"{keyword} needs something on its right, found {c.found()}")


def _alternatives(c: Cursor, stops: tuple[str, ...]) -> SearchExpression:
    at = c.space()
    if _keyword(c, "OR"):
        c.fail("OR needs something on its left")
    items = [_negation(c, stops)]
    while _keyword(c, "OR"):
        _operand_follows(c, stops, "OR")
        items.append(_negation(c, stops))
    return items[0] if len(items) == 1 else Any(items, at)


def _negation(c: Cursor, stops: tuple[str, ...]) -> SearchExpression:
    at = c.space()
    if _keyword(c, "NOT"):
        _operand_follows(c, stops, "NOT")
        with c.deeper():
            return Not(_negation(c, stops), at)
    return _item(c, at)


def _item(c: Cursor, at: int) -> SearchExpression:
    char = c.peek()
    if char == "(":
        return _group(c, at)
    if char == "[":
        return c.subsearch()
    if char == "`" and (macro := c.macro()):
        return _after_macro(c, macro)
    if match := c.match(_WHOLE):
        return Term(match.group(2).strip('"'), True, at, match.group(1))
    if c.match(_OPEN_WHOLE):
        c.pos = at
        c.fail("this '(' is never closed", code="unclosed_bracket", suggestion="close it with )")
    if match := c.match(_STRING):
        return _comparison(c, FieldRef(unescape(match.group(1)), at), quoted=True)
    if match := c.match(_WORD):
        return _word(c, match.group(), at)
    c.fail(f"expected a search term, found {c.found()}")


def _group(c: Cursor, at: int) -> SearchExpression:
    c.expect("(", "to open the group")
    inner = parse_search(c)
    if inner is None:
        c.fail("nothing between these brackets", code="empty_clause")
    if not c.eat(")"):
        c.pos = at
        c.fail("this '(' is never closed", code="unclosed_bracket", suggestion="close it with )")
    return inner


def _after_macro(c: Cursor, macro: MacroCall) -> SearchExpression:
    """A macro may stand for a field: `` `field`=x ``."""
    match = c.match(_OPERATOR)
    if match:
        return Comparison(FieldRef(f"`{macro.name}`", macro.at), match.group(), _value(c), macro.at)
    return macro


def _word(c: Cursor, word: str, at: int) -> SearchExpression:
    if "::" in word and not word.startswith("::"):
        field, _, value = word.partition("::")
        return Comparison(FieldRef(field, at), "=", Value(value, False, at), at)
    return _comparison(c, FieldRef(word, at), quoted=False)


def _comparison(c: Cursor, field: FieldRef, *, quoted: bool) -> SearchExpression:
    """The field's comparison, or the word itself as free text when none follows."""
    if match := _IN.match(c.text, c.pos):
        c.pos = match.end()
        return Within(field, _listed(c), field.at)
    if match := c.match(_OPERATOR):
        op = "=" if match.group() in ("==", "::") else match.group()
        return Comparison(field, op, _value(c), field.at)
    return Term(field.name, quoted, field.at)


def _listed(c: Cursor) -> list[Value]:
    values: list[Value] = []
    while not c.eat(")"):
        if c.eat(","):
            continue
        at = c.space()
        if c.at_end() or c.peek() in "([":
            c.fail(f"expected ')' after the values of IN, found {c.found()}", code="unclosed_bracket")
        if (value := _quoted(c, at)) is None:
            match = c.match(_LISTED)
            value = Value(match.group(), False, at) if match else c.value()
        values.append(value)
    if not values:
        c.fail("IN needs at least one value", code="empty_clause")
    return values


def _quoted(c: Cursor, at: int) -> Value | None:
    match = c.match(_STRING)
    return Value(unescape(match.group(1)), True, at) if match else None


def _value(c: Cursor) -> Value | Subsearch | MacroCall:
    """A value: `"a b"`, `*.exe`, or pieces without space between (`*"a b"*`)."""
    at = c.space()
    if c.peek() == "[":
        return c.subsearch()
    if c.peek() == "`" and (macro := c.macro()):
        return macro
    pieces: list[str] = []
    quoted = False
    while c.pos < len(c.text):
        if match := _STRING.match(c.text, c.pos):
            pieces.append(unescape(match.group(1)))
            quoted = True
        elif match := _LITERAL.match(c.text, c.pos):
            pieces.append(unescape(match.group()))
        else:
            break
        c.pos = match.end()
    if not pieces:
        c.fail(f"expected a value to compare with, found {c.found()}")
    text = "".join(pieces)
    return Value(text if quoted else text.rstrip(","), quoted, at)
