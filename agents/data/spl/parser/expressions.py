"""Eval's expressions: `if(status>=500, "bad", lower(user)) . "x"`, also where's and `stats count(eval(...))`'s."""

from __future__ import annotations

import re

from agents.data.spl.ast import Binary, Call, Expression, Literal, Name, Unary
from agents.data.spl.parser.cursor import Cursor, unescape

_NUMBER = re.compile(r"(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?(?!\w)")
_LONGEST_NUMBER = 40
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED = re.compile(r"'([^'|]+)'")
_PART = r"[A-Za-z_@$][\w:@$]*(?:\{\w*\})*"
_NAME = re.compile(rf"{_PART}(?:\.(?!\d)[\w:@$]+(?:\{{\w*\}})*(?![\w:@$]*\s*\())*|<<\w+>>|\{{\}}")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
_OPERATOR = re.compile(r"==|!=|<=|>=|<>|[-+*/%.=<>]|(?:AND|OR|XOR|LIKE|IN|NOT)\b", re.IGNORECASE)

# Splunk's order, loosest first: OR, XOR, AND, NOT, comparisons, concatenation, sums, products.
_BINDING = {"or": 1, "xor": 2, "and": 3, "like": 5, "in": 5, "not": 5, ".": 6, "+": 7, "-": 7, "*": 8, "/": 8, "%": 8}
_BINDING |= dict.fromkeys(("=", "==", "!=", "<>", "<", ">", "<=", ">="), 5)
_NOT_BINDING = 4
_SAME = {"==": "=", "<>": "!="}


def parse_expression(c: Cursor, loosest: int = 0) -> Expression:
    """One expression whose operators bind tighter than `loosest`."""
    with c.deeper():
        left = _prefix(c)
        while True:
            at = c.space()
            match = _OPERATOR.match(c.text, at)
            op = match.group().lower() if match else ""
            if not match or _BINDING[op] <= loosest:
                return left
            c.pos = match.end()
            left = _infix(c, left, _SAME.get(op, op), at)


def split_expression(c: Cursor) -> list[str]:
    """The text of each condition that AND joins; the whole where OR or XOR does."""
    start, found = c.space(), []
    while True:
        at = c.space()
        parse_expression(c, _BINDING["and"])
        found.append(c.text[at : c.pos].strip())
        if not c.eat_word("and"):
            return found if c.at_end() else [c.text[start:].strip()]


def _infix(c: Cursor, left: Expression, op: str, at: int) -> Expression:
    if op == "in":
        return Call("in", [left, *_arguments_in_brackets(c)], at)
    if op == "not":
        if c.eat_word("in"):
            return Unary("not", Call("in", [left, *_arguments_in_brackets(c)], at), at)
        if c.eat_word("like"):
            return Unary("not", Binary("like", left, parse_expression(c, _BINDING["like"]), at), at)
        c.fail("expected IN or LIKE after NOT here")
    return Binary(op, left, parse_expression(c, _BINDING[op]), at)


def _prefix(c: Cursor) -> Expression:
    at = c.space()
    char = c.text[at : at + 1]
    if char in ("-", "+"):
        c.pos += 1
        return Unary(char, parse_expression(c, _BINDING["*"]), at)
    if c.word() == "not":
        c.pos = at + 3
        return Unary("not", parse_expression(c, _NOT_BINDING), at)
    return _primary(c, at, char)


def _primary(c: Cursor, at: int, char: str) -> Expression:
    if c.eat("("):
        inner = parse_expression(c)
        c.expect(")", "to close this bracket")
        return inner
    if match := c.match(_STRING):
        return Literal(unescape(match.group(1)), at)
    if match := c.match(_QUOTED):
        return Name(match.group(1), at)
    if match := c.match(_NUMBER):
        text = match.group()
        if len(text) > _LONGEST_NUMBER:
            c.fail(f"this number has {len(text)} characters; {_LONGEST_NUMBER} are understood", code="bad_number")
        return Literal(int(text) if text.isdecimal() else float(text), at)
    if match := c.match(_CALL):
        c.pos -= 1
        return Call(match.group(1).lower(), _arguments_in_brackets(c), at)
    if c.word() not in ("and", "or", "xor", "as", "by") and (match := c.match(_NAME)):
        return Name(match.group(), at, dotted="." in match.group())
    if macro := c.macro():
        return macro
    if char == "!":
        c.fail("'!' is not an operator of eval; write NOT", suggestion="NOT")
    if char == "[":
        c.fail("a subsearch can't be used in an eval expression; use it in search", suggestion="| search [...]")
    c.fail(f"expected a value or field, found {c.found()}")


def _arguments_in_brackets(c: Cursor) -> list[Expression]:
    c.expect("(", "before the arguments")
    arguments: list[Expression] = []
    if c.eat(")"):
        return arguments
    while True:
        arguments.append(parse_expression(c))
        if not c.eat(","):
            break
    c.expect(")", "after the arguments")
    return arguments
